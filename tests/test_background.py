"""Training in the background: a real process that learns, stops, fails and ends with whoever started it."""

import dataclasses
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from skimage import data

from ipycolorize import finetune
from ipycolorize.finetuning import FineTuning
from ipycolorize.models.weights import load_model
from ipycolorize.protocol import square
from ipycolorize.training.background import MOST, Background, Job, hold_out, train
from ipycolorize.training.checkpoint import TrainingError
from ipycolorize.training.curves import read_log
from ipycolorize.training.data import DataError, Photographs
from ipycolorize.training.loop import validate

pytestmark = pytest.mark.slow  # processes that start, learn and stop
LAST, BEST = "average.safetensors", "best.safetensors"
LONG = 180.0  # seconds that a process may take where everything else runs at the same time


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small):
    """A person's photographs: three in a subfolder, one of them in black and white."""
    folder = tmp_path_factory.mktemp("photographs") / "of my own"
    folder.mkdir()
    grey = np.repeat(small[..., 1:2], 3, axis=2)
    pictures = {"china": small, "coffee": data.coffee()[::4, ::4], "astronaut": data.astronaut()[::4, ::4]}
    for name, rgb in {**pictures, "grey": grey}.items():
        Image.fromarray(np.ascontiguousarray(rgb)).save(folder / f"{name}.png")
    return folder.parent


@pytest.fixture
def launch(folder, tiny_path, tmp_path):
    """Starts a training of the tiny network; whatever still runs at the end is stopped."""
    started = []

    def make(**job):
        job = {"photographs": str(folder), "out": str(tmp_path / "run"), "start": str(tiny_path), **job}
        started.append(Background(Job(**job)))
        return started[-1]

    yield make
    for training in started:
        training.stop()


def wait_for(condition):
    """Wait until it holds."""
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


# --- which photographs measure ---------------------------------------------------------------------------


def coloured(count, *, first=0):
    """Small pictures that differ."""
    draw = np.random.default_rng(0)
    return tuple(draw.integers(0, 256, (first + count, 8, 8, 3), dtype=np.uint8))[first:]


@pytest.mark.parametrize(("count", "held"), [(3, 1), (14, 1), (16, 2), (100, 10), (1000, MOST)])
def test_a_tenth_is_held_out_at_least_one_and_not_too_many(count, held):
    learn, measure = hold_out(Photographs(coloured(count), {"grey": 2}))
    assert (len(learn), len(measure)) == (count - held, held)
    everything = {rgb.tobytes() for rgb in (*learn.images, *measure)}
    assert len(everything) == count
    assert learn.left_out == {"grey": 2}


def test_the_content_decides_and_later_photographs_hardly_matter():
    pictures = coloured(200)
    _, measure = hold_out(Photographs(pictures, {}))
    _, again = hold_out(Photographs(pictures[::-1], {}))
    assert [rgb.tobytes() for rgb in measure] == [rgb.tobytes() for rgb in again]
    _, more = hold_out(Photographs((*pictures, *coloured(10, first=200)), {}))
    kept = {rgb.tobytes() for rgb in measure} & {rgb.tobytes() for rgb in more}
    assert len(kept) >= 18


def test_two_photographs_are_too_few():
    with pytest.raises(DataError, match=r"expected at least 3 .* got 2 photographs; left out: 7 grey"):
        hold_out(Photographs(coloured(2), {"grey": 7}))


# --- a process ----------------------------------------------------------------------------------------------


def test_a_job_measures_before_and_after_and_goes_on_when_it_is_prolonged(folder, tiny_path, tmp_path):
    job = Job(str(folder), str(tmp_path), start=str(tiny_path), minutes=0.02)
    assert train(job)
    records = read_log(tmp_path / "log.csv")
    first, last = records[0], records[-1]
    assert (first.step, first.examples) == (0, 0)
    assert math.isnan(first.huber)
    assert first.psnr.keys() == last.psnr.keys() == {"0", "1", "10", "100", "all"}
    assert first.psnr != last.psnr
    assert last.step > 0
    assert last.seconds >= 1.2
    assert math.isfinite(last.huber)
    before, after = load_model(tiny_path).state_dict(), load_model(tmp_path / LAST).state_dict()
    assert any(not torch.equal(before[key], after[key]) for key in before)
    with safe_open(tmp_path / LAST, framework="pt") as file:
        assert int(file.metadata()["examples"]) == last.examples
    scores = [sum(record.psnr.values()) for record in records]
    with safe_open(tmp_path / BEST, framework="pt") as file:  # perhaps those that it began with
        assert int(file.metadata()["examples"]) == records[scores.index(max(scores))].examples

    assert train(dataclasses.replace(job, minutes=last.seconds / 60 + 0.02))
    more = read_log(tmp_path / "log.csv")
    assert [record.step for record in more[: len(records)]] == [record.step for record in records]
    assert more[-1].step > last.step


