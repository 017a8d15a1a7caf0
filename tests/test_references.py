"""Figure 9: one photograph in the colours of others, and how near it comes to them."""

from dataclasses import replace

import numpy as np
import pytest

from ipycolorize.analysis.references import recolour
from ipycolorize.analysis.reproduce import Request, maker
from ipycolorize.analysis.transfer import earth_movers_distance
from ipycolorize.baselines.gray import Gray
from ipycolorize.mood import Mood, picture_histogram
from ipycolorize.session import Session


@pytest.fixture(scope="module")
def flower():
    from sklearn.datasets import load_sample_image

    return np.ascontiguousarray(load_sample_image("flower.jpg")[::4, ::4])


@pytest.fixture
def references(flower, crop):
    return {"flower": flower, "gray": np.full_like(flower, 90), "crop": crop}


def test_the_pictures_are_the_sessions_and_grey_references_are_left_out(small, references, tiny):
    automatic, found = recolour(small, references, tiny, short_side=64)
    assert [one.reference for one in found] == ["flower", "crop"]
    session = Session(small, tiny, device="cpu", short_side=64)
    assert np.array_equal(automatic, session.rgb(session.frame.grid))
    session.set_mood(replace(Mood.of_picture(references["crop"]), saturation=None))
    assert np.array_equal(found[1].picture, session.rgb(session.frame.grid))


def test_distances_are_those_of_the_pictures_shown(small, references, tiny):
    automatic, found = recolour(small, references, tiny, short_side=64)
    for one in found:
        wanted = picture_histogram(references[one.reference])
        before = earth_movers_distance(picture_histogram(automatic), wanted)
        after = earth_movers_distance(picture_histogram(one.picture), wanted)
        assert (one.before, one.after) == pytest.approx((before, after), abs=0.05)
        assert one.before != one.after


def test_figure_9_colours_the_first_photograph_with_all_others(small, references, make_live, tmp_path):
    names, pictures = ["china", *references], [small, *references.values()]
    methods = {"one": make_live(), "two": make_live(seed=1)}
    report = maker("figure9")(Request(names, pictures, methods, tmp_path))
    assert report.name == "figure9" and "1 grey references were left out" in report.note
    assert [(row["method"], row["reference"]) for row in report.rows] == [
        ("one", "flower"), ("one", "crop"), ("two", "flower"), ("two", "crop"),
    ]  # fmt: skip
    assert {row["photograph"] for row in report.rows} == {"china"}
    for row in report.rows:
        assert row["ratio"] == pytest.approx(row["distance_after"] / row["distance_before"])
    titles = [axes.get_title() for axes in report.figure.get_axes() if axes.get_title()]
    assert titles == ["flower", "crop", "input", "no reference"]
    assert sum(bool(axes.images) for axes in report.figure.get_axes()) == 2 + 1 + 2 * 3


def test_what_cannot_be_asked_is_refused(small, references, tiny, tmp_path):
    with pytest.raises(ValueError, match="leave it out"):
        gray = Gray()
        gray.reads_global_hints = False
        maker("figure9")(Request(["a", "b"], [small, references["crop"]], {"gray": gray}, tmp_path))
    for others in ([], [references["gray"]]):
        names = ["china", "gray"][: 1 + len(others)]
        with pytest.raises(ValueError, match="at least one reference with colours"):
            maker("figure9")(Request(names, [small, *others], {"tiny": tiny}, tmp_path))
