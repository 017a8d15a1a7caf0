"""Table 1 and figure 6 as reports, and the command that writes them."""

import csv
import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn

from ipycolorize import arguments
from ipycolorize.analysis import curves, table1
from ipycolorize.analysis.methods import load_method
from ipycolorize.analysis.reproduce import EXPERIMENTS, Request
from ipycolorize.analysis.sweep import evaluate
from ipycolorize.baselines.gray import Gray
from ipycolorize.cli import main
from ipycolorize.models.live import Live
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.models.weights import REGISTRY

IMAGES = load_sample_images().images


@pytest.fixture
def request_of(tmp_path: Path, tiny: Live):  # type: ignore[no-untyped-def]
    local = SIGGRAPH17(width=1).eval()
    nn.init.normal_(local.out.weight, std=0.3)
    methods = {"tiny": tiny, "siggraph17": local, "levin": load_method("levin"), "gray": Gray()}
    return Request(
        names=["china", "flower"], photographs=IMAGES, methods=methods, folder=tmp_path, seed=3,
        progress=False, size=48, counts=(0, 4),
    )  # fmt: skip


def test_table_1_tells_each_method_what_it_reads(request_of: Request) -> None:
    report = table1.reproduce(request_of)
    assert [(row["method"], row["added input"]) for row in report.rows] == [
        ("tiny", "no hints"), ("tiny", "+ true saturation"), ("tiny", "+ true histogram"),
        ("tiny", "+ all colours"), ("siggraph17", "no hints"), ("siggraph17", "+ all colours"),
        ("levin", "no hints"), ("levin", "+ all colours"), ("gray", "no hints"),
    ]  # fmt: skip
    assert all(len(row) == 6 and row["images"] == 2 for row in report.rows)
    by_name = {(row["method"], row["added input"]): row for row in report.rows}
    for reveal, added in (("histogram", "+ true histogram"), ("saturation", "+ true saturation")):
        (score,) = evaluate(
            {"tiny": request_of.methods["tiny"]}, IMAGES, counts=(), reveal=reveal, size=48, progress=False
        )
        row = by_name["tiny", added]
        assert (row["psnr"], row["se"]) == (score.psnr_mean, score.psnr_se)
    assert by_name["levin", "+ all colours"]["psnr"] > 60
    assert by_name["levin", "no hints"]["psnr"] == by_name["gray", "no hints"]["psnr"]
    assert by_name["siggraph17", "+ all colours"]["paper"] == 37.7
    assert by_name["gray", "no hints"]["paper"] == 22.82
    assert by_name["tiny", "no hints"]["paper"] is None


def test_table_1_is_drawn_as_dots_with_errors_and_rings(request_of: Request) -> None:
    rows = table1.reproduce(request_of).rows
    exact = [{**row, "psnr": math.inf, "se": math.nan} if row["method"] == "levin" else row for row in rows]
    figure = table1.draw(exact)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["gray", "levin", "siggraph17", "tiny"]
    drawn = {round(float(np.ravel(line.get_xdata())[0]), 4) for line in axes.lines}
    known = [row[key] for row in exact for key in ("psnr", "paper") if row[key] is not None]
    finite = filter(math.isfinite, known)
    assert drawn >= set(finite)
    assert [text.get_text() for text in axes.texts] == ["∞", "∞"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [*table1.ADDED, "the paper's"]
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_figure_6_measures_both_ways_and_goes_on(request_of: Request) -> None:
    report = curves.reproduce(request_of)
    places = [(row["reveal"], row["method"], row["count"]) for row in report.rows]
    assert places == [*product(("random", "max-error"), request_of.methods, (0, 4))]
    with (request_of.folder / "results.csv").open() as file:
        kept = [*csv.DictReader(file)]
    assert len(kept) == 2 * len(report.rows)
    keys = ("method", "reveal", "count")
    for row in report.rows:
        place = [str(row[key]) for key in keys]
        mine = [float(one["psnr"]) for one in kept if [one[key] for key in keys] == place]
        assert row["psnr_mean"] == pytest.approx(np.mean(mine), abs=1e-4)
    for network in request_of.methods.values():
        network.encode = None  # type: ignore[assignment, method-assign] - nothing is measured again
    again = curves.reproduce(replace(request_of, counts=(4,)))
    assert again.rows == [row for row in report.rows if row["count"] == 4]
    assert "2 photographs squashed to 48 x 48" in report.note
    assert "* `levin`: Has learned nothing." in report.note
    assert f"* `siggraph17`: {REGISTRY['siggraph17'].description} Trained on 22,051" in report.note


def test_counts_are_those_that_help_speaks_of() -> None:
    assert curves.COUNTS == {"random": arguments.COUNTS, "max-error": arguments.FEW}
    assert tuple(EXPERIMENTS) == arguments.EXPERIMENTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "holiday"
    path.mkdir()
    for name, image in zip(("china", "flower"), IMAGES, strict=True):
        Image.fromarray(image[::4, ::4]).save(path / f"{name}.png")
    Image.fromarray(IMAGES[0][::4, ::4]).convert("L").save(path / "grey.png")
    return path


@pytest.mark.parametrize("name", ["table1", "figure6"])
def test_reproduce_writes_table_and_figure(
    name: str, folder: Path, tiny_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    asked = ["reproduce", name, "--photos", str(folder), "--out", str(out), "--methods", f"{tiny_path},gray"]
    assert main([*asked, "--counts", "0,2", "--size", "48"]) == 0
    printed = capsys.readouterr().out.splitlines()
    files = [out / f"{name}{suffix}" for suffix in (".csv", ".md", ".png", ".pdf")]
    assert printed[0] == "2 photographs; left out: 1 grey"
    assert printed[1:5] == [str(file) for file in files]
    assert printed[-1] == "From holiday: 2 photographs; left out: 1 grey."
    assert files[1].read_text().endswith(f"{printed[-1]}\n")
    with files[0].open() as file:
        rows = [*csv.DictReader(file)]
    assert {row["method"] for row in rows} == {str(tiny_path), "gray"}
    assert files[2].read_bytes().startswith(b"\x89PNG")
    assert files[3].read_bytes().startswith(b"%PDF")


def test_reproduce_takes_a_few_photographs_for_pictures(
    folder: Path, tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Request] = []

    def make(request: Request):  # type: ignore[no-untyped-def]
        seen.append(request)
        return table1.reproduce(replace(request, size=48))

    monkeypatch.setattr("ipycolorize.analysis.reproduce.maker", lambda name: make)
    asked = ["reproduce", "figure7", "--photos", str(folder), "--methods", "gray", "--seed", "5"]
    assert main([*asked, "--out", str(tmp_path), "--limit", "1", "--size", "96"]) == 0
    (request,) = seen
    assert (list(request.names), request.seed, request.size) == (["holiday/china.png"], 5, 96)
    assert [image.shape for image in request.photographs] == [(96, 144, 3)]
    assert list(request.methods) == ["gray"]


def test_reproduce_lists_what_it_knows(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["reproduce", "figure5", "--photos", "x", "--out", "y"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert "'figure5'" in error
    for name in EXPERIMENTS:
        assert name in error
