from dataclasses import replace

import pytest
from driving import player

from ipycolorize.widget.gestures import (
    RECENT,
    SELECT_FIRST,
    Command,
    Key,
    Pick,
    Pointer,
    Resize,
    react,
    remember,
)


@pytest.fixture
def play(session):
    """Plays events one after the other from a fresh state; returns the last state."""
    return player(session, react)


def click(row, col, **how):
    return Pointer("down", row, col, buttons=1, **how), Pointer("up", row, col)


def test_click_on_an_empty_place_adds_a_point_in_the_present_colour_and_selects_it(session, play):
    expected, before = session.ab_at(30, 40), session.rgb()
    state = play(*click(30, 40))
    (hint,) = session.hints
    assert (hint.row, hint.col, hint.size) == (30, 40, 5)
    assert hint.ab == pytest.approx(expected)
    assert state.selected == hint.id
    assert state.drag is None
    shown = session.rgb()[30, 40].astype(int)
    assert abs(shown - before[30, 40]).max() <= 3, "a new point must not flash another colour"


def test_click_on_a_point_selects_it_and_adds_none(session, play):
    first = session.add(20, 20, ab=(0, 0))
    session.add(60, 60, ab=(0, 0))
    state = play(*click(23, 24, reach=6))
    assert state.selected == first.id
    assert len(session.hints) == 2


def test_drag_moves_the_point_and_is_one_step_of_undo(session, play):
    hint = session.add(20, 20, ab=(30, 0))
    moves = [Pointer("move", 20 + step, 20 + 2 * step, buttons=1) for step in range(1, 20)]
    state = play(Pointer("down", 21, 21, buttons=1), *moves)
    assert state.live
    assert state.drag.moving
    state = play(Pointer("up", 40, 60), state=state)
    assert (session.hints[hint.id].row, session.hints[hint.id].col) == (39, 59), (
        "keeps the grip beside its centre"
    )
    assert not state.live
    session.undo()
    assert (session.hints[hint.id].row, session.hints[hint.id].col) == (20, 20)


def test_trembling_hand_does_not_move_a_point(session, play):
    hint = session.add(20, 20, ab=(30, 0))
    play(
        Pointer("down", 20, 20, buttons=1, slack=3),
        Pointer("move", 22, 21, buttons=1, slack=3),
        Pointer("up", 22, 21, slack=3),
    )
    assert (session.hints[hint.id].row, session.hints[hint.id].col) == (20, 20)


def test_drag_beyond_the_border_stays_in_the_photograph(session, play):
    hint = session.add(5, 5, ab=(30, 0))
    play(Pointer("down", 8, 8, buttons=1), Pointer("move", 0, 0, buttons=1), Pointer("up", 0, 0))
    assert (session.hints[hint.id].row, session.hints[hint.id].col) == (0, 0)


def test_drag_released_outside_ends_with_the_next_move(session, play):
    hint = session.add(20, 20, ab=(30, 0))
    state = play(
        Pointer("down", 20, 20, buttons=1),
        Pointer("move", 40, 40, buttons=1),
        Pointer("leave", 50, 50, buttons=1),
    )
    assert state.drag is not None, "the button is still down: the point may come back"
    assert not state.live, "and if it does not, nothing is left undecided"
    state = play(Pointer("move", 70, 70, buttons=0), state=state)
    assert state.drag is None
    assert (session.hints[hint.id].row, session.hints[hint.id].col) == (50, 50)


def test_right_click_removes_the_point_under_it_and_only_that(session, play):
    session.add(20, 20, ab=(30, 0))
    kept = session.add(60, 60, ab=(30, 0))
    state = play(*click(60, 62), Pointer("down", 21, 20, button=2, buttons=2))
    assert [hint.id for hint in session.hints] == [kept.id]
    assert state.selected == kept.id
    play(Pointer("down", 90, 20, button=2, buttons=2))
    assert len(session.hints) == 1, "beside every point it does nothing"


@pytest.mark.parametrize("key", ["Delete", "Backspace"])
def test_delete_key_removes_the_selected_point(session, play, key):
    state = play(*click(20, 20), Key(key))
    assert len(session.hints) == 0
    assert state.selected is None
    assert play(Key(key), state=state).message, "with nothing selected it says so"


