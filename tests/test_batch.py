"""Many photographs: each becomes one picture, whatever stops, dies, is broken or lies in the way."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ipycolorize
from ipycolorize.cli import main
from ipycolorize.cli.batch import find_photographs
from ipycolorize.cli.ledger import LEDGER, Ledger
from ipycolorize.cli.recipe import Recipe
from ipycolorize.cli.workers import DIED, Outcome, Task, processors, share_out_here
from ipycolorize.image import read_photo
from ipycolorize.mood import USUAL_VIVIDNESS
from ipycolorize.session import Session

ROOT = str(Path(ipycolorize.__file__).parents[1])


@pytest.fixture
def album(tmp_path, small):
    """A folder of photographs and of what is none."""
    folder = tmp_path / "album"
    for number, name in enumerate(("a.jpg", "a.png", "below/b.tif", ".hidden.jpg")):
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(np.roll(small, 20 * number, axis=1)).save(path)
    (folder / "broken.jpg").write_text("no photograph")
    (folder / "notes.txt").write_text("no picture")
    return folder


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def batch(album, out, tiny_path, *more):
    asked = ["batch", str(album), "-o", str(out), "--model", str(tiny_path), "--processes", "2", *more]
    return main([*asked, "--quiet"])


def test_a_batch_makes_what_colorize_makes_and_goes_on(album, tmp_path, tiny_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"of somebody else")
    recipe = ["--point", "50,60,#c05030,9"]
    originals = files(album)
    Session(album / "a.jpg", tiny_path).rgb()  # torch has run here: a forked process would hang
    assert batch(album, out, tiny_path, *recipe) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("1 failed:\n  broken.jpg: expected an image file")
    made = files(out)
    assert {*made} == {"a.png", "a (2).png", "a.png.png", "below/b.png", LEDGER}
    assert made["a.png"] == b"of somebody else"
    assert files(album) == originals
    assert main(["colorize", str(album / "a.jpg"), "-o", str(tmp_path / "one.png"), *recipe,
                 "--model", str(tiny_path)]) == 0  # fmt: skip
    one, many = read_photo(tmp_path / "one.png").rgb, read_photo(out / "a (2).png").rgb
    assert np.abs(one.astype(int) - many).max() <= 1  # threads may round another way

    # what is there stays, the person's changes to it too; what is missing or has changed is made
    (out / "below/b.png").write_bytes(b"retouched")
    (out / "a.png.png").unlink()
    os.utime(album / "a.jpg")  # touched, not changed
    (album / "broken.jpg").unlink()
    assert batch(album, out, tiny_path, *recipe) == 0
    again = files(out)
    del made[LEDGER], again[LEDGER]
    assert again == {**made, "below/b.png": b"retouched", "a.png.png": again["a.png.png"]}
    Image.fromarray(np.full((60, 90, 3), 120, np.uint8)).save(album / "a.jpg")
    assert batch(album, out, tiny_path, *recipe) == 0
    changed = files(out)
    del changed[LEDGER]
    assert {*changed} - {*again} == {"a (3).png"}
    assert {name: changed[name] for name in again} == again

    # pictures of two recipes are never mixed
    assert batch(album, out, tiny_path, "--saturation", "0.2") == 1
    assert "begun with others; choose another name or folder" in capsys.readouterr().err
    assert {*files(out)} - {LEDGER} == {*changed}


def test_every_photograph_takes_its_own_saved_hints(album, tmp_path, tiny_path, capsys):
    (album / "broken.jpg").unlink()
    hints = tmp_path / "hints" / "below"
    hints.mkdir(parents=True)
    session = Session(album / "below/b.tif", tiny_path)
    session.add(50, 60, ab=(40.0, -50.0), size=15)
    session.save(hints / "b_hints.json")
    out = tmp_path / "out"
    asked = ["batch", str(album), "-o", str(out), "--model", str(tiny_path), "--hints", str(hints.parent)]
    assert main([*asked, "--processes", "1", "--format", "tif"]) == 0
    assert "without saved hints in" in capsys.readouterr().out
    assert np.abs(read_photo(out / "below/b.tif").rgb.astype(int) - session.rgb()).max() <= 1
    plain = Session(album / "a.jpg", tiny_path, vividness=USUAL_VIVIDNESS).rgb().astype(int)
    assert np.abs(read_photo(out / "a.tif").rgb - plain).max() <= 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["{album}/a.jpg", "-o", "{out}"], "a folder of photographs, got"),
        (["{album}", "-o", "{album}"], "another folder for the pictures"),
        (["{out}", "-o", "{out}/x"], "a folder of photographs, got"),
        (
            ["{album}", "-o", "{out}", "--model", "zhang16", "--point", "1,1,#fff"],
            "a network that reads points",
        ),
        (["{album}", "-o", "{out}", "--model", "zhang16", "--saturation", "0.5"], "reads a histogram"),
        (["{album}", "-o", "{out}", "--strength", "0.5"], "that --strength is the strength of"),
        (["{album}", "-o", "{out}", "--hints", "none.json"], "there is no none.json"),
        (["{album}", "-o", "{out}", "--hints", "{album}/a.jpg"], "not JSON"),
        (["{album}", "-o", "{out}", "--histogram-of", "none.jpg"], "there is no none.jpg"),
        (["{album}", "-o", "{out}", "--model", "nobody"], "nobody"),
        (["{empty}", "-o", "{out}"], "expected photographs in"),
    ],
)
def test_what_no_photograph_could_follow_is_refused_before_the_first(
    arguments, expected, album, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    places = {"album": album, "out": tmp_path / "out", "empty": tmp_path / "empty"}
    before = {*album.rglob("*")}
    assert main(["batch", *(part.format(**places) for part in arguments)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("ipycolorize: ")
    assert expected in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert {*album.rglob("*")} == before


def test_pictures_inside_the_folder_are_not_photographs(album):
    out = album / "coloured"
    out.mkdir()
    Image.new("RGB", (20, 20)).save(out / "a.png")
    found = [path.relative_to(album).as_posix() for path in find_photographs(album, apart_from=out)]
    assert found == ["a.jpg", "a.png", "below/b.tif", "broken.jpg"]


def test_a_line_without_its_picture_is_made_and_a_picture_never_twice(album, tmp_path):
    """The power may go between the two, in one order only."""
    out = tmp_path / "out"

    def open_ledger():
        return Ledger(out, album, {"weights": "w"}, ["a.jpg", "a.png"], ".png")

    ledger = open_ledger()
    assert not ledger.has("a.jpg", None)
    path = ledger.enter("a.jpg", None, b"picture")
    assert open_ledger().has("a.jpg", None)
    assert not open_ledger().has("a.jpg", b"other hints")
    path.unlink()
    assert not open_ledger().has("a.jpg", None)
    with (out / LEDGER).open("a") as file:
        file.write('{"photo": "a.png", "by')  # the rest never came
    assert not open_ledger().has("a.png", None)
    assert len((out / LEDGER).read_text().splitlines()) == 2


def test_a_file_system_without_links_replaces_nothing_either(album, tmp_path, monkeypatch):
    def refuse(*given, **named):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    ledger = Ledger(tmp_path / "out", album, {}, ["a.jpg"], ".png")
    (tmp_path / "out" / "a.png").write_text("mine")
    assert not ledger.has("a.jpg", None)
    path = ledger.enter("a.jpg", None, b"picture")
    assert path.name == "a (2).png"
    assert files(tmp_path / "out").keys() == {"a.png", "a (2).png", LEDGER}
    assert path.read_bytes() == b"picture"
    # and a name that is taken between looking and writing
    names = iter(("a.png", "b.png"))
    monkeypatch.setattr("ipycolorize.cli.ledger.free_name", lambda wanted: wanted.with_name(next(names)))
    assert ledger.enter("a.jpg", None, b"again").name == "b.png"
    assert (tmp_path / "out" / "a.png").read_text() == "mine"


def die_of_some(task):
    """Work that kills its process, as the system does when memory ends."""
    if task.name == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return Outcome(task.name.encode())


def test_a_photograph_that_kills_its_process_fails_alone():
    task = Task("", b"", None, Recipe(), ".png")
    names = ["one", "two", "deadly", "three", "four", "five"]
    made = [*share_out_here([replace(task, name=name) for name in names], 2, do=die_of_some)]
    assert sorted(one.name for one, _ in made) == sorted(names)
    for one, outcome in made:
        expected = Outcome(error=DIED) if one.name == "deadly" else Outcome(one.name.encode())
        assert outcome == expected


def count_threads(task):
    """Work that tells how it would be done."""
    import multiprocessing

    import torch

    return Outcome(f"{torch.get_num_threads()} {multiprocessing.get_start_method()}".encode())


def test_processes_are_spawned_and_share_the_processors_out(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    tasks = [Task("", b"", None, Recipe(), ".png")] * 2
    expected = f"{max(1, processors() // 2)} spawn".encode()
    assert [outcome.picture for _, outcome in share_out_here(tasks, 2, do=count_threads)] == 2 * [expected]
    assert "PYTHONSAFEPATH" not in os.environ


def run_outside(folder, *arguments, **how):
    """The command as an installed one runs: from another folder, whose modules are none of its business."""
    script = folder.parent / "bin" / "ipycolorize"
    script.parent.mkdir(exist_ok=True)
    script.write_text(
        f"import sys; sys.path.insert(0, {ROOT!r})\n"
        "from ipycolorize.cli import main\n"
        "if __name__ == '__main__': sys.exit(main())\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    return subprocess.Popen(
        [sys.executable, str(script), *arguments], cwd=folder, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment, start_new_session=True, **how,
    )  # fmt: skip


@pytest.fixture
def many(tmp_path, china):
    """More photographs than are done in a moment."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(np.roll(china, 50 * number, axis=1)).save(folder / f"{number:02}.jpg")
    return folder


