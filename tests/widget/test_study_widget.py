"""The study without a browser: the clock, the lock, what is kept; and the two interfaces of its pads."""

import os
import re
import time
from pathlib import Path

import numpy as np
import pytest
from driving import do
from ipywidgets.widgets.widget import _instances
from skimage.color import lab2rgb

from ipycolorize.study import read_results
from ipycolorize.widget import Colorizer, Study
from ipycolorize.widget import study as module
from ipycolorize.widget.choices import COMMON, common, suggested
from ipycolorize.widget.gestures import Pick, Pointer


@pytest.fixture
def begin(tmp_path, photo, tiny, monkeypatch):
    """A study of two photographs, without the patience for a browser that never comes."""
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    studies = []

    def make(seconds=60.0, **settings):
        photographs = {"one": photo[:64, :96], "two": photo[:64, 64:]}
        settings = {"participant": "Ada", "folder": tmp_path, "network": tiny, "device": "cpu"} | settings
        studies.append(Study(photographs, seconds=seconds, **settings))
        return studies[-1]

    yield make
    for study in studies:
        study.close()


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.005)
    return True


def press(study):
    """Start, or the next photograph; the pad that comes."""
    old = study._place.children
    study._button.click()
    until(lambda: study._place.children != old and study._pad is not None and study._pad._start is not None)
    return study._pad


def over(study, pad):
    """End the time of a pad that has begun."""
    done = study.done
    pad._start -= study._seconds
    until(lambda: study.done > done)


def click(row, col):
    return [Pointer(kind, row, col, buttons=kind == "down") for kind in ("down", "up")]


def test_nothing_runs_before_somebody_starts(begin):
    study = begin()
    assert "You have 60 seconds for each. 2 photographs to go." in study._clock.value
    assert study._place.children == ()
    assert study._button.description == "Start"


def test_the_clock_runs_from_the_start(begin):
    study = begin(seconds=600.0)
    pad = press(study)
    until(lambda: re.search(r"<time>(10:00|9:\d\d)</time>", study._clock.value))
    assert "Photograph 1 of 2" in study._clock.value
    pad._start -= 591
    until(lambda: re.search(r"<time>0:0\d</time>", study._clock.value))
    assert "ipc-hurry" in study._clock._dom_classes


def test_when_the_time_is_up_the_pad_locks_and_all_is_saved(begin):
    study = begin(recommend=True)
    pad = press(study)
    for event in [*click(20, 30), Pick((40.0, 20.0), True)]:
        pad._post(event)
    over(study, pad)
    assert "Time is up, and your picture is saved. 1 photograph to go." in study._clock.value
    assert "ipc-locked" in pad._dom_classes
    picture, points = pad.rgb(), pad.session.to_json()["hints"]
    for event in [*click(40, 60), Pick((-40.0, 20.0), True)]:
        pad._post(event)
    pad._worker.wait(20, idle=1)
    assert np.array_equal(pad.rgb(), picture) and len(pad.session.hints) == 1
    (result,) = read_results(study._course._folder)
    assert result.hints["hints"] == points
    assert result.task.recommend
    assert [action["event"] for action in result.actions] == ["Pointer", "Pointer", "Pick"]
    assert result.actions[2] | {"ab": [40.0, 20.0], "done": True} == result.actions[2]
    times = [action["seconds"] for action in result.actions]
    assert times == sorted(times) and 0 <= times[0] < 60


def test_what_is_asked_before_the_clock_starts_is_not_heard(session):
    pad = module.TimedPad(session, recommend=True)
    try:
        do(pad)
        for event in click(20, 30):
            pad._post(event)
        assert pad._worker.wait(20, idle=1)
        assert not pad.actions and not len(pad.session.hints)
    finally:
        pad.close()


