"""A batch on a real Dask cluster of two workers, one of which is killed in the middle of its work."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

import ipycolorize
from ipycolorize.cli import main
from ipycolorize.cli.ledger import LEDGER
from ipycolorize.image import read_photo
from ipycolorize.mood import USUAL_VIVIDNESS
from ipycolorize.session import Session

pytest.importorskip("distributed", reason="needs the extra [distributed]")
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(Path(ipycolorize.__file__).parents[1]),
}


def start(*command, **how):
    return subprocess.Popen([sys.executable, *command], env=ENVIRONMENT, text=True, **how)


def wait_for(what, process=None, seconds=120):
    """Wait until something is true, and no longer than a patient person."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler, and its two workers, each a process that nobody starts again."""
    file = tmp_path / "scheduler.json"
    with contextlib.ExitStack() as stack:
        quiet = {
            "stdout": subprocess.DEVNULL,
            "stderr": (tmp_path / "cluster.log").open("w"),
            "cwd": tmp_path,
        }
        stack.callback(quiet["stderr"].close)

        def run(*command):
            process = start("-m", "dask", *command, "--scheduler-file", str(file), **quiet)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        scheduler = run("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        wait_for(file.exists, scheduler)
        once = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        workers = [run("worker", *once, "--local-directory", str(tmp_path / "dask")) for _ in range(2)]
        yield json.loads(file.read_text())["address"], workers


def test_every_picture_is_there_once_and_whole_though_a_worker_was_killed(cluster, tmp_path):
    address, workers = cluster
    photos, out = tmp_path / "photos", tmp_path / "pictures"
    photos.mkdir()
    rgb = load_sample_image("china.jpg")
    names = [f"{number:02}" for number in range(12)]
    for number, name in enumerate(names):
        Image.fromarray(np.roll(rgb, 40 * number, axis=1)).resize((900, 600)).save(photos / f"{name}.jpg")
    (photos / "broken.jpg").write_text("no photograph")
    batch = start(
        "-m", "ipycolorize", "batch", str(photos), "-o", str(out), "--scheduler", address,
        "--saturation", "0.3", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for(lambda: [*out.glob("*.png")], batch)
    workers[0].kill()
    assert workers[0].wait() != 0
    assert batch.poll() is None  # it was in the middle
    text, errors = batch.communicate(timeout=300)
    assert batch.returncode == 1, errors  # for the broken one
    assert f"12 pictures in {out}" in text
    assert "1 failed:\n  broken.jpg: expected an image file" in errors
    assert workers[1].poll() is None
    assert sorted(path.name for path in out.iterdir()) == [*(f"{name}.png" for name in names), LEDGER]
    lines = [json.loads(line) for line in (out / LEDGER).read_text().splitlines()[1:]]
    assert sorted(line["photo"] for line in lines) == [f"{name}.jpg" for name in names]
    for name in names:
        session = Session(photos / f"{name}.jpg")
        session.set_mood(ipycolorize.Mood(saturation=0.3, vividness=USUAL_VIVIDNESS))
        difference = read_photo(out / f"{name}.png").rgb.astype(int) - session.rgb()
        assert np.abs(difference).max() <= 1  # another process may round another way
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert main(["batch", str(photos), "-o", str(out), "--saturation", "0.3", "--processes", "1"]) == 1
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.png")} == before


def test_an_address_where_nobody_answers_is_one_line(tmp_path, capsys):
    Image.fromarray(load_sample_image("china.jpg")).save(tmp_path / "china.jpg")
    asked = ["batch", str(tmp_path), "-o", str(tmp_path / "out"), "--scheduler", "nonsense"]
    assert main(asked) == 1
    error = capsys.readouterr().err
    assert "expected a Dask scheduler at nonsense" in error
    assert "Traceback" not in error