def wait_for_first(out, process):
    end = time.monotonic() + 180
    while not [*out.glob("*.png")]:
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_what_was_stopped_goes_on(many, tmp_path, tiny_path):
    out = tmp_path / "out"
    for name in ("torch.py", "multiprocessing.py", "pickle.py", "numpy.py"):  # beside the photographs
        (many / name).write_text("raise SystemExit('not mine')")
    asked = ("batch", ".", "-o", str(out), "--model", str(tiny_path), "--processes", "1")
    process = run_outside(many, *asked)
    wait_for_first(out, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes
    text, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "done; the same command goes on from there\nipycolorize: stopped\n" in errors
    first = files(out)
    assert 1 < len(first) <= 12
    process = run_outside(many, *asked)
    text, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert f"{len(first) - 1} were there already" in text
    second = files(out)
    assert {*second} == {LEDGER, *(f"{number:02}.png" for number in range(12))}
    lines = second.pop(LEDGER).decode().splitlines()
    assert len({json.loads(line)["photo"] for line in lines[1:]}) == len(lines) - 1 == 12
    del first[LEDGER]
    assert {name: second[name] for name in first} == first


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_no_process_outlives_a_killed_parent(many, tmp_path, tiny_path):
    out = tmp_path / "out"
    process = run_outside(many, "batch", ".", "-o", str(out), "--model", str(tiny_path), "--processes", "1")
    wait_for_first(out, process)

    def group():
        """Processes of the command that still run."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                state, _, pgrp = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:3]
            except (OSError, IndexError):
                continue
            if int(pgrp) == process.pid and state != "Z":
                found.append(int(folder.name))
        return found

    assert len(group()) > 1
    process.kill()
    process.communicate()
    end = time.monotonic() + 60
    while group() and time.monotonic() < end:
        time.sleep(0.05)
    left = group()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []
    assert all(Image.open(path).load() for path in out.glob("*.png"))
