"""Widgets that nobody can reach any more end: thread, network and all their parts."""

import gc
import threading
import weakref

import pytest
from driving import do
from ipywidgets import VBox
from ipywidgets.widgets.widget import _instances

from ipycolorize.session import Session
from ipycolorize.widget import Colorizer, Compare, RealOrFake, SeamLab, Study, lifetime
from ipycolorize.widget.finetune import Progress
from ipycolorize.widget.gestures import Command, Pick, Pointer


class Run:
    records, state, error, seconds_left, weights = (), "running", "", 60.0, None

    def stop(self):
        pass


def figure(records):
    raise ValueError("no curves yet")


def make(kind, photo, network, folder):
    if kind == "Colorizer":
        pad = Colorizer(Session(photo, network, device="cpu", short_side=64))
        do(pad, Pointer("down", 50, 80, buttons=1), Pointer("up", 50, 80), Pick((40, 30)), Command("undo"))
        return pad
    if kind == "SeamLab":
        return SeamLab(network, device="cpu")
    if kind == "Compare":
        both = Compare(photo, [network, network], device="cpu", short_side=64)
        assert both.wait(20)
        return both
    if kind == "Study":
        return Study({"china": photo}, participant="p", folder=folder, network=network, device="cpu")
    if kind == "RealOrFake":
        from ipycolorize.pairs import Pair

        pairs = [Pair(str(n), "live", photo, photo[::-1].copy()) for n in range(6)]
        return RealOrFake(pairs, participant="p", folder=folder, practice=1)
    return Progress(Run(), figure, interval=60.0)


def threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("ipycolorize")}


KINDS = ["Colorizer", "SeamLab", "Compare", "Study", "RealOrFake", "Progress"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_can_reach_ends_with_thread_and_widgets(kind, photo, network, tmp_path):
    gc.collect()
    before, running = set(_instances), threads()
    pad = make(kind, photo, network, tmp_path)
    gone = weakref.ref(pad)
    session = weakref.ref(pad.session) if kind == "Colorizer" else gone
    assert set(_instances) > before
    del pad
    gc.collect()
    assert gone() is None
    assert session() is None, "and what it knows of the photograph and the network"
    left = [_instances[key] for key in set(_instances) - before]
    assert not [type(one).__name__ for one in left if hasattr(one, "children") or hasattr(one, "value")]
    assert threads() == running


def test_what_lies_in_another_widget_lives(photo, network):
    box = VBox([make("Colorizer", photo, network, None)])
    gc.collect()
    (pad,) = box.children
    do(pad, Pointer("down", 50, 80, buttons=1))
    assert len(pad.session.hints) == 1
    pad.close()
    box.close()


def test_what_ipython_displays_lives_without_a_name(photo, network, monkeypatch):
    """A function that displays a pad, or a page that comes back: the output still asks for it."""
    monkeypatch.setattr(lifetime, "get_ipython", object)
    pad = make("Colorizer", photo, network, None)
    key, session = pad.model_id, pad.session
    assert "application/vnd.jupyter.widget-view+json" in pad._repr_mimebundle_()
    del pad
    gc.collect()
    pad = _instances[key]
    do(pad, Pointer("down", 50, 80, buttons=1))
    assert len(session.hints) == 1
    pad.close()
    gone = weakref.ref(pad)
    del pad
    gc.collect()
    assert gone() is None


def test_a_pad_that_rests_has_no_thread_and_wakes_at_the_next_event(pad):
    pad._worker._rest = 0.0
    do(pad, Pointer("down", 50, 80, buttons=1), Pointer("up", 50, 80))
    assert pad._worker.wait(60)
    pad._worker._thread and pad._worker._thread.join(5)
    assert not pad._worker.alive
    do(pad, Pick((40, 30)))
    assert pad.session.hints.items[0].ab == (40, 30)
