"""Paired differences beside scipy's bootstrap; who wins where."""

import math

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.datasets import load_sample_images

from ipycolorize.analysis.compare import (
    Difference,
    differences,
    draw_differences,
    extremes,
    interval,
    wins_and_losses,
)
from ipycolorize.analysis.results import Case, Results, Setting
from ipycolorize.analysis.sweep import measure
from ipycolorize.baselines.gray import Gray
from ipycolorize.models.live import Live

SETTING = Setting(patch=7, size=64, seed=0)
CASE = Case("live", "random", 10)


def results(live: dict[str, float], gray: dict[str, float]) -> Results:
    found = Results(SETTING, {"live": "0", "gray": "1"})
    found.add(CASE, live, live.values())
    found.add(Case("gray", "random", 10), gray, gray.values())
    return found


def test_differences_are_of_the_same_photographs() -> None:
    found = results({"a": 25.0, "b": 21.0, "c": 30.0, "alone": 99.0}, {"c": 20.0, "a": 24.0, "b": 22.0})
    (gap,) = differences(found, "live", "gray")
    assert (gap.method, gap.other, gap.reveal, gap.count, gap.images) == ("live", "gray", "random", 10, 3)
    assert gap.mean == pytest.approx(10 / 3, abs=1e-4)
    assert gap.wins == pytest.approx(2 / 3, abs=1e-4)
    assert -1 <= gap.low < gap.mean < gap.high <= 10
    (back,) = differences(found, "gray", "live")
    assert (back.mean, back.wins) == (-gap.mean, pytest.approx(1 - gap.wins, abs=1e-4))
    assert (back.low, back.high) == pytest.approx((-gap.high, -gap.low), abs=0.7)  # steps of three numbers


def test_intervals_are_those_of_the_percentile_bootstrap() -> None:
    values = np.random.default_rng(5).exponential(2.0, 60)
    low, high = interval(values)
    theirs = bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20000, rng=np.random.default_rng(1)
    )
    expected = theirs.confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.05)
    assert interval(values) == (low, high)
    assert interval(values, seed=1) != (low, high)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    generator = np.random.default_rng(0)
    held = [low < 1 < high for low, high in (interval(generator.normal(1, 3, 40)) for _ in range(60))]
    assert 0.85 < np.mean(held) <= 1


def test_pairing_takes_away_how_hard_photographs_are() -> None:
    generator = np.random.default_rng(0)
    hard = {str(number): value for number, value in enumerate(generator.normal(25, 5, 50))}
    (gap,) = differences(results({name: value + 0.5 for name, value in hard.items()}, hard), "live", "gray")
    assert (gap.mean, gap.low, gap.high, gap.wins) == (0.5, 0.5, 0.5, 1)


def test_exact_results_and_equal_ones_can_be_compared() -> None:
    exact = {"a": math.inf, "b": math.inf, "c": 20.0}
    (same,) = differences(results(exact, exact), "live", "gray")
    assert (same.mean, same.low, same.high, same.wins) == (0, 0, 0, 0.5)
    (ahead,) = differences(results(exact, dict.fromkeys("abc", 20.0)), "live", "gray")
    assert (ahead.mean, ahead.high) == (math.inf, math.inf)
    assert ahead.wins == pytest.approx(5 / 6, abs=1e-4)
    (one,) = differences(results({"a": 25.0}, {"a": 24.0}), "live", "gray")
    assert one.mean == 1
    assert math.isnan(one.low)
    assert differences(results({"a": 25.0}, {"b": 24.0}), "live", "gray") == []


def test_extremes_are_the_largest_wins_and_losses() -> None:
    found = results(dict(zip("abcde", [20.0, 30, 24, 25, 22], strict=True)), dict.fromkeys("abcde", 24.0))
    assert extremes(found, CASE, "gray", number=2) == (["b", "d"], ["a", "e"])
    assert extremes(found, CASE, "gray", number=9) == (["b", "d"], ["a", "e"])  # c is neither
    with pytest.raises(ValueError, match="both measured on with 11 points"):
        extremes(found, Case("live", "random", 11), "gray")


@pytest.mark.parametrize(("reveal", "columns"), [("random", 4), ("max-error", 5)])
def test_wins_and_losses_are_shown_with_their_points(reveal: str, columns: int, tiny: Live) -> None:
    images = [part for image in load_sample_images().images for part in (image[:, :300], image[:, 300:])]
    names, methods = list("abcd"), {"tiny": tiny, "gray": Gray()}
    found = measure(methods, images, names=names, counts=(3,), reveal=reveal, size=48, progress=False)
    figure = wins_and_losses(found, methods, images, names=names, reveal=reveal, count=3, number=1)
    wins, losses = extremes(found, Case("tiny", reveal, 3), "gray", number=1)
    assert len(figure.axes) == columns * (len(wins) + len(losses))
    row = figure.axes[:columns]
    first = (*wins, *losses)[0]
    gray, ours = (found.psnr[Case(method, reveal, 3)][first] for method in ("gray", "tiny"))
    titles = [axes.get_title() for axes in row]
    assert titles[:2] == ["3 points", f"tiny  {ours:.1f} dB"]
    assert titles[-2:] == [f"gray  {gray:.1f} dB", "truth"]
    assert row[0].get_ylabel() == f"{ours - gray:+.1f} dB".replace("-", "−")
    assert [len(axes.patches) // 2 for axes in row] == ([3, 0, 0, 0] if columns == 4 else [3, 0, 3, 0, 0])
    shown, truth = row[-2].images[0].get_array(), row[-1].images[0].get_array()
    error = np.mean((np.asarray(shown, float) - np.asarray(truth, float)) ** 2)
    assert 10 * np.log10(255**2 / error) == pytest.approx(gray, abs=1e-3)


def test_two_methods_that_differ_are_needed() -> None:
    found = results({"a": 25.0}, {"a": 25.0})
    images = load_sample_images().images[:1]
    with pytest.raises(ValueError, match="two methods to compare, got 1"):
        wins_and_losses(found, {"gray": Gray()}, images, names=["a"], reveal="random", count=10)
    with pytest.raises(ValueError, match="on which live and gray differ, got none"):
        wins_and_losses(
            found, {"live": Gray(), "gray": Gray()}, images, names=["a"], reveal="random", count=10
        )


def test_differences_are_drawn_with_their_intervals() -> None:
    methods = {"live": 0.0, "levin": 1.0, "gray": 4.0}
    found = Results(SETTING, dict.fromkeys(methods, "0"))
    generator = np.random.default_rng(0)
    for method, behind in methods.items():
        for count in (0, 1, 10):
            values = generator.normal(25 - behind * (count > 0), 1, 20)
            found.add(Case(method, "random", count), map(str, range(20)), values)
    gaps = [gap for other in ("levin", "gray") for gap in differences(found, "live", other)]
    everything = Difference("live", "levin", "all", -1, 20, 9.0, 8.0, 10.0, 1.0)
    axes = draw_differences([*gaps, everything]).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["live − levin", "live − gray"]
    for container, other in zip(axes.containers, ("levin", "gray"), strict=True):
        line, _, (bars,) = container.lines
        mine = [gap for gap in gaps if gap.other == other]
        assert line.get_ydata().tolist() == [gap.mean for gap in mine]
        for segment, gap in zip(bars.get_segments(), mine, strict=True):
            assert segment[:, 0].tolist() == [gap.count] * 2
            assert segment[:, 1].tolist() == pytest.approx([gap.low, gap.high])
    with pytest.raises(ValueError, match="differences at numbers of points, got none"):
        draw_differences([everything])
