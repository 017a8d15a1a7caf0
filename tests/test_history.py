"""Undo and redo, against a plain list and a pointer."""

import random

from ipycolorize.history import History


def test_nothing_to_undo_or_redo_at_the_beginning():
    history = History("a")
    assert (history.can_undo, history.can_redo) == (False, False)
    assert history.undo() == history.redo() == history.present == "a"


def test_undo_and_redo_walk_the_same_states():
    history = History("a")
    history.record("b")
    history.record("c")
    assert [history.undo(), history.undo(), history.undo()] == ["b", "a", "a"]
    assert [history.redo(), history.redo(), history.redo()] == ["b", "c", "c"]


def test_recording_after_undo_forgets_the_future():
    history = History("a")
    history.record("b")
    history.undo()
    history.record("c")
    assert not history.can_redo
    assert history.redo() == "c"
    assert history.undo() == "a"


def test_recording_the_present_again_is_no_step_and_keeps_the_future():
    history = History("a")
    history.record("a")
    assert not history.can_undo
    history.record("b")
    history.undo()
    history.record("a")
    assert history.redo() == "b"


def test_any_walk_equals_a_list_with_a_pointer():
    draw = random.Random(1)
    history, states, here = History(0), [0], 0
    for _ in range(3000):
        match draw.choice(["record", "undo", "redo"]):
            case "record":
                value = draw.randrange(4)
                if value != states[here]:
                    states[here + 1 :] = [value]
                    here += 1
                history.record(value)
            case "undo":
                here = max(0, here - 1)
                assert history.undo() == states[here]
            case "redo":
                here = min(len(states) - 1, here + 1)
                assert history.redo() == states[here]
        assert history.present == states[here]
        assert history.can_undo == (here > 0)
        assert history.can_redo == (here < len(states) - 1)
