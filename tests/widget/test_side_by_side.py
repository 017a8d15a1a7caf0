"""Networks side by side: the same points in all, each at its own pace, and what the mouse tells."""

import base64
import io
import json
import threading
import time

import numpy as np
import pytest
import torch
from driving import do
from ipywidgets.widgets.widget import _instances
from PIL import Image

from ipycolorize import Compare
from ipycolorize.color import rgb_to_lab
from ipycolorize.influence import influence, owner_map
from ipycolorize.models.live import Live
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.mood import Mood
from ipycolorize.widget.canvas import Picture
from ipycolorize.widget.controls import ExportPicture, LoadHints, SaveHints, TypedColor
from ipycolorize.widget.gestures import Command, Pick, Pointer
from ipycolorize.widget.parts import close

POINT = (50, 80)


class Slow(Live):
    """A network that needs a go-ahead for every picture."""

    def __init__(self):
        super().__init__(widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1, 1), heads=2, dim=4, out=8, tail=8)
        self.go = threading.Event()
        self.go.set()

    def decode(self, *args, **told):
        assert self.go.wait(20)
        return super().decode(*args, **told)


@pytest.fixture
def networks(network):
    torch.manual_seed(1)
    return [network, SIGGRAPH17(width=4).eval()]


@pytest.fixture
def duo(photo, networks):
    duo = Compare(photo, networks, device="cpu", height=200, short_side=48)
    assert duo.wait(30)
    yield duo
    duo.close()


def screen(side):
    """The picture that was sent to the browser."""
    url = bytes(side.picture.image.value)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(b",", 1)[1])))).astype(int)


def act(duo, *events):
    do(duo, *events)
    assert duo.wait(30)


def add(duo, row=POINT[0], col=POINT[1], ab=(60.0, 30.0)):
    act(duo, Pointer("down", row, col, buttons=1), Pointer("up", row, col), Pick(ab))


def test_a_point_on_one_picture_is_a_point_on_both(duo):
    before = [session.rgb(duo._sides[0].picture.sent_shape) for session in duo.sessions.values()]
    duo._sides[1].picture._on_pointer(Pointer("down", *POINT, buttons=1))
    duo._sides[1].picture._on_pointer(Pointer("up", *POINT))
    act(duo, Pick((60, 30)))
    for side, session, old in zip(duo._sides, duo.sessions.values(), before, strict=True):
        assert session.hints.items == duo.board.hints.items
        assert [(hint.row, hint.col, hint.ab) for hint in session.hints] == [(*POINT, (60, 30))]
        shown = session.rgb(side.picture.sent_shape).astype(int)
        assert np.abs(screen(side) - shown).mean() < 3, "each shows its own network's picture"
        assert (shown != old).any()
        assert " ms · cpu" in side._status.value
    act(duo, Command("undo"))
    assert [session.hints.items[0].weight for session in duo.sessions.values()] == [0, 0]


def test_the_slower_network_does_not_hold_up_the_quicker_one(photo, network):
    slow = Slow().eval()
    duo = Compare(photo, [slow, network], device="cpu", height=200, short_side=48)
    try:
        assert duo.wait(30)
        old = screen(duo._sides[1])
        slow.go.clear()
        for ab in ((60, 30), (50, -20), (-40, 30)):
            do(duo, Pointer("down", *POINT, buttons=1), Pointer("up", *POINT), Pick(ab))
            assert duo._sides[1].wait(20)
            assert duo._sides[1].session.hints.items[0].ab == ab
        assert np.abs(screen(duo._sides[1]) - old).max() > 10
        assert duo._sides[0].session.hints.items[:1] != duo.board.hints.items
        painted, paint = [], duo._sides[0]._paint
        duo._sides[0]._paint = lambda wanted: painted.append(wanted) or paint(wanted)
        slow.go.set()
        assert duo.wait(30)
        assert duo._sides[0].session.hints.items == duo.board.hints.items
        assert len(painted) <= 1, "what lay between is skipped"
    finally:
        slow.go.set()
        duo.close()


