"""Moods as values and as JSON, and what a session makes of them."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ipycolorize.color import rgb_to_lab
from ipycolorize.families import shares_of
from ipycolorize.gamut import AbBins
from ipycolorize.global_hints import GlobalHints
from ipycolorize.hints import HintError
from ipycolorize.image import PhotoError
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.mood import Mood, MoodError, picture_histogram
from ipycolorize.session import Session

RED = (200, 60, 40)


def flat(rgb, shape=(40, 60)):
    return np.full((*shape, 3), rgb, np.uint8)


@pytest.fixture
def session(small, tiny):
    return Session(small, tiny, device="cpu", short_side=64)


# -- values --------------------------------------------------------------------------------------------------


def test_an_empty_mood_asks_for_nothing():
    assert not Mood()
    assert not Mood(saturation=0.5, strength=0.0)
    assert Mood(saturation=0.0)
    assert Mood.of_shares(np.ones(313))
    hints = Mood().global_hints()
    assert hints.histogram_given.item() == hints.saturation_given.item() == 0


def test_global_hints_carry_what_is_asked_and_how_strongly():
    shares = np.random.default_rng(0).dirichlet(np.ones(313))
    hints = Mood.of_shares(shares, saturation=0.3, strength=0.6).global_hints()
    np.testing.assert_allclose(hints.histogram[0].numpy(), shares, atol=1e-6)
    assert hints.saturation.item() == pytest.approx(0.3)
    assert hints.histogram_given.item() == hints.saturation_given.item() == pytest.approx(0.6)
    alone = Mood(saturation=0.3).global_hints()
    assert (alone.histogram_given.item(), alone.saturation_given.item()) == (0, 1)


def test_whole_numbers_do_as_well(session):
    session.set_mood(Mood(saturation=1, strength=1))
    assert session.mood.global_hints().saturation.dtype == torch.float32
    assert session.rgb().shape == (*session.photo.shape, 3)


def test_weights_are_made_to_sum_to_1():
    mood = Mood.of_shares(np.arange(313))
    assert sum(mood.histogram) == pytest.approx(1)
    assert mood.histogram[312] == pytest.approx(2 * mood.histogram[156])


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (np.zeros(313), "a sum of zero"),
        (np.ones(312), r"313 weights, one for each ab bin, got shape \(312,\)"),
        (np.r_[-1.0, np.ones(312)], "not negative"),
        (np.r_[math.nan, np.ones(312)], "finite"),
    ],
)
def test_weights_that_make_no_histogram_are_refused(weights, text):
    with pytest.raises(MoodError, match=text):
        Mood.of_shares(weights)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"saturation": 1.5}, "expected a saturation within 0..1, got 1.5"),
        ({"saturation": -0.1}, "expected a saturation within"),
        ({"saturation": math.nan}, "expected a saturation within"),
        ({"strength": 2.0}, "expected a strength within"),
        ({"histogram": (1.0,)}, "expected 313 shares"),
        ({"histogram": (1.0,) * 313}, "sum to 1, got 313"),
        ({"histogram": (-1.0, 2.0, *(0.0,) * 311)}, "not negative"),
    ],
)
def test_moods_that_cannot_be_are_refused(values, text):
    with pytest.raises(MoodError, match=text):
        Mood(**values)


def test_a_picture_gives_its_histogram_and_saturation(small):
    mood = Mood.of_picture(small, source="cat.jpg")
    lab = rgb_to_lab(torch.tensor(small).permute(2, 0, 1)[None])
    true = GlobalHints.of_pictures(lab)
    np.testing.assert_allclose(mood.histogram, true.histogram[0].numpy(), atol=1e-6)
    assert mood.saturation == pytest.approx(true.saturation.item(), abs=1e-6)
    assert (mood.source, mood.strength) == ("cat.jpg", 1.0)


def test_a_large_picture_is_looked_at_smaller():
    large = flat(RED, (900, 1200))
    large[:, 600:] = (40, 60, 200)
    small = flat(RED, (256, 341))
    small[:, 171:] = (40, 60, 200)
    assert np.abs(picture_histogram(large) - picture_histogram(small)).sum() < 0.03


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_grey_reference_is_refused(value):
    with pytest.raises(MoodError, match="a reference photograph with colours, got a grey one"):
        Mood.of_picture(flat((value,) * 3))


def test_one_colour_is_a_histogram_too():
    lab = rgb_to_lab(np.array(RED, np.uint8))
    mood = Mood.of_picture(flat(RED))
    mean = np.array(mood.histogram) @ AbBins().centers.numpy()
    np.testing.assert_allclose(mean, lab[1:], atol=3)


def test_another_share_of_a_family_is_made_by_hand():
    mood = Mood.of_picture(flat(RED), source="red.png")
    changed = mood.with_family(0, 0.5)
    assert shares_of(np.array(changed.histogram))[0] == pytest.approx(0.5)
    assert changed.source == ""
    with pytest.raises(MoodError, match="expected a mood with a histogram"):
        Mood().with_family(0, 0.5)
    with pytest.raises(MoodError, match=r"family 0\.\.24"):
        mood.with_family(99, 0.5)


# -- JSON ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mood",
    [
        Mood(),
        Mood(saturation=0.25, strength=0.5),
        Mood.of_shares(np.random.default_rng(3).dirichlet(np.full(313, 0.1)), source="a.png"),
        replace(Mood.of_picture(flat(RED)), strength=0.3),
    ],
)
def test_json_brings_a_mood_back(mood):
    back = Mood.from_json(json.loads(json.dumps(mood.to_json())))
    assert (back.strength, back.source) == (mood.strength, mood.source)
    assert (back.saturation is None) == (mood.saturation is None)
    assert back.saturation == pytest.approx(mood.saturation, abs=1e-4)
    assert (back.histogram is None) == (mood.histogram is None)
    if mood.histogram is not None:
        np.testing.assert_allclose(back.histogram, mood.histogram, atol=1e-4)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"histogram": 3},
        {"histogram": [[1, 2, 0.5]]},
        {"histogram": [[0, 0]]},
        {"histogram": [[0, 0, "much"]]},
        {"histogram": []},
        {"histogram": [[0, 0, -1]]},
        {"saturation": "high"},
        {"saturation": 7},
        {"strength": None},
    ],
)
def test_bad_json_is_a_mood_error(data):
    with pytest.raises(MoodError, match=r"^mood: expected"):
        Mood.from_json(data)


# -- session -------------------------------------------------------------------------------------------------


def test_a_mood_changes_the_picture_and_can_be_undone(session):
    before = session.rgb()
    session.set_mood(Mood.of_picture(flat(RED)))
    after = session.rgb()
    assert np.abs(after.astype(int) - before).max() > 5
    assert session.undo()
    np.testing.assert_array_equal(session.rgb(), before)
    assert session.mood == Mood()
    assert session.redo()
    np.testing.assert_array_equal(session.rgb(), after)


def test_live_changes_of_a_mood_make_one_step(session):
    for strength in (0.2, 0.4, 0.6):
        session.set_mood(replace(Mood.of_picture(flat(RED)), strength=strength), record=False)
    assert session.can_undo
    session.commit()
    assert session.undo()
    assert session.mood == Mood()
    assert not session.can_undo


def test_points_and_mood_undo_in_their_order(session):
    hint = session.add(20, 30, ab=(40.0, 20.0))
    session.set_mood(Mood(saturation=0.5))
    session.remove(hint.id)
    session.undo()
    assert hint.id in session.hints and session.mood.saturation == 0.5
    session.undo()
    assert hint.id in session.hints and session.mood == Mood()
    session.undo()
    assert not len(session.hints)


def test_reset_takes_the_mood_too_and_undo_brings_both_back(session):
    session.add(20, 30, ab=(40.0, 20.0))
    session.set_mood(Mood(saturation=0.5))
    session.reset()
    assert not len(session.hints) and session.mood == Mood()
    session.undo()
    assert len(session.hints) == 1 and session.mood.saturation == 0.5


def test_strength_0_is_the_picture_without_a_mood(session):
    before = session.rgb()
    session.set_mood(replace(Mood.of_picture(flat(RED)), strength=0.0))
    np.testing.assert_array_equal(session.rgb(), before)


def test_a_stronger_mood_goes_further(session):
    automatic, goal = session.histogram(), Mood.of_picture(flat((40, 60, 200)))
    wanted, left = np.array(goal.histogram) @ AbBins().centers.numpy(), []
    for strength in (0.0, 0.3, 0.6, 1.0):
        session.set_mood(replace(goal, strength=strength))
        if not strength:
            assert np.array_equal(session.histogram(), automatic)
        mean = session.painter.ab((), session.mood).mean(dim=(1, 2)).numpy()  # before any screen
        left.append(np.linalg.norm(mean - wanted))
    assert left == sorted(left, reverse=True) and left[3] < left[1]


def test_palettes_follow_the_mood(session):
    a, b = rgb_to_lab(np.array(RED, np.uint8))[1:]
    before = session.palette(50, 80)[0]
    session.set_mood(Mood.of_picture(flat(RED)))
    after = session.palette(50, 80)[0]
    assert math.dist(after.ab, (a, b)) < math.dist(before.ab, (a, b)) - 5
    assert after.share > before.share


def test_files_keep_the_mood(session, tmp_path):
    plain = session.to_json()
    assert "mood" not in plain and plain["version"] == 1
    session.add(20, 30, ab=(40.0, 20.0))
    session.set_mood(replace(Mood.of_picture(flat(RED), source="red.png"), strength=0.7))
    picture = session.rgb()
    session.save(tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["version"] == 2  # for programs that know no moods
    session.reset()
    session.load(tmp_path / "a.json")
    assert session.mood.source == "red.png"
    assert np.abs(session.rgb().astype(int) - picture).max() <= 1
    session.load(plain)
    assert session.mood == Mood()


def test_a_bad_mood_in_a_file_leaves_everything_as_it_was(session):
    session.add(20, 30, ab=(40.0, 20.0))
    session.set_mood(Mood(saturation=0.5))
    data = {**session.to_json(), "hints": [], "mood": {"saturation": 9}}
    with pytest.raises(MoodError, match="mood: expected a saturation"):
        session.load(data)
    with pytest.raises(HintError, match="version 1 to 2"):
        session.load({**data, "version": 3})
    assert len(session.hints) == 1 and session.mood.saturation == 0.5


def test_references_are_photographs_or_sessions(session, small, tiny, tmp_path):
    mood = session.mood_of(small)
    assert mood.histogram == Mood.of_picture(small).histogram
    other = Session(small, tiny, device="cpu", short_side=64)
    other.add(20, 30, ab=(60.0, 40.0))
    assert session.mood_of(other).histogram == Mood.of_picture(other.rgb(other.frame.grid)).histogram
    with pytest.raises(PhotoError):
        session.mood_of(tmp_path / "none.jpg")
    with pytest.raises(MoodError, match="grey"):
        session.mood_of(flat((90, 90, 90)))


def test_a_network_that_reads_points_only_refuses_a_mood(small):
    session = Session(small, SIGGRAPH17(width=4), device="cpu", short_side=64)
    with pytest.raises(MoodError, match="siggraph17, which reads points only; open the photograph with live"):
        session.set_mood(Mood(saturation=0.5))
    assert session.mood == Mood()
    session.set_mood(Mood())  # asks for nothing
