"""Two real processes: they learn what one does, and stop together."""

import json
import os
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import torch

SCRIPTS = Path(sysconfig.get_path("scripts"))
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
TRAIN = ["--network", "siggraph17", "--width", "2", "--steps", "3", "--crop", "32", "--batch", "4"]


def launch(*command):
    return subprocess.run(
        [SCRIPTS / command[0], *command[1:]], env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )


def free_port():
    """Not 0 for "any": with accelerate 1.2 the processes then wait for each other at port 0 for ever."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def tensors_of(state, name=""):
    """All tensors in nested dicts and lists, by their place."""
    if isinstance(state, torch.Tensor):
        return {name: state}
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    return {place: value for key, part in items for place, value in tensors_of(part, f"{name}/{key}").items()}


def test_two_processes_learn_what_one_does(small, tmp_path):
    from PIL import Image

    from ipycolorize.cli import main

    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(small).save(photos / "china.png")
    one, two = tmp_path / "one", tmp_path / "two"
    done = launch(
        "accelerate", "launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", free_port(),
        "-m", "ipycolorize", "train", str(photos), "-o", str(two), *TRAIN, "--log-every", "0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()  # of the main process alone
    assert len(lines) == 2
    assert lines[1] == f"weights: {two / 'average.safetensors'}; the same command goes on from the checkpoint"
    assert main(["train", str(photos), "-o", str(one), *TRAIN, "--log-every", "0", "--shards", "2"]) == 0
    ours, theirs = (torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (one, two))
    assert ours["config"] == theirs["config"]
    for record, other in zip(ours["history"], theirs["history"], strict=True):
        assert {**record, "seconds": 0} == {**other, "seconds": 0}
    left, right = tensors_of(ours), tensors_of(theirs)
    assert left.keys() == right.keys()
    assert len(left) > 200  # network, average, optimiser
    for name, value in left.items():
        torch.testing.assert_close(value, right[name], atol=1e-6, rtol=1e-5, msg=name)


def test_processes_agree_on_every_end(tmp_path):
    done = launch("torchrun", "--standalone", "--nproc-per-node", "2", __file__, str(tmp_path))
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"{index}.json").read_text()) for index in range(2))
    assert first["stopped at"] == second["stopped at"] == 3  # though only the second was told to
    assert first["seconds"] == second["seconds"] > 0
    assert (first["records"], second["records"]) == (3, 0)
    assert first["saved"]
    assert "loss became nan at step 0" in first["nan"]
    assert first["nan"] == second["nan"]  # though only the second met it
    assert "same weights and the same checkpoint, but they differ" in first["other seed"]
    assert first["other seed"] == second["other seed"]


def worker(folder):
    """What each process of the test above does; its findings go to a file."""
    import numpy as np
    from conftest import build_live
    from sklearn.datasets import load_sample_image

    from ipycolorize.processes import ProcessesError, join
    from ipycolorize.training.config import Phase, TrainConfig
    from ipycolorize.training.data import Photographs
    from ipycolorize.training.loop import Trainer, TrainingError

    photographs = Photographs((np.ascontiguousarray(load_sample_image("china.jpg")[::4, ::4]),), {})
    config = TrainConfig(steps=50, phases=(Phase(0.0, 32, 4),), shards=2)
    with join("cpu") as processes:

        def start(name, seed=0):
            network = build_live(seed=seed)
            return Trainer(network, photographs, config, folder / name, processes=processes)

        trainer = start("stopped")
        if not processes.main:
            trainer.network.register_forward_pre_hook(
                lambda module, given: trainer.stop() if trainer.step == 2 else None
            )
        found = {"records": len(trainer.run(every_seconds=0, progress=False))}
        found |= {"stopped at": trainer.step, "seconds": trainer.seconds}
        found["saved"] = trainer.checkpoint.exists()

        trainer = start("nan")
        if not processes.main:
            trainer.network.register_forward_hook(
                lambda module, given, outputs: type(outputs)(outputs.ab * float("nan"), outputs.logits)
            )
        try:
            trainer.run(progress=False)
        except TrainingError as error:
            found["nan"] = str(error)
        try:
            start("other seed", seed=processes.index)
        except ProcessesError as error:
            found["other seed"] = str(error)
        (folder / f"{processes.index}.json").write_text(json.dumps(found))


@pytest.mark.parametrize("rank", ["WORLD_SIZE", "OMPI_COMM_WORLD_SIZE"])
def test_several_processes_need_accelerate(monkeypatch, rank):
    from ipycolorize.processes import ProcessesError, join

    monkeypatch.setenv(rank, "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)  # as where it is not installed
    with (
        pytest.raises(ProcessesError, match=r"expected accelerate.*pip install accelerate"),
        join("cpu"),
    ):
        pass


def test_a_launcher_that_started_one_process_only_is_named(monkeypatch):
    from ipycolorize.processes import ProcessesError, join

    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(ProcessesError, match="accelerate launch --cpu started one"), join("cpu"):
        pass


def test_one_process_needs_nothing(monkeypatch):
    from ipycolorize.processes import join

    monkeypatch.setitem(sys.modules, "accelerate", None)
    with join("cpu") as processes:
        assert (processes.count, processes.index, processes.main) == (1, 0, True)
        assert processes.agree(seconds=1.25, stop=True) == (1.25, True)


if __name__ == "__main__":
    worker(Path(sys.argv[1]))