def test_the_way_of_the_mouse_is_not_remembered_only_where_it_ends(session):
    pad = module.TimedPad(session, recommend=True)
    try:
        pad.start()
        events = [*click(20, 30), Pick((10.0, 0.0), False), Pick((20.0, 0.0), True), Pointer("move", 9, 9)]
        for event in events:
            pad._post(event)
        assert [action["event"] for action in pad.actions] == ["Pointer", "Pointer", "Pick"]
        assert pad.actions[-1]["ab"] == (20.0, 0.0)
    finally:
        pad.close()


def test_both_photographs_one_interface_each_then_thanks(begin):
    study = begin()
    seen = []
    for _ in range(2):
        pad = press(study)
        seen.append(len(pad._controls._suggested.buttons))
        over(study, pad)
    assert sorted(seen) == [9, 48]
    assert "Thank you" in study._clock.value
    assert study._button.layout.display == "none"
    results = read_results(study._course._folder)
    assert sorted(result.task.photograph for result in results) == ["one", "two"]
    assert [9 if result.task.recommend else 48 for result in results] == seen


def test_who_comes_back_begins_the_unfinished_photograph_anew(begin):
    first = begin()
    over(first, press(first))
    press(first)
    first.close()
    again = begin()
    assert "Welcome back. 1 photograph to go." in again._clock.value
    over(again, press(again))
    assert [result.attempts for result in read_results(again._course._folder)] == [1, 2]


def test_a_picture_that_cannot_be_saved_waits_until_it_can(begin, monkeypatch):
    study = begin()
    pad = press(study)

    fsync = os.fsync

    def full(handle):
        if Path(f"/proc/self/fd/{handle}").readlink().suffix == ".jsonl":  # picture and points had room
            raise OSError(28, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr("ipycolorize.journal.os.fsync", full)
        pad._start -= 60
        until(lambda: "Not saved: No space left on device." in study._clock.value)
        assert study._button.description == "Try again"
    study._button.click()
    until(lambda: study.done == 1)
    assert "your picture is saved" in study._clock.value


def test_closing_leaves_nothing_behind(begin):
    before = len(_instances)
    study = begin()
    press(study)
    study.close()
    assert len(_instances) == before


def test_closing_ends_the_thread_of_a_finished_pad(begin):
    study = begin()
    pad = press(study)
    over(study, pad)
    study.close()
    assert not pad._worker.alive


def test_the_weights_that_helped_are_named(begin):
    study = begin(network="siggraph17-global")
    over(study, press(study))
    (result,) = read_results(study._course._folder)
    assert result.network == "siggraph17-global"


# -- the two interfaces -------------------------------------------------------------------------------------


def test_the_pad_offers_suggestions_or_common_colours(session):
    for recommend, choose, title in ((True, suggested, "Suggested here"), (False, common, "Common colours")):
        pad = Colorizer(session, recommend=recommend)
        try:
            do(pad, *click(40, 50))
            offered = choose(session, 40, 50)
            assert pad._controls._colors["suggested"] == offered
            titles = [part.children[0].value for part in pad._controls.panel.children]
            assert title in titles
            pad._controls._suggested.buttons[3].click()
            do(pad)
            (hint,) = session.hints
            assert hint.ab == pytest.approx(offered[3][1])
        finally:
            pad.close()
        session.reset()


def test_there_are_48_common_colours_well_apart_that_screens_show():
    ab = np.array([ab for _, ab in COMMON])
    assert len(COMMON) == 48
    apart = np.linalg.norm(ab[:, None] - ab, axis=-1) + 99 * np.eye(48)
    assert apart.min() > 4
    hues = np.degrees(np.arctan2(ab[:36, 1], ab[:36, 0])).round() % 360
    assert {*hues} == {*range(0, 360, 30)}


def test_a_common_colour_looks_as_it_will_at_this_place(session):
    lightness = session.lightness_at(40, 50)
    for (rgb, ab, _), (_, table) in zip(common(session, 40, 50), COMMON, strict=True):
        shown = lab2rgb(np.array([lightness, *ab])) * 255
        assert np.abs(shown - rgb).max() < 1.5
        assert np.hypot(*ab) <= np.hypot(*table) + 1e-3, "where a screen cannot show it, a paler one"
