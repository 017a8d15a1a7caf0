"""The whole pad without a browser: what it does to its session, its status line, and its end."""

import threading

import numpy as np
import pytest
from driving import do
from ipywidgets.widgets.widget import _instances

from ipycolorize.widget import Colorizer
from ipycolorize.widget.canvas import Picture, fit
from ipycolorize.widget.controls import ExportPicture, LoadHints, SaveHints, TypedColor
from ipycolorize.widget.gestures import Command, Pick, Pointer


def add(pad, row=50, col=80):
    do(pad, Pointer("down", row, col, buttons=1), Pointer("up", row, col))


def test_unknown_keywords_and_a_second_network_are_refused(session, network):
    with pytest.raises(TypeError):
        Colorizer(session, colour="red")
    with pytest.raises(TypeError, match="got both"):
        Colorizer(session, network)


def test_status_tells_how_to_start_then_how_many_points_and_how_long(pad):
    assert "Click anywhere" in pad._status.value
    add(pad)
    assert "Now pick a colour" in pad._status.value
    do(pad, Pick((40, 30)))
    assert "1 point ·" in pad._status.value
    assert "ms" in pad._status.value
    assert pad.session.device in pad._status.value


def test_snapshot_shows_the_picture_and_its_points(pad):
    add(pad)
    do(pad, Pick((40, 30)))
    picture = np.asarray(pad.snapshot()).astype(int)
    height, width = picture.shape[:2]
    assert (height, width) == pad._picture.css
    centre = picture[round(50.5 * height / 107), round(80.5 * width / 160)]
    assert np.abs(centre - pad.session.color_of(next(iter(pad.session.hints)))).max() < 40


def test_files_round_trip_and_their_errors_reach_the_status_line(pad, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add(pad)
    do(pad, SaveHints("h.json"))
    assert "1 point saved to h.json" in pad._status.value
    do(pad, ExportPicture("p.png"))
    assert (tmp_path / "p.png").exists()
    hints = pad.session.hints.items
    do(pad, LoadHints("bad.json", b"[]"), Command("before"))
    assert "<b>" in pad._status.value
    assert pad.session.hints.items == hints, "bad files harm nothing"
    do(pad, ExportPicture("p.webp"))
    assert "<b>" in pad._status.value
    do(pad, Command("reset"), LoadHints("h.json", (tmp_path / "h.json").read_bytes()))
    assert [(hint.row, hint.col) for hint in pad.session.hints] == [(50, 80)]
    pad.save(tmp_path / "again.json")
    pad.load(tmp_path / "again.json")


def test_selection_goes_with_a_point_that_a_file_or_a_cell_removes(pad, tmp_path):
    add(pad)
    pad.save(tmp_path / "h.json")
    do(pad, LoadHints("h.json", (tmp_path / "h.json").read_bytes()))
    assert "<b>" not in pad._status.value
    assert pad._state.selected is None
    add(pad, 20, 20)
    pad.session.reset()
    pad.refresh()
    assert pad._worker.wait(20, idle=1)
    assert "<b>" not in pad._status.value
    assert pad._state.selected is None


def test_network_that_fails_is_reported_and_the_points_stay(pad, monkeypatch):
    add(pad)

    def fail(*_):
        raise RuntimeError("<out of memory>")

    with monkeypatch.context() as patch:
        patch.setattr(pad.session.network, "decode", fail)
        do(pad, Pick((40, 30)))
        assert "RuntimeError: &lt;out of memory&gt;" in pad._status.value, (
            "and no HTML of others is let through"
        )
        assert pad._worker.alive
    do(pad, Pick((40, 31)))
    assert "<b>" not in pad._status.value
    assert len(pad.session.hints) == 1


def test_typed_colours(pad):
    do(pad, TypedColor("#d04020"))
    assert "Select a point first" in pad._status.value
    add(pad)
    do(pad, TypedColor("nonsense"))
    assert "nonsense" in pad._status.value
    assert "ipc-bad" in pad._controls._field._dom_classes
    do(pad, TypedColor("#d04020"))
    assert next(iter(pad.session.hints)).ab == pytest.approx(pad.session.ab_of((208, 64, 32)))
    assert "ipc-bad" not in pad._controls._field._dom_classes


def test_live_drag_ends_in_the_same_picture_as_a_single_edit(pad):
    add(pad)
    do(pad, Pick((10, 10), done=False), Pick((40, 30), done=False))
    live = pad._picture.image.value
    final = pad.rgb()
    do(pad, Pick((40, 30)))
    assert pad._picture.image.value == live, "after settling the draft has been replaced already"
    assert (pad.rgb() == final).all()


def test_drawing_on_the_session_from_a_cell_shows_after_refresh(pad):
    before = pad._picture.image.value
    pad.session.add(20, 20, ab=(60, 40))
    pad.refresh()
    assert pad._worker.wait(20, idle=1)
    assert pad._picture.image.value != before


def test_closed_pads_leave_no_widget_and_no_thread(session):
    widgets, threads = set(_instances), threading.active_count()
    for _ in range(3):
        Colorizer(session).close()
    assert set(_instances) == widgets
    assert threading.active_count() == threads


@pytest.mark.parametrize(
    ("photo", "size"),
    [((427, 640), (427, 640)), ((3000, 4000), (540, 720)), ((16, 24), (320, 480)), ((300, 2000), (114, 760))],
)
def test_picture_fits_the_screen(photo, size):
    assert fit(photo, (540, 760)) == size


def mouse(kind, x, y, **more):
    rectangle = {
        "boundingRectLeft": 100.25,
        "boundingRectTop": 50,
        "boundingRectWidth": 320,
        "boundingRectHeight": 214,
    }
    return {"event": kind, "x": x, "y": y, "button": 0, "buttons": 0, **rectangle, **more}


@pytest.fixture
def pointed():
    """A picture of 107 x 160 pixels, and the pointer events that it understood."""
    seen = []
    picture = Picture(
        (107, 160),
        height=None,
        on_pointer=seen.append,
        post=seen.append,
        on_key=lambda *_: None,
        on_ready=lambda: None,
    )
    return picture, seen


def test_pointer_places_follow_the_size_on_the_screen_and_are_clipped(pointed):
    picture, seen = pointed
    picture._pointer(mouse("mousedown", 260, 157, buttons=1))
    picture._pointer(mouse("mousemove", 900, -40, buttons=1))
    picture._pointer(mouse("mouseup", 99, 400))
    assert [(event.kind, event.row, event.col) for event in seen] == [
        ("down", 53, 80),
        ("move", 0, 159),
        ("up", 106, 0),
    ]


def test_hovering_is_not_worth_an_event_but_a_release_outside_is(pointed):
    picture, seen = pointed
    picture._pointer(mouse("mousemove", 200, 100))
    assert seen == []
    picture._pointer(mouse("mousedown", 200, 100, buttons=1))
    picture._pointer(mouse("mouseleave", 99, 100, buttons=1))
    picture._pointer(mouse("mousemove", 200, 100, buttons=0))
    picture._pointer(mouse("mousemove", 210, 100, buttons=0))
    assert [event.kind for event in seen] == ["down", "leave", "move"]


def test_control_click_is_a_right_click_and_shift_samples(pointed):
    picture, seen = pointed
    picture._pointer(mouse("mousedown", 200, 100, buttons=1, ctrlKey=True))
    picture._pointer(mouse("mousedown", 200, 100, buttons=1, shiftKey=True))
    assert [event.button for event in seen] == [2, 0]
    assert [event.sample for event in seen] == [False, True]
