"""What is asked of the colours as a whole: gestures, the bars, the section, and the whole pad with it."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from driving import do, player
from PIL import Image

from ipycolorize.families import families, shares_of
from ipycolorize.image import read_photo
from ipycolorize.models.iizuka16 import Iizuka16
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.mood import Mood, MoodError
from ipycolorize.session import Session
from ipycolorize.widget import Colorizer
from ipycolorize.widget.app import REFRESH
from ipycolorize.widget.bars import Bars, colors, percent
from ipycolorize.widget.controls import LoadHints, SaveHints
from ipycolorize.widget.gestures import Command, Pointer, State
from ipycolorize.widget.mood import INVITATION, ChooseReference, MoodPanel
from ipycolorize.widget.moods import (
    ChooseFamily,
    ClearMood,
    DragFamily,
    OpenMood,
    SetReference,
    SetSaturation,
    SetShare,
    SetStrength,
    described,
    pointless,
    present,
    react,
)

NUMBER = {family.name: number for number, family in enumerate(families())}
RED, BLUE = NUMBER["vivid red"], NUMBER["muted blue"]


@pytest.fixture
def session(photo, tiny):
    return Session(photo, tiny, device="cpu", short_side=64)


@pytest.fixture(scope="session")
def sunset():
    """(40, 60, 3): from orange to blue."""
    across = np.linspace(0, 1, 60)[None, :, None]
    colours = (1 - across) * np.array([230, 110, 30]) + across * np.array([60, 60, 130])
    return np.repeat(colours, 40, axis=0).round().astype(np.uint8)


@pytest.fixture
def play(session):
    """Plays events one after the other; returns the last state."""
    return player(session, react)


def png(rgb):
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    return file.getvalue()


def shares(mood):
    return shares_of(np.array(mood.histogram))


# -- gestures --------------------------------------------------------------------------------------------


def test_a_reference_brings_its_own_statistics_and_is_one_step_of_undo(session, play, sunset):
    before = session.rgb()
    state = play(SetReference(replace(read_photo(sunset), name="sunset.png")))
    assert session.mood.source == "sunset.png"
    assert session.mood.saturation == pytest.approx(np.mean(1 - sunset.min(-1) / sunset.max(-1)), abs=0.01)
    assert shares(session.mood)[NUMBER["vivid orange"]] > 0.2
    assert np.abs(session.rgb().astype(int) - before).mean() > 3
    assert not state.live
    session.undo()
    assert session.mood == Mood()
    assert (session.rgb() == before).all()


def test_a_reference_without_colours_is_refused_and_changes_nothing(session, play, sunset):
    play(SetReference(read_photo(sunset)))
    mood = session.mood
    with pytest.raises(MoodError, match="grey"):
        play(SetReference(read_photo(np.full((20, 20, 3), 128, np.uint8))))
    assert session.mood == mood
    session.undo()
    assert session.mood == Mood()
    assert not session.can_undo


def test_taking_the_reference_away_keeps_the_strength_and_clearing_keeps_nothing(session, play, sunset):
    play(SetReference(read_photo(sunset)), SetStrength(0.6), SetReference(None))
    assert session.mood == Mood(strength=0.6)
    play(SetReference(read_photo(sunset)), ClearMood())
    assert session.mood == Mood()


@pytest.mark.parametrize(("strength", "after"), [(0.6, 0.6), (0.0, 1.0)])
def test_a_reference_is_never_taken_without_showing(session, play, sunset, strength, after):
    play(SetStrength(strength), SetReference(read_photo(sunset)))
    assert session.mood.strength == after


def test_dragging_a_bar_begins_with_the_picture_as_it_is_and_is_one_step_of_undo(session, play):
    own = shares_of(session.histogram())
    state = play(*[DragFamily(BLUE, share, done=False) for share in (0.1, 0.3, 0.5)])
    assert state.live
    assert state.family == BLUE
    state = play(DragFamily(BLUE, 0.4), state=state)
    assert not state.live
    after = shares(session.mood)
    assert after[BLUE] == pytest.approx(0.4)
    others = np.arange(len(own)) != BLUE
    assert after[others] == pytest.approx(own[others] * 0.6 / own[others].sum(), abs=1e-3)
    session.undo()
    assert session.mood == Mood()


@pytest.mark.parametrize(
    "move", [lambda share: DragFamily(BLUE, share, done=False), lambda share: SetShare(BLUE, share)]
)
def test_a_share_that_was_everything_for_a_moment_gives_the_others_back_what_they_had(
    session, play, sunset, move
):
    state = play(SetReference(read_photo(sunset)))
    reference = shares(session.mood)
    state = play(move(1.0), state=state)
    assert shares(session.mood)[BLUE] == pytest.approx(1)
    play(move(float(reference[BLUE])), state=state)
    assert shares(session.mood) == pytest.approx(reference, abs=1e-6)


def test_a_share_is_not_changed_from_a_mood_that_is_gone(session, play, sunset):
    state = play(SetReference(read_photo(sunset)), DragFamily(BLUE, 0.3))
    session.set_mood(Mood.of_shares(np.ones(313)))
    play(DragFamily(BLUE, 0.5), state=state)
    assert shares(session.mood) == pytest.approx(shares(Mood.of_shares(np.ones(313)).with_family(BLUE, 0.5)))


def test_what_was_seen_last_is_what_a_bar_is_dragged_from(session, play):
    seen = Mood.of_shares(np.where(np.isin(np.arange(313), families()[RED].bins), 1.0, 0.0))
    play(SetSaturation(0.3), DragFamily(BLUE, 0.25), state=State(size=5, place=(5, 8), present=seen))
    assert shares(session.mood)[[RED, BLUE]] == pytest.approx([0.75, 0.25])
    assert session.mood.saturation == 0.3


def test_a_changed_reference_is_a_reference_no_longer(session, play, sunset):
    play(SetReference(replace(read_photo(sunset), name="sunset.png")), DragFamily(BLUE, 0.2))
    assert session.mood.source == ""


def test_sliders_move_live_and_the_next_button_ends_the_step(session, play):
    state = play(*[SetSaturation(value / 10) for value in range(1, 6)])
    assert session.mood.saturation == 0.5
    assert state.live
    state = play(SetSaturation(None), state=state)
    assert session.mood.saturation is None
    assert not state.live
    session.undo()
    assert session.mood.saturation == 0.5, "the drag and the button are two steps"
    session.undo()
    assert session.mood == Mood()


def test_asking_for_what_is_asked_already_is_no_step(session, play):
    state = play(SetStrength(1.0), ClearMood(), SetSaturation(None))
    assert not state.live
    assert not session.can_undo


def test_present_statistics_are_those_of_the_picture(session):
    session.add(50, 80, ab=(60, 40))
    seen = present(session)
    rgb = session.rgb(session.frame.grid).astype(float)
    spread = np.where(rgb.max(-1) > 0, (rgb.max(-1) - rgb.min(-1)) / np.maximum(rgb.max(-1), 1), 0)
    assert seen.saturation == pytest.approx(spread.mean(), abs=1e-3)
    assert shares(seen) == pytest.approx(shares_of(session.histogram()))


def test_waiting_events_go_only_where_a_newer_one_says_the_same_thing():
    assert pointless(DragFamily(3, 0.1, done=False), DragFamily(3, 0.2))
    assert pointless(SetShare(3, 0.1), SetShare(3, 0.2))
    assert not pointless(SetShare(3, 0.1), SetShare(4, 0.2))
    assert pointless(SetStrength(0.1), SetStrength(0.2))
    assert pointless(SetSaturation(0.1), SetSaturation(None))
    assert not pointless(DragFamily(3, 0.1), DragFamily(3, 0.2)), "a finished drag is a step of its own"
    assert not pointless(DragFamily(3, 0.1, done=False), DragFamily(4, 0.2))
    assert not pointless(SetStrength(0.1), SetSaturation(0.2))
    assert not pointless(ClearMood(), ClearMood())


def test_a_mood_in_words(sunset):
    mood = Mood.of_picture(sunset, source="sunset.png")
    assert described(Mood()) == described(Mood(strength=0.5)) == ""
    assert described(Mood(saturation=0.4)) == "saturation 40 %"
    assert described(replace(mood, saturation=None, strength=0.8)) == "sunset.png · strength 80 %"
    assert described(replace(mood.with_family(BLUE, 0.1), saturation=0.2)) == "own colours · saturation 20 %"


# -- bars ------------------------------------------------------------------------------------------------


def mouse(kind, x, y, held):
    """On a box of 260 x 100 CSS pixels: columns of 20, rows of 50."""
    rectangle = {
        "boundingRectLeft": 10,
        "boundingRectTop": 20,
        "boundingRectWidth": 260,
        "boundingRectHeight": 100,
    }
    return {"event": kind, "x": 10 + x, "y": 20 + y, "button": 0, "buttons": int(held), **rectangle}


@pytest.fixture
def bars():
    """Bars, and what they were asked for."""
    seen = []
    return Bars(seen.append, lambda *drag: seen.append(drag), post=seen.append), seen


def test_a_press_chooses_and_a_drag_sets_the_share_that_has_this_height(bars):
    bars, seen = bars
    bars._pointer(mouse("mousemove", 50, 40, False))
    assert seen == [], "hovering asks for nothing"
    bars._pointer(mouse("mousedown", 50, 40, True))
    bars._pointer(mouse("mousemove", 51, 42, True))
    assert seen == [RED], "a trembling hand drags nothing"
    bars._pointer(mouse("mousemove", 90, 25, True))
    bars._pointer(mouse("mouseup", 90, 0, False))
    assert seen[1:] == [(RED, 0.25, False), (RED, 1.0, True)]
    bars._pointer(mouse("mousemove", 90, 25, True))
    assert len(seen) == 3


def test_a_drag_beyond_the_row_stays_with_its_bar_and_a_release_outside_ends_it(bars):
    bars, seen = bars
    bars._pointer(mouse("mousedown", 190, 90, True))
    bars._pointer(mouse("mousemove", 190, 10, True))
    bars._pointer(mouse("mouseleave", 190, 130, True))
    bars._pointer(mouse("mousemove", 190, 75, True))
    bars._pointer(mouse("mousemove", 190, 80, False))
    assert seen[0] == NUMBER["muted sky"]
    assert [drag[1:] for drag in seen[1:]] == [(1.0, False), (0.0, True), (0.25, False), (0.16, True)]


def test_every_family_has_its_place_and_above_grey_there_is_none(bars):
    bars, seen = bars
    for y in (25, 75):
        for column in range(13):
            bars._pointer(mouse("mousedown", 20 * column + 10, y, True))
            bars._pointer(mouse("mouseup", 20 * column + 10, y, False))
    assert sorted(seen) == list(range(25))
    assert seen[:2] == [NUMBER["vivid rose"], RED]
    assert seen[12] == NUMBER["neutral"]


def test_bars_are_as_high_as_the_root_of_their_share_in_their_own_colour(bars):
    bars, _ = bars
    share = [0.0] * 25
    share[RED], share[BLUE] = 0.64, 0.36
    bars.show(share, chosen=RED, asked=True)
    shown = bars._bars.value
    red = f'title="vivid red 64 %"><b style="height:80.0%;background:{colors()[RED]}"'
    assert f'<i class="ipc-on" {red}' in shown
    assert f'title="muted blue 36 %"><b style="height:60.0%;background:{colors()[BLUE]}"' in shown
    assert "ipc-pale" not in shown
    bars.show(None, chosen=RED, asked=False)
    assert "<b" not in bars._bars.value
    assert "ipc-pale" in bars._bars.value
    red, green, blue = (int(colors()[RED][place : place + 2], 16) for place in (1, 3, 5))
    assert red > green and red > blue


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.0003, "0 %"), (0.004, "0.4 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (1, "100 %")],
)
def test_shares_in_words(share, text):
    assert percent(share) == text


# -- the section -----------------------------------------------------------------------------------------


@pytest.fixture
def panel():
    """The section, and what it posted."""
    posted = []
    return MoodPanel(posted.append), posted


OPEN = State(size=5, place=(5, 8), mood_open=True, present=Mood.of_shares(np.ones(313), saturation=0.25))


def test_folded_it_is_one_line(panel):
    panel, posted = panel
    panel.show(Mood(), State(size=5, place=(5, 8)))
    assert panel._summary.value == INVITATION
    assert panel._body.layout.display == "none"
    panel._toggle.click()
    assert posted == [OpenMood(True)]
    panel.show(Mood(saturation=0.4), OPEN)
    assert panel._body.layout.display is None
    assert panel._summary.value == "saturation 40 %"
    panel._toggle.click()
    assert posted == [OpenMood(True), OpenMood(False)]


def test_showing_is_no_wish_and_setting_is(panel, sunset):
    panel, posted = panel
    mood = replace(Mood.of_picture(sunset, source="sunset.png"), strength=0.7)
    panel.show(mood, replace(OPEN, family=BLUE))
    panel.show(Mood(), OPEN)
    panel.show(mood, OPEN)
    assert posted == []
    panel._saturation.value, panel._strength.value = 12, 34
    panel._family.value = RED
    panel._share.value = 56
    for button in (panel._free, panel.reference._forget, panel._clear):
        button.click()
    assert posted == [
        SetSaturation(0.12),
        SetStrength(0.34),
        ChooseFamily(RED),
        SetShare(RED, 0.56),
        SetSaturation(None),
        SetReference(None),
        ClearMood(),
    ]


def test_without_a_mood_it_shows_the_picture_as_it_is(panel):
    panel, _ = panel
    panel.show(Mood(), OPEN)
    assert panel._saturation.value == 25
    assert panel._saturation_text.value == "auto"
    assert "ipc-pale" in panel.bars._bars.value
    assert panel._strength.disabled and panel._clear.disabled
    panel.show(Mood(), replace(OPEN, present=None))
    assert panel._share.disabled, "nothing is known yet"


def test_a_slider_under_the_hand_is_left_alone_and_others_follow(panel):
    panel, _ = panel
    mood = Mood.of_shares(np.ones(313), saturation=0.5, strength=0.5)
    panel._saturation.value = 60
    panel.show(mood, OPEN, last=SetSaturation(0.5))
    assert (panel._saturation.value, panel._strength.value) == (60, 50)
    panel.show(mood, OPEN, last=Command("undo"))
    assert panel._saturation.value == 50
    share = round(100 * shares(mood)[0])
    panel._share.value = 90
    panel.show(mood, OPEN, last=SetShare(0, 0.9))
    assert panel._share.value == 90
    panel.show(mood, OPEN, last=DragFamily(0, share / 100, done=False))
    assert panel._share.value == share, "it follows a bar"


def test_a_reference_is_shown_by_its_picture_or_its_colours(panel, sunset):
    panel, posted = panel
    panel.reference._upload.value = [
        {
            "name": "a<b>.png",
            "type": "image/png",
            "size": 3,
            "content": b"abc",
            "last_modified": datetime.now(UTC),
        }
    ]
    assert posted == [ChooseReference("a<b>.png", b"abc")]
    assert panel.reference._upload.value == ()
    mood = Mood.of_picture(sunset, source="a<b>.png")
    panel.show(mood, OPEN)
    assert "linear-gradient" in panel.reference._text.value
    assert "a&lt;b&gt;.png" in panel.reference._text.value
    panel.remember(mood.histogram, sunset)
    panel.show(mood, OPEN)
    assert "url(data:image/jpeg" in panel.reference._text.value
    panel.show(mood.with_family(BLUE, 0.5), OPEN)
    assert "Drop a photograph" in panel.reference._text.value
    assert panel.reference._forget.layout.visibility == "hidden"


# -- the pad ---------------------------------------------------------------------------------------------


def offered(pad):
    return [button.style.button_color for button in pad._controls._suggested.buttons]


def test_a_reference_changes_the_picture_and_the_suggestions_and_undo_brings_both_back(pad, sunset):
    picture, palette = pad._picture.image.value, offered(pad)
    do(pad, OpenMood(True), ChooseReference("sunset.png", png(sunset)))
    assert pad._status.value.count("Mood ·") == 1
    assert "sunset.png" in pad._mood._summary.value
    assert "url(data:image/jpeg" in pad._mood.reference._text.value
    assert pad._picture.image.value != picture
    assert offered(pad) != palette
    do(pad, Command("undo"))
    assert pad._picture.image.value == picture
    assert offered(pad) == palette
    do(pad, Command("redo"))
    assert "url(data:image/jpeg" in pad._mood.reference._text.value, (
        "and the look of the reference is known still"
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [(png(np.full((20, 20, 3), 90, np.uint8)), "got a grey one"), (b"text", "Expected an image")],
    ids=["grey", "no image"],
)
def test_what_is_no_reference_is_told_and_changes_nothing(pad, content, text):
    do(pad, SetSaturation(0.4))
    picture = pad._picture.image.value
    do(pad, ChooseReference("it.png", content))
    assert text in pad._status.value and "<b>" in pad._status.value
    assert pad.session.mood == Mood(saturation=0.4)
    assert pad._picture.image.value == picture


def test_bars_follow_the_picture_while_it_rests_and_only_when_they_are_seen(pad):
    do(pad, Pointer("down", 50, 80, buttons=1), Pointer("up", 50, 80))
    assert pad._state.present is None
    do(pad, OpenMood(True))
    first = pad.session.histogram()
    assert pad._state.present.histogram == pytest.approx(first)
    pad.session.add(20, 20, ab=(70, 50), size=60)
    do(pad, "refresh")
    assert pad._state.present.histogram == pytest.approx(pad.session.histogram())
    assert np.abs(pad.session.histogram() - first).sum() > 0.01


def test_a_dragged_bar_ends_as_one_step_and_reset_takes_the_mood_too(pad):
    do(pad, OpenMood(True))
    do(pad, *[DragFamily(BLUE, share / 10, done=False) for share in range(1, 5)], DragFamily(BLUE, 0.5))
    assert shares(pad.session.mood)[BLUE] == pytest.approx(0.5)
    assert not pad._controls._reset.disabled
    do(pad, Command("reset"))
    assert pad.session.mood == Mood()
    assert pad._controls._reset.disabled
    do(pad, Command("undo"), Command("undo"))
    assert pad.session.mood == Mood()
    assert not pad.session.can_undo


def test_a_slider_that_rests_makes_a_step_and_a_bar_that_is_held_makes_none(pad):
    do(pad, DragFamily(RED, 0.2, done=False))
    assert pad._state.live
    do(pad, DragFamily(RED, 0.3), Command("undo"))
    assert pad.session.mood == Mood()
    do(pad, SetShare(RED, 0.2), SetShare(RED, 0.6))
    assert not pad._state.live
    do(pad, Command("undo"))
    assert pad.session.mood == Mood()


def test_a_mood_is_saved_and_loaded_with_the_points(pad, tmp_path, monkeypatch, sunset):
    monkeypatch.chdir(tmp_path)
    do(pad, OpenMood(True), ChooseReference("sunset.png", png(sunset)), SaveHints("h.json"))
    picture = pad._picture.image.value
    do(pad, ClearMood())
    assert pad._picture.image.value != picture
    do(pad, LoadHints("h.json", (tmp_path / "h.json").read_bytes()))
    assert pad.session.mood.source == "sunset.png"
    assert "sunset.png" in pad._mood.reference._text.value


def test_a_network_that_reads_no_points_says_so(photo):
    pad = Colorizer(Session(photo, Iizuka16(width=2), device="cpu", short_side=64))
    try:
        assert pad._worker.wait(20, idle=1)
        before = pad.rgb()
        pad.session.add(10, 10, ab=(60.0, 30.0))
        do(pad, REFRESH)
        assert np.array_equal(pad.rgb(), before)
        assert "points change nothing" in pad._status.value
        assert "iizuka16 reads the photograph alone" in pad._mood._summary.value
    finally:
        pad.close()


def test_a_network_that_reads_points_only_says_so(photo):
    points_only = SIGGRAPH17(width=4)
    pad = Colorizer(Session(photo, points_only, device="cpu", short_side=64))
    try:
        assert pad._worker.wait(20, idle=1)
        assert pad._mood._toggle.disabled
        assert "reads points only; open the photograph with live" in pad._mood._summary.value
        assert "<b>" not in pad._status.value
    finally:
        pad.close()
