"""Curves as they are drawn: the numbers in the lines, the names beside them, the files."""

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from ipycolorize.analysis.plots import apart, plot_curves, save_figure
from ipycolorize.analysis.results import Score

COUNTS = (0, 1, 10, 100)
LIVE = [Score("live", "random", count, 7, 50, 23.0 + count**0.3, 0.2) for count in COUNTS]
GRAY = [Score("gray", "random", count, 7, 50, 22.0, 0.2) for count in COUNTS]


def names(figure: Figure) -> dict[str, str]:
    """Texts beside the lines, and their colours."""
    return {text.get_text(): text.get_color() for text in figure.axes[0].texts}


def test_lines_carry_the_scores_and_bands_their_errors() -> None:
    axes = plot_curves([*reversed(LIVE), *GRAY]).axes[0]
    first, second = axes.lines
    assert np.array_equal(first.get_xdata(), COUNTS)
    assert np.array_equal(first.get_ydata(), [score.psnr_mean for score in LIVE])
    assert np.array_equal(second.get_ydata(), [22.0] * 4)
    band = axes.collections[0].get_paths()[0].vertices
    for score in LIVE:
        edges = band[band[:, 0] == score.count, 1]
        assert edges.min() == pytest.approx(score.psnr_mean - 0.2)
        assert edges.max() == pytest.approx(score.psnr_mean + 0.2)


def test_no_points_have_a_place_of_their_own() -> None:
    figure = plot_curves(LIVE)
    axes = figure.axes[0]
    figure.draw_without_rendering()
    place = [axes.transData.transform((count, 25))[0] for count in COUNTS]
    left, right = axes.get_window_extent().x0, axes.get_window_extent().x1
    assert left < place[0] < place[1] < place[2] < place[3] < right
    assert place[3] - place[2] == pytest.approx(place[2] - place[1])  # a logarithm from 1 on
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert shown == ["0", "1", "10", "100"]


def test_lines_are_named_in_their_colour_without_overlap() -> None:
    near = [replace(score, method=name) for name in ("one", "two", "three") for score in LIVE]
    figure = plot_curves([*near, *GRAY])
    found = names(figure)
    assert set(found) == {"one", "two", "three", "gray"}
    assert len(set(found.values())) == 4
    assert [line.get_color() for line in figure.axes[0].lines] == [
        found[name] for name in ("one", "two", "three", "gray")
    ]
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in figure.axes[0].texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))
    for box in boxes:  # inside the figure
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1


def test_several_protocols_share_a_colour_and_differ_in_the_line() -> None:
    worst = [replace(score, reveal="max-error", psnr_mean=score.psnr_mean + 2) for score in LIVE]
    figure = plot_curves([*LIVE, *worst, *GRAY, *(replace(score, reveal="max-error") for score in GRAY)])
    random, dashed, _ = figure.axes[0].lines  # and gray once
    assert random.get_color() == dashed.get_color()
    assert random.get_linestyle() == "-" != dashed.get_linestyle()
    assert set(names(figure)) == {"live, random", "live, max-error", "gray"}
    assert plot_curves(worst).axes[0].lines[0].get_linestyle() == "-"


def test_weights_files_are_named_by_folder_and_stem() -> None:
    mine = [replace(score, method="/home/me/runs/mine/average.safetensors") for score in LIVE]
    bare = [replace(score, method="old.pth") for score in GRAY]
    assert set(names(plot_curves([*mine, *bare]))) == {"mine/average", "old"}


def test_what_was_measured_is_said() -> None:
    title = plot_curves(LIVE).axes[0].get_title(loc="left")
    assert title == "50 photographs, mean ± standard error; random points of 7 × 7 pixels"


def test_one_photograph_and_exact_results_can_be_drawn() -> None:
    one = [replace(score, images=1, psnr_se=math.nan) for score in LIVE]
    exact = Score("live", "random", 500, 7, 1, math.inf, math.nan)
    everything = Score("live", "all", -1, 7, 1, 40.0, math.nan)
    figure = plot_curves([*one, exact, everything])
    figure.draw_without_rendering()
    (line,) = figure.axes[0].lines
    assert np.array_equal(line.get_xdata(), COUNTS)
    with pytest.raises(ValueError, match="random or max-error points"):
        plot_curves([everything])


