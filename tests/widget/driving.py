"""How tests drive a pad and its functions (session, state, event) -> state."""

from ipycolorize.widget.gestures import State


def do(pad, *events):
    """Posts events and waits until they are done."""
    for event in events:
        pad._worker.post(event)
    assert pad._worker.wait(20, idle=1)


def player(session, react):
    """A function that plays events one after the other, from a fresh state or a given one."""

    def run(*events, state=None):
        state = state or State(size=5, place=(50, 80))
        for event in events:
            state = react(session, state, event)
        return state

    return run
