"""What commands write: into pipes, and never over somebody's files unasked."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ipycolorize.cli import main
from ipycolorize.image import read_photo
from ipycolorize.locks import claimed
from ipycolorize.mood import USUAL_VIVIDNESS
from ipycolorize.outputs import check_file, prepare
from ipycolorize.session import Session


@pytest.fixture
def photos(crop, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(crop).save(folder / "mine.png")
    Image.fromarray(np.ascontiguousarray(crop[::-1])).save(folder / "other.png")
    return folder


@pytest.fixture
def photo(photos):
    return photos / "mine.png"


class Piped(io.TextIOWrapper):
    """A standard stream with bytes behind it, which is no terminal."""

    def __init__(self, data=b""):
        super().__init__(io.BytesIO(data), encoding="utf-8", write_through=True)


# --- colorize ----------------------------------------------------------------------------------------------


def test_colorize_replaces_a_file_by_force_only(photo, tiny_path, tmp_path, capsys):
    out = tmp_path / "out.png"
    out.write_bytes(b"somebody's")
    asked = ["colorize", str(photo), "-o", str(out), "--model", str(tiny_path)]
    assert main(asked) != 0
    error = capsys.readouterr().err
    assert "out.png exists already: choose another, or replace it with --force" in error
    assert out.read_bytes() == b"somebody's"
    assert main([*asked, "--force"]) == 0
    assert read_photo(out).shape == (90, 120)


def test_colorize_says_what_is_there_before_it_loads_a_network(photo, tmp_path, capsys):
    (tmp_path / "out.png").touch()
    assert main(["colorize", str(photo), "-o", str(tmp_path / "out.png"), "--model", "none"]) != 0
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_colorize_replaces_the_photograph_and_its_reference_by_no_force(
    photos, photo, tiny_path, tmp_path, capsys, link
):
    before = {path: path.read_bytes() for path in photos.iterdir()}
    for path in before:
        out = path
        if link is not None:
            out = tmp_path / f"link-{path.name}"
            link(path, out)
        asked = ["colorize", str(photo), "-o", str(out), "--model", str(tiny_path)]
        asked += ["--histogram-of", str(photos / "other.png")]
        assert main([*asked, "--force"]) != 0
        assert "own, got" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in photos.iterdir()} == before


@pytest.mark.parametrize("format", ["png", "jpg", "tif"])
def test_colorize_from_standard_input_to_standard_output(photo, tiny_path, monkeypatch, format):
    given, out, err = Piped(photo.read_bytes()), Piped(), Piped()
    for name, stream in (("stdin", given), ("stdout", out), ("stderr", err)):
        monkeypatch.setattr(sys, name, stream)
    asked = ["colorize", "-", "-o", "-", "--format", format, "--model", str(tiny_path)]
    assert main([*asked, "--point", "20,30,#c05030"]) == 0
    picture = read_photo(out.buffer.getvalue()).rgb
    session = Session(photo, tiny_path, device="cpu", vividness=USUAL_VIVIDNESS)
    session.add(20, 30, ab=session.ab_of((0xC0, 0x50, 0x30)))
    assert np.abs(picture.astype(int) - session.rgb()).mean() < (3 if format == "jpg" else 0.01)
    assert b"-: 120 x 90, 1 hints" in err.buffer.getvalue()


def test_colorize_wants_a_format_for_standard_output_and_no_terminal(photo, monkeypatch, capsys):
    asked = ["colorize", str(photo), "-o", "-"]
    assert main(asked) != 0
    assert "--format), got none: say png, jpg or tif" in capsys.readouterr().err
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main([*asked, "--format", "png"]) != 0
    assert "got a terminal: name a file" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", terminal := Piped())
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    assert main(["colorize", "-", "-o", "out.png"]) != 0
    assert "got a terminal: pipe one in" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
def test_a_pipeline_of_the_shell_also_one_that_breaks(photo, tiny_path):
    command = f"'{sys.executable}' -m ipycolorize colorize - -o - --format tif --model '{tiny_path}'"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        f"cat '{photo}' | {command} | '{sys.executable}' -c 'import sys; sys.stdin.buffer.read(4)'",
        shell=True, capture_output=True, timeout=500, env=environment, check=False,
    )  # fmt: skip
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr
    whole = subprocess.run(
        command, shell=True, input=photo.read_bytes(), capture_output=True, timeout=500, env=environment,
        check=False,
    )  # fmt: skip
    assert read_photo(whole.stdout).shape == (90, 120), whole.stderr


# --- measuring ---------------------------------------------------------------------------------------------

SMALL = ["--size", "64", "--methods", "gray"]


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("evaluate", "--json"),
        ("evaluate", "--plot"),
        ("behaviour", "--json"),
        ("transfer", "--json"),
        ("bench", "--json"),
    ],
)
def test_commands_that_measure_refuse_before_they_measure(photos, tmp_path, capsys, command, option):
    path = tmp_path / ("rows.json" if option == "--json" else "curve.png")
    path.write_bytes(b"somebody's")
    source = [] if command == "bench" else [str(photos), *SMALL]
    assert main([command, *source, option, str(path)]) != 0
    assert "exists already: choose another, or replace it with --force" in capsys.readouterr().err
    assert path.read_bytes() == b"somebody's"


def test_evaluate_replaces_by_force_and_never_a_photograph(photos, photo, tmp_path, capsys):
    rows, before = tmp_path / "rows.json", photo.read_bytes()
    rows.write_text("somebody's")
    asked = ["evaluate", str(photos), *SMALL, "--counts", "0"]
    assert main([*asked, "--json", str(rows), "--force"]) == 0
    assert json.loads(rows.read_text())[0]["method"] == "gray"
    capsys.readouterr()
    assert main([*asked, "--plot", str(photo), "--force"]) != 0
    assert "expected another name than a photograph's own" in capsys.readouterr().err
    assert photo.read_bytes() == before


def test_evaluate_goes_on_in_its_own_folder_and_refuses_others(photos, tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "scores.csv").write_text("somebody's")
    asked = ["evaluate", str(photos), *SMALL, "--out"]
    assert main([*asked, str(mine), "--counts", "0"]) != 0
    assert "scores.csv exists already" in capsys.readouterr().err
    assert [path.name for path in mine.iterdir()] == ["scores.csv"]
    own = tmp_path / "own"
    assert main([*asked, str(own), "--counts", "0"]) == 0
    first = (own / "scores.csv").read_text()
    assert main([*asked, str(own), "--counts", "0,1"]) == 0
    assert len((own / "scores.csv").read_text()) > len(first)
    assert not [path for path in own.iterdir() if path.name.startswith(".")]
    with claimed(own, work="measurement"):
        assert main([*asked, str(own), "--counts", "0,2"]) != 0
    assert "another measurement writes to" in capsys.readouterr().err


def test_reproduce_refuses_its_files_of_somebody_else(photos, tmp_path, capsys):
    out = tmp_path / "results"
    out.mkdir()
    (out / "figure3.pdf").write_bytes(b"somebody's")
    asked = ["reproduce", "figure3", "--photos", str(photos), "--out", str(out), "--methods", "none"]
    assert main(asked) != 0
    assert "figure3.pdf exists already" in capsys.readouterr().err
    assert (out / "figure3.pdf").read_bytes() == b"somebody's"


def test_results_that_are_continued_are_made_anew_and_others_only_by_force(photos, tmp_path):
    files = [tmp_path / "table1.csv"]
    files[0].touch()
    with pytest.raises(FileExistsError, match="--force"):
        prepare(tmp_path, files, force=False, source=photos)
    (tmp_path / "results.csv").touch()
    assert prepare(tmp_path, files, force=False, source=photos)
    with pytest.raises(FileExistsError, match="--force"):
        prepare(tmp_path, files, force=False, source=photos, goes_on=False)
    assert prepare(tmp_path, files, force=True, source=photos, goes_on=False)
    with pytest.raises(ValueError, match="photograph's own"):
        prepare(photos, [photos / "mine.png"], force=True, source=photos)
    with pytest.raises(NotADirectoryError, match="expected a folder"):
        prepare(files[0], [], force=True, source=photos)


@pytest.mark.skipif(os.name == "nt", reason="devices of POSIX")
def test_devices_have_nothing_to_lose():
    for path in ("/dev/null", "/dev/stdout"):
        check_file(Path(path), force=False)


# --- train -------------------------------------------------------------------------------------------------


def test_train_refuses_weights_of_somebody_else_before_it_reads_photographs(photos, tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    (out / "average.safetensors").write_bytes(b"somebody's")
    assert main(["train", str(tmp_path / "no photographs"), "-o", str(out), "--steps", "1"]) != 0
    assert "average.safetensors exists already: " in (error := capsys.readouterr().err)
    assert "--force" in error
    assert (out / "average.safetensors").read_bytes() == b"somebody's"