def test_the_mouse_on_one_picture_shows_on_the_other_with_both_colours(duo):
    add(duo)
    left, right = duo._sides
    left.picture._on_hover((20, 40))
    assert duo._mouse.wait(5)
    assert left._overlay.layer.value == ""
    assert 'class="ipc-plus" style="left:25.31%;top:19.16%"' in right._overlay.layer.value
    colours = []
    for side in duo._sides:
        rgb = side.session.rgb(side.picture.sent_shape)[20, 40]
        _, a, b = rgb_to_lab(rgb).tolist()
        colours.append((a, b))
        text = side._overlay.reading.value.replace("−", "-")
        assert f"a {a:.0f}, b {b:.0f}" in text
    apart = np.hypot(*np.subtract(*colours))
    assert f"· {apart:.0f} apart" in right._overlay.reading.value
    assert "apart" not in left._overlay.reading.value
    left.picture._on_hover(None)
    assert duo._mouse.wait(5)
    assert {side._overlay.layer.value + side._overlay.reading.value for side in duo._sides} == {""}


def test_a_picture_tells_where_the_mouse_goes_pressed_or_not_until_it_leaves():
    seen, pressed = [], []
    picture = Picture(
        (107, 160),
        height=None,
        on_pointer=pressed.append,
        post=pressed.append,
        on_key=lambda *_: None,
        on_ready=lambda: None,
        on_hover=seen.append,
    )
    box = {
        "boundingRectLeft": 100,
        "boundingRectTop": 50,
        "boundingRectWidth": 320,
        "boundingRectHeight": 214,
    }
    for kind, x, y, buttons in (
        ("mousemove", 260, 157, 0), ("mousemove", 100, 50, 1), ("mouseleave", 90, 40, 0),
    ):  # fmt: skip
        picture._pointer({"event": kind, "x": x, "y": y, "button": 0, "buttons": buttons, **box})
    assert seen == [(53, 80), (0, 0), None]
    assert [event.kind for event in pressed] == ["move"], "hovering is no gesture"
    for part in (picture.events, picture.flow.canvas, picture.image, picture.box):
        close(part)


def test_only_the_last_place_of_the_mouse_counts(duo):
    told, right = [], duo._sides[1]
    original = right.point_at
    right.point_at = lambda place, **how: (told.append(place), time.sleep(0.05), original(place, **how))
    for col in range(60):
        duo._sides[0].picture._on_hover((20, col))
    assert duo._mouse.wait(10)
    assert told[-1] == (20, 59)
    assert len(told) <= 3


def test_a_shifted_click_takes_the_colour_of_the_picture_it_is_on(duo):
    add(duo)
    for number, side in enumerate(duo._sides):
        wanted = rgb_to_lab(side.session.rgb(side.picture.sent_shape)[20, 40]).tolist()[1:]
        duo._pointer(number, Pointer("down", 20, 40, buttons=1, sample=True))
        assert duo._worker.wait(10, idle=0)
        assert duo.board.hints.items[0].ab == pytest.approx(wanted, abs=0.01)
        assert duo.wait(20)
    assert len(duo.board.hints) == 1


def test_maps_show_whose_colour_it_is_and_threads_lead_there(duo):
    add(duo)
    add(duo, 20, 20, (-50, 30))
    act(duo, ("show", "weights"))
    left, right = duo._sides
    for side, kind in ((left, "weights"), (right, "leave-one-out")):
        found = influence(side.session, kind)
        wanted = owner_map(side.session, found, side.picture.sent_shape).astype(int)
        assert np.abs(screen(side) - wanted).mean() < 3
        assert ("its own weights" if kind == "weights" else "changes without a point") in side._status.value
    right.picture._on_hover((21, 22))
    assert duo._mouse.wait(5)
    owner = influence(left.session, "weights").owner_at(21, 22)
    assert owner.id == 2
    assert 'x2="12.81" y2="19.16"' in left._overlay.layer.value, "the thread ends at the point"
    assert " %" in left._overlay.reading.value
    act(duo, ("show", "leave-one-out"))
    assert "changes without a point" in left._status.value
    act(duo, ("show", "colours"))
    shown = left.session.rgb(left.picture.sent_shape).astype(int)
    assert np.abs(screen(left) - shown).mean() < 3