def test_the_first_line_of_the_log_is_the_score_of_the_weights_it_starts_from(folder, tiny_path, tmp_path):
    train(Job(str(folder), str(tmp_path), start=str(tiny_path), minutes=0.001))
    _, measure = hold_out(Photographs.load([folder], short_side=256, progress=False))
    images = torch.stack([square(rgb, 256) for rgb in measure])
    assert read_log(tmp_path / "log.csv")[0].psnr == pytest.approx(
        validate(load_model(tiny_path), images), abs=1e-3
    )


def test_it_starts_at_once_stops_in_good_order_and_keeps_a_checkpoint(launch, tmp_path):
    training = launch(minutes=30.0)
    assert training.running
    assert training.state == "running"
    assert os.getpgid(training._process.pid) != os.getpgid(0), "a cell's interrupt would reach it"
    wait_for(lambda: training.records)
    time.sleep(0.5)  # the first line is there before the first step
    assert training.seconds_left == pytest.approx(1800, abs=60)
    other = launch(minutes=30.0)  # the cell is run twice
    with pytest.raises(TrainingError, match=r"another training writes to .*run; stop it first, or choose"):
        other.wait(LONG)
    assert training.running
    assert os.getpriority(os.PRIO_PROCESS, training._process.pid) >= min(19, os.nice(0) + 10)
    training.stop()
    assert (training.running, training.state, training.error) == (False, "stopped", "")
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert state["step"] > 0
    assert len(training.wait()) == 1
    training.stop()  # once more does no harm


def test_the_processs_own_words_say_why_it_failed(launch, tmp_path, small):
    grey = tmp_path / "grey"
    grey.mkdir()
    for number in range(3):
        Image.fromarray(np.roll(small[..., 0], number)).save(grey / f"{number}.png")
    training = launch(photographs=str(grey))
    with pytest.raises(TrainingError, match=rf"expected photographs in {grey}, found none .*3 grey"):
        training.wait(LONG)
    assert training.state == "failed"
    assert "3 grey" in training.error
    assert training.error in (tmp_path / "run" / "train.err").read_text()
    assert training.records == []
    again = launch(start="no such network")
    with pytest.raises(TrainingError, match=r"no such network: expected the name of shipped weights \(live"):
        again.wait(LONG)
    assert "grey" not in again.error


def test_a_process_that_dies_without_a_word_is_told_of(launch):
    training = launch(minutes=30.0)
    training._process.kill()
    with pytest.raises(TrainingError, match=r"ended with code -9 and said nothing; was it out of memory\?"):
        training.wait(LONG)


@pytest.mark.skipif(sys.platform == "win32", reason="no flock to see the end of a process with")
def test_the_run_ends_with_the_process_that_started_it(folder, tiny_path, tmp_path):
    import fcntl

    job = Job(str(folder), str(tmp_path / "run"), start=str(tiny_path), minutes=30.0)
    code = "import sys, time, json; from ipycolorize.training.background import Background, Job; "
    code += f"training = Background(Job(**{dataclasses.asdict(job)})); print(flush=True); time.sleep(1000)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline()
        wait_for((tmp_path / "run" / "log.csv").exists)
        time.sleep(0.5)
        with (tmp_path / "run" / "train.err").open() as lock:
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            parent.send_signal(signal.SIGKILL)  # no farewell: a kernel that is restarted

            def free():
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                return True

            wait_for(free)
            assert lock.read() == "", "and in good order"
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"] > 0


# --- what is refused at once -------------------------------------------------------------------------------


def test_a_missing_folder_and_an_empty_budget_start_nothing(tmp_path, folder):
    with pytest.raises(DataError, match=r"there is no folder .*nowhere"):
        finetune(tmp_path / "nowhere", out=tmp_path / "run")
    with pytest.raises(ValueError, match="expected a positive budget, got 0 minutes"):
        finetune(folder, out=tmp_path / "run", minutes=0)
    with pytest.raises(ValueError, match="expected a positive budget, got -1"):
        finetune(folder, out=tmp_path / "run", minutes=-1)
    assert not (tmp_path / "run").exists()


def test_one_call_starts_it_from_any_kind_of_path(folder, tiny_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training = finetune(folder, out="mine", start=tiny_path, minutes=0.01)
    try:
        assert isinstance(training, FineTuning)
        assert training.weights == tmp_path / "mine" / "best.safetensors"
        records = training.wait(LONG)
        assert (training.running, training.state, training.error) == (False, "finished", "")
        assert training.seconds_left is None
        assert records[-1].step > 0
        assert load_model(training.weights).config == load_model(tiny_path).config
    finally:
        training.stop()