def test_escape_deselects(session, play):
    state = play(*click(20, 20), Key("Escape"))
    assert state.selected is None
    assert len(session.hints) == 1


def test_picks_while_the_mouse_is_down_are_one_step_of_undo(session, play):
    state = play(*click(20, 20))
    own = session.hints[state.selected].ab
    state = play(Pick((10, 10), done=False), Pick((20, 20), done=False), Pick((30, 30)), state=state)
    assert session.hints[state.selected].ab == (30, 30)
    assert state.recent == ((30, 30),)
    session.undo()
    assert session.hints[state.selected].ab == own


def test_pick_without_a_selected_point_says_what_to_do(session, play):
    assert play(Pick((10, 10))).message == SELECT_FIRST


def test_recent_colours_are_unique_newest_first_few_and_outlive_their_points(session, play):
    colours = [(float(10 * n), 0.0) for n in range(8)] + [(float(-10 * n), 5.0) for n in range(1, 6)]
    state = play(*click(20, 20), *[Pick(ab) for ab in colours], Pick(colours[5]), Command("reset"))
    assert state.recent[0] == colours[5]
    assert len(state.recent) == len(set(state.recent)) == RECENT
    assert remember(((10.0, 10.0), (50.0, 0.0)), (10.2, 10.1)) == ((10.2, 10.1), (50.0, 0.0))


def test_shift_click_samples_the_picture_for_the_selected_point(session, play):
    state = play(*click(20, 20), *click(60, 60, sample=True))
    assert len(session.hints) == 1
    assert session.hints[state.selected].ab == pytest.approx(session.ab_at(60, 60), abs=1)
    assert play(*click(60, 60, sample=True)).message == SELECT_FIRST


def test_size_changes_the_selected_point_and_the_next_ones(session, play):
    state = play(*click(20, 20), Resize(11), *click(60, 60))
    assert [hint.size for hint in session.hints] == [11, 11]
    state = play(Key("-"), state=state)
    assert session.hints[state.selected].size == 10
    session.undo()
    assert session.hints[state.selected].size == 11


def test_undo_and_redo_by_keys(session, play):
    state = play(*click(20, 20), *click(60, 60), Key("z", ctrl=True))
    assert len(session.hints) == 1
    assert state.selected is None, "the undone point cannot stay selected"
    for redo in (Key("y", ctrl=True), Key("Z", ctrl=True, shift=True)):
        state = play(redo, state=state)
        assert len(session.hints) == 2
        state = play(Key("z", ctrl=True), state=state)
    assert play(Key("z", ctrl=True), Key("z", ctrl=True)).message == "Nothing to undo."


def test_undo_in_the_middle_of_a_drag_takes_the_drag_back(session, play):
    hint = session.add(20, 20, ab=(30, 0))
    state = play(Pointer("down", 20, 20, buttons=1), Pointer("move", 60, 60, buttons=1), Key("z", ctrl=True))
    assert (session.hints[hint.id].row, session.hints[hint.id].col) == (20, 20)
    state = play(Pointer("move", 70, 70, buttons=1), state=state)
    assert (session.hints[hint.id].row, session.hints[hint.id].col) == (20, 20), "the drag is over"


def test_reset_can_be_undone(session, play):
    play(*click(20, 20), *click(60, 60), Command("reset"), Command("undo"))
    assert len(session.hints) == 2


def test_keyboard_alone_adds_and_moves_a_point(session, play):
    state = play(Key("Enter"), Key("ArrowUp", step=2), Key("ArrowRight", shift=True))
    hint = session.hints[state.selected]
    assert (hint.row, hint.col) == (107 // 2 - 2, 160 // 2 + 10)


def test_other_keys_and_buttons_do_nothing(session, play):
    start = play(*click(20, 20))
    hints = session.hints
    state = play(Key("x"), Key("s", ctrl=True), Pointer("down", 50, 50, button=1, buttons=4), state=start)
    assert state == replace(start, message="")
    assert session.hints == hints