def test_one_network_that_fails_says_so_and_the_other_goes_on(duo, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("<out of memory>")

    left, right = duo._sides
    with monkeypatch.context() as patch:
        patch.setattr(right.session.network, "decode", fail)
        add(duo)
        assert "RuntimeError: &lt;out of memory&gt;" in right._status.value
        assert "ms" in left._status.value
        assert "1 point" in duo._status.value
    act(duo, Pick((50, 31)))
    assert "<b>" not in right._status.value
    assert right.session.hints.items == duo.board.hints.items


def test_every_network_suggests(duo):
    add(duo)
    assert duo._worker.wait(10, idle=0)
    for number, side in enumerate(duo._sides):
        palette = side.session.palette(*POINT)
        assert [ab for _, ab, _ in duo._offers.colors[number]] == [one.ab for one in palette]
    second = duo._offers.colors[1][1][1]
    duo._offers.rows[1].buttons[1].click()
    assert duo._worker.wait(10, idle=0)
    assert duo.board.hints.items[0].ab == second


def test_files_of_points_and_pictures(duo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add(duo)
    act(duo, SaveHints("h.json"), ExportPicture("china.png"))
    for name, session in duo.sessions.items():
        written = np.asarray(Image.open(tmp_path / f"china_{name}.png"))
        assert (written == session.rgb()).all()
        assert (duo.rgb()[name] == written).all()
    act(duo, Command("reset"))
    assert len(duo.sessions["live"].hints) == 0
    act(duo, LoadHints("h.json", (tmp_path / "h.json").read_bytes()))
    assert len(duo.sessions["live"].hints) == 1
    act(duo, ExportPicture("china.webp"))
    assert all("<b>" in side._status.value for side in duo._sides)
    act(duo, TypedColor("nonsense"))
    assert "nonsense" in duo._status.value


def test_an_export_while_a_network_works_has_the_newest_points_and_a_failure_costs_no_picture(
    photo, tmp_path
):
    slow = Slow().eval()
    duo = Compare(photo, [slow], device="cpu", height=200, short_side=48)
    side = duo._sides[0]
    try:
        assert duo.wait(30)
        slow.go.clear()
        do(duo, Pointer("down", *POINT, buttons=1), Pointer("up", *POINT))  # holds up the network
        do(duo, Pick((60.0, 30.0)), ExportPicture(str(tmp_path / "a.png")))
        slow.go.set()
        assert duo.wait(30)
        (written,) = tmp_path.glob("a_*.png")
        assert (np.asarray(Image.open(written)) == side.session.rgb()).all()
        slow.go.clear()
        do(duo, Pick((-40.0, 30.0)))
        do(duo, Pick((0.0, -50.0)), ExportPicture(str(tmp_path / "nowhere" / "a.png")))
        slow.go.set()
        assert duo.wait(30)
        assert "nowhere" in side._status.value
        assert side.session.hints.items == duo.board.hints.items
        shown = side.session.rgb(side.picture.sent_shape).astype(int)
        assert np.abs(screen(side) - shown).mean() < 3
    finally:
        slow.go.set()
        duo.close()


def test_the_board_can_be_changed_from_a_cell(duo):
    duo.board.add(30, 40, ab=(10, 60))
    duo.refresh()
    assert duo.wait(20)
    assert all(session.hints.items == duo.board.hints.items for session in duo.sessions.values())
    height, width = duo._sides[0].picture.css
    assert duo.snapshot().size == (2 * width + 8, height)


def test_networks_are_named_apart_and_counted(photo, network):
    with pytest.raises(ValueError, match="a list of 1 to 4 networks, got 'live'"):
        Compare(photo, "live")
    with pytest.raises(ValueError, match="1 to 4"):
        Compare(photo, [])
    duo = Compare(photo, [network, network], device="cpu", height=100, short_side=48)
    try:
        assert list(duo.sessions) == ["live", "live 2"]
    finally:
        duo.close()


def test_closed_ones_leave_no_widget_and_no_thread(photo, networks):
    widgets, threads = set(_instances), threading.active_count()
    for _ in range(2):
        Compare(photo, networks, device="cpu", height=100, short_side=48).close()
    assert set(_instances) == widgets
    assert threading.active_count() == threads


def test_a_mood_in_a_file_is_not_passed_over_in_silence(duo, session):
    session.add(10, 10, ab=(40.0, 10.0))
    do(duo, LoadHints("plain.json", json.dumps(session.to_json()).encode()))
    assert "loaded from plain.json" in duo._status.value
    assert "mood" not in duo._status.value
    session.set_mood(Mood(saturation=0.3))
    do(duo, LoadHints("moody.json", json.dumps(session.to_json()).encode()))
    assert "mood shows in a Colorizer" in duo._status.value
