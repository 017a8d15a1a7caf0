"""Files that go in and out of the widgets, and what fails there: nothing is replaced, nothing vanishes."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from driving import do
from PIL import Image

from ipycolorize.mood import Mood
from ipycolorize.session import Session
from ipycolorize.widget import Colorizer, Compare
from ipycolorize.widget.controls import ExportPicture, LoadHints, SaveHints, TypedColor
from ipycolorize.widget.gestures import Pick, Pointer
from ipycolorize.widget.mood import ChooseReference
from ipycolorize.widget.study import TimedPad
from ipycolorize.widget.upload import LIMIT

HALF = "gran\ud83d\udcffma"  # halves of letters, as names of files that are no UTF-8 hold them


def sendable(widget, seen=None):
    """Whether all that a widget and its parts show could be sent to a browser."""
    seen = set() if seen is None else seen
    if id(widget) in seen:
        return True
    seen.add(id(widget))
    for name, value in widget.trait_values().items():
        if isinstance(value, str):
            value.encode()
        for part in value if isinstance(value, list | tuple) else [value]:
            if hasattr(part, "trait_values") and name != "comm":
                sendable(part, seen)
    return True


def test_export_and_save_take_a_free_name(pad, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, event in (("a.png", ExportPicture), ("a.jpg", ExportPicture), ("h.json", SaveHints)):
        mine = tmp_path / name
        mine.write_bytes(b"somebody's")
        for number in (2, 3):
            do(pad, event(name))
            written = tmp_path / f"{mine.stem} ({number}){mine.suffix}"
            assert written.name in pad._status.value, "it says where"
            assert written.stat().st_size > 20
        assert mine.read_bytes() == b"somebody's"


def test_a_link_to_nowhere_is_somebodys_as_well(pad, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").symlink_to(tmp_path / "elsewhere.png")
    do(pad, ExportPicture("a.png"))
    assert (tmp_path / "a (2).png").exists()
    assert not (tmp_path / "elsewhere.png").exists()


def test_the_photograph_itself_stays_whatever_is_typed(photo, network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    whole = path.read_bytes()
    with Image.open(path) as image:
        image.load()
    for source in (path, path.read_bytes(), image):
        pad = Colorizer(Session(source, network, device="cpu", short_side=64))
        do(pad, ExportPicture("photo.png"), ExportPicture(str(path)), SaveHints("photo.png"))
        assert path.read_bytes() == whole
        pad.close()


def test_compare_replaces_nothing_either(photo, network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both = Compare(photo, [network, network], device="cpu", short_side=64)
    names = [f"a_{name.replace(' ', '_')}" for name in both.sessions]
    for name in names:
        (tmp_path / f"{name}.png").write_bytes(b"mine")
    (tmp_path / "h.json").write_bytes(b"mine")
    both._worker.post(ExportPicture("a.png"))
    both._worker.post(SaveHints("h.json"))
    assert both.wait(20)
    for name in names:
        assert (tmp_path / f"{name}.png").read_bytes() == b"mine"
        with Image.open(tmp_path / f"{name} (2).png") as picture:
            assert picture.size == (160, 107)
    assert (tmp_path / "h.json").read_bytes() == b"mine"
    assert json.loads((tmp_path / "h (2).json").read_text())["hints"] == []
    both.close()


def chosen(name, size):
    """What the script of an upload makes of a file that is too large."""
    return [{"name": name, "type": f"application/x-too-large; size={size}", "size": 0, "content": b"",
             "last_modified": datetime.now(UTC)}]  # fmt: skip


def test_files_too_large_for_the_way_say_so_with_limit_and_remedy(pad):
    before = pad.session.to_json()
    for upload, name, remedy in (
        (pad._controls._load, "points.json", "load(path)"),
        (pad._mood.reference._upload, "scan.tiff", "smaller"),
    ):
        upload.value = chosen(name, 23_456_789)
        assert pad._worker.wait(20, idle=1)
        for text in (name, "23.5 MB", f"at most {LIMIT / 1e6:g} MB", remedy):
            assert text in pad._status.value
        assert upload.value == (), "another may be chosen"
    assert pad.session.to_json() == before


def test_names_that_cannot_be_sent_do_not_stop_a_pad(photo, network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = Session(photo, network, device="cpu", short_side=64)
    session.photo = type(session.photo)(**{**vars(session.photo), "name": HALF})
    session.network_name = HALF
    session.set_mood(Mood.of_picture(photo, source=HALF))
    pad = Colorizer(session)
    assert pad._worker.wait(20, idle=1)
    assert sendable(pad)
    do(pad, Pointer("down", 50, 80, buttons=1), Pointer("up", 50, 80))
    for event, text in (
        (TypedColor(HALF), "gran"),
        (SaveHints(f"{HALF}.json"), "saved to gran"),
        (ExportPicture(f"{HALF}.png"), "gran"),
        (LoadHints(HALF, b"[]"), "<b>"),
        (LoadHints(HALF, json.dumps(session.to_json()).encode()), "loaded from gran"),
        (ExportPicture(f"no/{HALF}.png"), "<b>"),
        (ChooseReference(HALF, b"nothing"), "<b>"),
    ):
        do(pad, event)
        assert text in pad._status.value
        assert sendable(pad), event
    assert len(list(tmp_path.glob("gran*"))) == 2
    pad.close()


def test_whatever_an_event_raises_shows_and_the_pad_goes_on(pad, monkeypatch):
    for error in (
        SystemExit("the network wants to leave"),
        KeyboardInterrupt("now"),
        MemoryError("all of it"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(pad.session, "add", lambda *_, error=error, **__: (_ for _ in ()).throw(error))
            do(pad, Pointer("down", 50, 80, buttons=1))
        assert str(error) in pad._status.value
        assert type(error).__name__ in pad._status.value
    do(pad, Pointer("down", 50, 80, buttons=1), Pointer("up", 50, 80))
    do(pad, Pick((40, 30)))
    assert "1 point ·" in pad._status.value


@pytest.mark.parametrize("part", ["pointer", "key", "gamut", "bars", "upload", "reference"])
def test_what_a_callback_raises_shows_in_the_status_line(pad, part):
    """ipywidgets would swallow it, or show it where nobody looks."""
    bad = {"event": "mousedown", "button": 0, "buttons": 1}  # of a browser that tells no place
    if part == "pointer":
        pad._picture.events._handle_mouse_msg(
            None, {**bad, "boundingRectWidth": 1, "boundingRectHeight": 1}, []
        )
    elif part == "key":
        pad._controls._field.focus = None
        pad._picture.keyboard._key_down_callbacks("Tab", False, False, False)
    elif part == "gamut":
        rectangle = {"boundingRectWidth": 1, "boundingRectHeight": 1}
        pad._controls.gamut.events._handle_mouse_msg(None, {**bad, **rectangle}, [])
    elif part == "bars":
        rectangle = {"boundingRectWidth": 1, "boundingRectHeight": 1}
        pad._mood.bars.events._handle_mouse_msg(None, {**bad, **rectangle}, [])
    else:
        upload = pad._controls._load if part == "upload" else pad._mood.reference._upload
        file = chosen("x", "huge")[0]
        upload.value = [file]
    assert pad._worker.wait(20, idle=1)
    assert "<b>" in pad._status.value
    do(pad, Pointer("down", 50, 80, buttons=1), Pointer("up", 50, 80), Pick((40, 30)))
    assert "<b>" not in pad._status.value


def test_a_failing_callback_shows_in_a_timed_pad_and_is_no_action(session):
    pad = TimedPad(session, recommend=True)
    pad._controls._load.value = chosen("x", "huge")
    assert pad._worker.wait(20, idle=1)
    assert "<b>" in pad._status.value
    assert pad.actions == []
    pad.close()


def test_an_error_stays_until_the_next_wish_whatever_the_browser_says(pad):
    do(pad, LoadHints("bad.json", b"[]"))
    assert "<b>" in pad._status.value
    do(pad, "room")
    do(pad, "ready")
    assert "<b>" in pad._status.value
    assert np.ptp(pad.rgb()) > 0
