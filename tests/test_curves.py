"""Learning curves: the log read back as it was written, and a figure that shows those very numbers."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from ipycolorize.training.config import Phase, Record, TrainConfig
from ipycolorize.training.curves import _apart, plot_history, read_log
from ipycolorize.training.data import Photographs
from ipycolorize.training.loop import Trainer

PSNR = {"0": 22.0, "1": 23.5, "10": 27.0, "100": 31.0, "all": 57.0}
BEFORE = Record(0, 0.0, 0, math.nan, math.nan, math.nan, 0.0, PSNR)
FIRST = Record(10, 30.0, 280, 5.0, 7.0, 3.0, 1e-3, {name: value + 1 for name, value in PSNR.items()})
SECOND = Record(12, 36.0, 336, 2.0, 1.0, 6.0, 1e-3, {name: value + 2 for name, value in PSNR.items()})


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def named(axes):
    return {text.get_text(): text.xy[1] for text in axes.texts}


def test_the_log_is_read_as_the_trainer_wrote_it(make_live, small, tmp_path):
    photographs = Photographs((small,), {})
    config = TrainConfig(steps=3, phases=(Phase(0.0, crop=32, batch=2),), most=8)
    trainer = Trainer(make_live(), photographs, config, tmp_path)
    assert read_log(tmp_path / "log.csv") == []
    trainer.run(every_seconds=0, progress=False)
    assert read_log(tmp_path / "log.csv") == trainer.history
    assert [record.step for record in trainer.history] == [1, 2, 3]


def test_psnr_is_drawn_as_it_is_by_number_of_points_without_everything_revealed():
    _, _, quality = plot_history([BEFORE, FIRST, SECOND]).axes
    drawn = lines(quality)
    assert list(drawn) == ["0 points", "1 point", "10 points", "100 points"]
    assert list(drawn["1 point"].get_ydata()) == [23.5, 24.5, 25.5]
    assert list(drawn["1 point"].get_xdata()) == [0.0, 30.0, 36.0]
    assert quality.get_xlabel() == "seconds of training"


def test_losses_are_means_over_two_lines_by_their_steps():
    colours, classes, _ = plot_history([BEFORE, FIRST, SECOND]).axes
    assert list(lines(colours)["Huber, with hints"].get_ydata()) == pytest.approx([5, (5 * 10 + 2 * 2) / 12])
    assert list(lines(colours)["Huber, without"].get_ydata()) == pytest.approx([7, (7 * 10 + 1 * 2) / 12])
    assert list(lines(classes)["cross-entropy"].get_ydata()) == pytest.approx([3, (3 * 10 + 6 * 2) / 12])


def test_a_long_run_counts_minutes_and_a_run_without_validation_has_no_psnr():
    long = [replace(record, seconds=100 * record.seconds, psnr={}, auto=0.0) for record in (FIRST, SECOND)]
    colours, classes = plot_history(long).axes
    assert list(lines(colours)) == ["Huber, with hints"], "a network without automatic colours apart"
    assert list(lines(classes)["cross-entropy"].get_xdata()) == [50, 60]
    assert classes.get_xlabel() == "minutes of training"


@pytest.mark.parametrize("records", [[], [BEFORE]])
def test_there_is_a_figure_before_there_is_a_loss(records, tmp_path):
    figure = plot_history(records)
    assert len(figure.axes) == 3
    figure.savefig(tmp_path / "curves.png")


def test_the_name_of_each_line_is_beside_its_end_and_no_two_overlap():
    close = {"0": 22.0, "1": 22.01, "10": 22.02, "100": 31.0}
    quality = plot_history([replace(FIRST, psnr=close), replace(SECOND, psnr=close)]).axes[2]
    places = named(quality)
    assert list(places) == ["0 points", "1 point", "10 points", "100 points"]
    low, high = quality.get_ylim()
    assert places["100 points"] == pytest.approx((31 - low) / (high - low))
    assert min(np.diff(list(places.values()))) > 0.05
    assert places["1 point"] == pytest.approx((22.01 - low) / (high - low), abs=0.01), "as near as they can"


def test_places_that_are_apart_already_stay():
    assert _apart([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    assert _apart([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    assert _apart([], 0.1) == []


def test_nothing_is_left_behind_in_pyplot():
    plot_history([BEFORE, FIRST])
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
