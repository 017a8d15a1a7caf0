"""What all commands share: exit codes, names of files, quiet, examples, and signs of life."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ipycolorize
from ipycolorize import arguments
from ipycolorize.analysis import bench
from ipycolorize.cli import batch, doctor, exits, main, recipe, weights
from ipycolorize.cli.progress import waiting
from ipycolorize.errors import RequestError
from ipycolorize.image import read_photo
from ipycolorize.mood import USUAL_VIVIDNESS
from ipycolorize.session import Session

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(ipycolorize.__file__).parents[1])}


@pytest.fixture
def photo(tmp_path, small):
    path = tmp_path / "photo.jpg"
    Image.fromarray(small).save(path)
    return path


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RequestError("expected a, got b"), 1, "ipycolorize: expected a, got b\n"),
        (OSError(28, "No space left on device", "x.png"), 1, "No space left on device: 'x.png'"),
        (FileExistsError("expected a new name, but x.png exists"), 1, "expected a new name"),
        (MemoryError(), 1, "expected more free memory"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), 1, "expected more free memory"),
        (KeyboardInterrupt(), 130, "ipycolorize: stopped\n"),
        (
            ValueError("invalid literal for int()"),
            70,
            "mistake of the program, not yours (ValueError: invalid",
        ),
        (RuntimeError("shapes cannot be multiplied"), 70, "mistake of the program"),
        (KeyError("L"), 70, "mistake of the program"),
        (OSError("of a library, not of the system"), 70, "mistake of the program"),
    ],
)
def test_an_error_is_a_person_s_the_system_s_or_the_program_s(error, code, said, photo, monkeypatch, capsys):
    def fail(*given, **named):
        raise error

    monkeypatch.setattr(recipe, "colorize", fail)
    assert main(["colorize", str(photo)]) == code
    printed = capsys.readouterr().err
    assert said in printed
    assert ("Traceback (most recent call last)" in printed) == (code == 70)
    assert ("in fail" in printed) == (code == 70)  # down to where it happened


def test_a_mistake_on_one_photograph_of_a_batch_is_told_apart(
    photo, tmp_path, tiny_path, monkeypatch, capsys
):
    def broken_pool(tasks, processes):
        for task in tasks:
            try:
                raise KeyError("L")
            except KeyError as error:
                yield task, batch.Outcome(error=exits.describe(error)[1], mistake=True)

    monkeypatch.setattr(batch, "share_out_here", broken_pool)
    asked = ["batch", str(photo.parent), "-o", str(tmp_path / "out"), "--model", str(tiny_path), "-q"]
    assert main(asked) == 70
    printed = capsys.readouterr().err
    assert "photo.jpg: this is a mistake of the program" in printed
    assert "Traceback" in printed


def test_a_reader_that_has_gone_is_no_mistake():
    listing = subprocess.Popen(
        [sys.executable, "-m", "ipycolorize", "weights", "list"], env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    listing.stdout.close()
    assert listing.stderr.read() == ""
    assert listing.wait() == 141
    listing.stderr.close()


def test_without_a_name_the_picture_lies_beside_and_over_nothing(photo, tiny_path, capsys):
    asked = ["colorize", str(photo), "--model", str(tiny_path)]
    (photo.parent / "photo_colorized (2).png").write_text("mine")
    names = ["photo_colorized.png", "photo_colorized (3).png"]
    for name in names:
        assert main(asked) == 0
        assert capsys.readouterr().out.startswith(
            f"{photo.parent / name}: 160 x 107, 0 hints, vividness 0.30, tiny on"
        )
    assert (photo.parent / "photo_colorized (2).png").read_text() == "mine"
    expected = Session(photo, tiny_path, vividness=USUAL_VIVIDNESS).rgb()
    for name in names:
        np.testing.assert_array_equal(read_photo(photo.parent / name).rgb, expected)
    assert main([*asked, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("how", ["--point", "--hints"])
def test_points_for_a_network_that_reads_none_are_refused(how, photo, tiny_path, capsys):
    session = Session(photo, tiny_path)
    session.add(50, 60, ab=(40.0, -50.0))
    session.save(photo.with_suffix(".json"))
    given = {"--point": "50,60,#c05030", "--hints": str(photo.with_suffix(".json"))}[how]
    asked = ["colorize", str(photo), "--model", "zhang16"]
    assert main([*asked, how, given]) == 1
    assert "a network that reads points, got zhang16, which reads the photograph" in capsys.readouterr().err
    assert not [*photo.parent.glob("*_colorized*")]
    assert main([*asked, "-q"]) == 0


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("-1,5,#c05030", "the row must be a whole number, counted from 0 at the top left, not '-1'"),
        ("5,-1,#c05030", "the column must be a whole number"),
        ("1.5,5,#c05030", "the row must be a whole number"),
        ("5,,#c05030", "the column must be a whole number, counted from 0 at the top left, not ''"),
        ("5,5,#c05030,0", "the size must be at least 1 pixel, not '0'"),
        ("5,5,#c0503", "expected a colour such as #d04020"),
        ("5,5", "this has 2 parts"),
        ("٣,5,#c05030", "the row must be a whole number"),
    ],
)
@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("command", ["colorize", "batch"])
def test_a_point_says_which_part_is_wrong(command, text, wrong, joined, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "photo", "-o", "out", *([f"--point={text}"] if joined else ["--point", text])])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert f"expected ROW,COL,#RRGGBB[,SIZE] such as 120,340,#c05030, got '{text}'" in error
    assert wrong in error


def test_other_lists_that_begin_with_a_minus_are_judged_too(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "photos", "--counts", "-1,5"])
    assert "expected numbers such as 0,1,10, got '-1,5'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "{photo}", "--rebalance", "2"],
        ["train", "{photo}", "--init", "{photo}"],
        ["train", "{text}"],
        [
            "evaluate",
            "{photo}",
            "--methods",
            "gray",
            "--size",
            "20",
            "--patch",
            "30",
            "--reveal",
            "max-error",
        ],
        ["evaluate", "{photo}", "--methods", "gray", "--size", "20", "--counts", "500"],
        ["evaluate", "{photo}", "--methods", "gray", "--reveal", "entropy"],
        ["evaluate", "{photo}", "--methods", "nobody"],
        ["transfer", "{photo}", "--methods", "{tiny}"],
        ["transfer", "{photo}", "--methods", "siggraph17"],
        ["reproduce", "figure7", "--photos", "{photo}", "--methods", "gray", "--size", "16"],
        ["reproduce", "table1", "--photos", "{text}", "--methods", "gray"],
    ],
)
def test_what_cannot_be_done_with_what_was_given_is_no_mistake_of_the_program(
    arguments, photo, tmp_path, tiny_path, capsys
):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.jpg").write_text("no photograph")
    places = {"photo": photo, "text": tmp_path / "text", "tiny": tiny_path}
    given = [part.format(**places) for part in arguments]
    out = ["-o", str(tmp_path / "out")] if given[0] in ("train", "reproduce") else []
    assert main([*given, *out]) == 1
    error = capsys.readouterr().err
    assert "ipycolorize: " in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("option", "text"),
    [("--seed", "-1"), ("--minutes", "-1"), ("--minutes", "nan"), ("--rate", "inf"), ("--memory", "0")],
)
def test_numbers_beyond_their_range_are_a_usage_error(option, text, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "photos", "-o", "out", f"{option}={text}"])
    assert stop.value.code == 2
    assert f"{option}: expected a" in capsys.readouterr().err


def test_every_command_shows_examples_that_it_understands(capsys):
    further = (batch.add_arguments, weights.add_arguments, doctor.add_arguments)
    commands = arguments.parser(further)._subparsers._group_actions[0].choices
    assert {"lab", "colorize", "batch", "weights", "doctor", "train", "bench"} <= {*commands}
    for name, command in commands.items():
        lines = [line.split() for line in command.epilog.splitlines()]
        examples = [words[1:] for words in lines if words[:1] == ["ipycolorize"]]
        assert examples, name
        for example in examples:
            assert example[0] == name
            assert ("--quiet" in command.format_help()) == (name != "lab")
            if ">" not in example:
                assert arguments.parse(example, further).command == name
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert exits.TABLE in capsys.readouterr().out


def test_bench_says_what_it_measures(tiny_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "cases", lambda device: [bench.Case(str(tiny_path), 1, "float32", "cpu")])
    bench.bench("cpu", repeats=1)
    printed = capsys.readouterr().err
    assert "1 points, float32" in printed
    assert "1/1" in printed


def on_terminal(action):
    """What an action writes to a terminal on stderr."""
    import pty

    parent, child = pty.openpty()
    written = []

    def read():
        try:
            while data := os.read(parent, 1000):
                written.append(data)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(child, "w") as screen:
        before, sys.stderr = sys.stderr, screen
        try:
            action()
        finally:
            sys.stderr = before
    reader.join()
    os.close(parent)
    return b"".join(written).decode()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_long_wait_is_told_on_a_terminal_and_nowhere_else(capsys):
    def work(**how):
        with waiting("thinking", patience=0.05, **how):
            time.sleep(0.3)

    assert on_terminal(work).startswith("\rthinking: 0 s")
    assert on_terminal(work).endswith("\r\x1b[K")  # and gone
    assert on_terminal(lambda: work(quiet=True)) == ""
    work()
    assert capsys.readouterr().err == ""