@pytest.mark.parametrize("suffix", [".png", ".PDF", ".svg"])
def test_files_hold_the_figure(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"curve{suffix}"
    save_figure(plot_curves(LIVE), path)
    data = path.read_bytes()
    if suffix == ".png":
        with Image.open(path) as picture:
            assert picture.size == (1620, 1020)
            colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
        assert (colours == (0x00, 0x72, 0xB2)).all(axis=1).sum() > 1000
    else:
        assert data.startswith(b"%PDF" if suffix == ".PDF" else b"<?xml")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.pdf, \.svg, got 'curve\.gif'"):
        save_figure(plot_curves(LIVE), tmp_path / "curve.gif")
    with pytest.raises(OSError, match="no"):
        save_figure(plot_curves(LIVE), tmp_path / "no" / "curve.png")


def test_points_beside_a_histogram_have_a_line_and_statistics_alone_none() -> None:
    told = [replace(score, reveal="histogram+points", psnr_mean=score.psnr_mean + 3) for score in LIVE]
    alone = Score("live", "histogram", 0, 7, 50, 26.0, 0.2)
    figure = plot_curves([*LIVE, *told, alone])
    random, dotted = figure.axes[0].lines
    assert random.get_linestyle() == "-" != dotted.get_linestyle()
    assert np.array_equal(dotted.get_ydata(), [score.psnr_mean for score in told])
    assert set(names(figure)) == {"live, random", "live, histogram+points"}
    title = plot_curves(told).axes[0].get_title(loc="left")
    assert title == "50 photographs, mean ± standard error; true histogram, random points of 7 × 7 pixels"
    with pytest.raises(ValueError, match="random or max-error points"):
        plot_curves([alone])


def many(reveal: str) -> list[Score]:
    names = ("live", "siggraph17", "siggraph17-global", "levin", "bilateral", "deepprop")
    lines = [
        replace(score, method=name, reveal=reveal, psnr_mean=score.psnr_mean + 0.02 * number)
        for number, name in enumerate(names)
        for score in LIVE
    ]
    return [*lines, *(replace(score, reveal=reveal) for score in GRAY)]


def test_many_lines_are_shared_out_to_axes_of_their_own() -> None:
    figure = plot_curves([*many("random"), *(replace(score, images=40) for score in many("max-error"))])
    left, right = figure.axes
    assert [axes.get_title(loc="left") for axes in (left, right)] == ["random points", "max-error points"]
    assert figure.get_suptitle() == "40–50 photographs, mean ± standard error; points of 7 × 7 pixels"
    assert left.get_ylim() == right.get_ylim()
    assert (left.get_ylabel(), right.get_ylabel()) == ("PSNR (dB)", "")
    figure.draw_without_rendering()
    for axes in (left, right):
        colours = {line.get_label(): line.get_color() for line in axes.lines}
        assert {text.get_text(): text.get_color() for text in axes.texts} == colours
        assert len(set(colours.values())) == len(colours) == 7
        assert {line.get_linestyle() for line in axes.lines} == {"-"}
        boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
        assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))
        assert boxes[-1].y1 <= figure.bbox.y1
    assert max(text.get_window_extent().x1 for text in left.texts) <= right.get_window_extent().x0


def test_names_stay_as_near_to_their_lines_as_they_can() -> None:
    assert apart([20.0, 25.0, 30.0], 1.0, 40.0) == pytest.approx([20, 25, 30])
    assert apart([20.0, 20.0, 30.0], 1.0, 40.0) == pytest.approx([19.5, 20.5, 30])
    assert apart([20.0, 29.9, 30.0], 1.0, 30.0) == pytest.approx([20, 29, 30])
    assert apart([24.0, 24.2, 24.4, 25.3], 1.0, 40.0) == pytest.approx([22.975, 23.975, 24.975, 25.975])
