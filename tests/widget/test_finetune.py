"""The view of a training run: what it says in each state, and that it asks, watches and ends."""

import io
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances
from matplotlib.figure import Figure
from PIL import Image

from ipycolorize.widget.finetune import Progress, _about


@dataclass
class Record:
    step: int
    psnr: dict[str, float] = field(default_factory=dict)


@dataclass
class Run:
    """A run whose course the test decides."""

    records: list[Record] = field(default_factory=list)
    state: str = "running"
    error: str = ""
    warning: str = ""
    seconds_left: float | None = None
    weights: Path = Path("runs/mine/average.safetensors")
    stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self):
        self.stopped.set()
        self.state = "stopped"


def draw(records):
    """A figure as wide as there are records, so that a picture tells when it was drawn."""
    return Figure(figsize=(1 + len(records), 1))


@pytest.fixture
def watch():
    views = []

    def make(run, plot=draw, interval=0.01):
        views.append(Progress(run, plot, interval=interval))
        return views[-1]

    yield make
    for view in views:
        view.close()


def says(view, text, seconds=10.0):
    """Wait until the status line says it."""
    end = time.monotonic() + seconds
    while text not in view._status.value:
        assert time.monotonic() < end, f"expected {text!r}, the status is {view._status.value!r}"
        time.sleep(0.01)
    return True


def until(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def width(view):
    """In inches."""
    return Image.open(io.BytesIO(view._image.value)).width / 160


def scored(*values):
    return [Record(step, {"0": 20.0, "10": value}) for step, value in enumerate(values)]


def test_a_run_is_watched_from_reading_to_its_end(watch):
    run = Run()
    view = watch(run)
    assert "Reading the photographs" in view._status.value, "at once, not only after a second"
    assert width(view) == 1
    run.seconds_left, run.records = 300.0, scored(27.31)
    says(view, "About 5 minutes left · held out, 10 points: 27.31 → 27.31 dB")
    assert width(view) == 2
    run.records = scored(27.31, 27.5, 27.8)
    says(view, "27.31 → 27.80 dB")
    assert width(view) == 4
    assert view._button.layout.display is None
    run.state = "finished"
    says(view, "Finished · held out, 10 points: 27.31 → 27.80 dB.")
    says(view, "Colorizer(photo, network=&quot;runs/mine/average.safetensors&quot;)")
    until(lambda: not view._worker.alive)  # nothing is left to look at
    assert view._button.layout.display == "none"


def test_stop_only_asks_and_the_thread_waits_for_the_end(watch):
    run = Run(records=scored(27.0, 26.9), seconds_left=100.0)
    released = threading.Event()
    run.stop = lambda: (released.wait(10), run.stopped.set(), setattr(run, "state", "stopped"))
    view = watch(run)
    view._button.click()
    assert view._button.disabled
    assert says(view, "Finishing the running step")
    assert not run.stopped.is_set(), "the click has returned before the run has ended"
    released.set()
    says(
        view, "Stopped; the same call goes on from here · held out, 10 points: 27.00 → 27.00 dB"
    )  # the best ones are kept
    assert run.stopped.is_set()


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (Run(state="failed", error="no <photographs>"), "<b>no &lt;photographs&gt;</b>"),
        (Run(state="stopped"), "Stopped before anything was learned."),
        (Run(state="finished", records=[Record(5)]), ">Finished. In the pad: "),
    ],
)
def test_the_end_is_told_as_it_is(watch, run, text):
    view = watch(run)
    assert says(view, text)
    assert view._button.layout.display == "none"


def test_what_a_run_warns_of_shows_while_it_goes_on(watch):
    run = Run(records=scored(27.0), seconds_left=60.0, warning="cannot write: is the <disk> full?")
    view = watch(run)
    assert says(view, "<b>cannot write: is the &lt;disk&gt; full?</b>")
    run.warning, run.seconds_left = "", 200.0
    says(view, "About 3 minutes left")
    assert "disk" not in view._status.value


def test_what_fails_shows_and_the_view_lives_on(watch):
    run = Run(records=scored(27.0), seconds_left=60.0)
    broken = [True]

    def plot(records):
        if broken[0]:
            raise ZeroDivisionError("a curve & its end")
        return draw(records)

    view = watch(run, plot)
    assert says(view, "<b>ZeroDivisionError: a curve &amp; its end</b>")
    broken.clear()
    broken.append(False)
    assert says(view, "About 60 seconds left")
    assert width(view) == 2


def test_unchanged_curves_are_not_sent_again(watch):
    drawn = []
    run = Run(records=scored(27.0), seconds_left=60.0)
    view = watch(run, lambda records: drawn.append(len(records)) or draw(records))
    run.seconds_left = 50.0
    says(view, "About 50 seconds left")
    assert drawn == [1]


def test_closing_ends_thread_and_widgets_but_not_the_run():
    before = set(_instances)
    run = Run(seconds_left=60.0)
    view = Progress(run, draw, interval=60.0)
    view.close()
    assert not view._worker.alive
    assert not run.stopped.is_set()
    left = [_instances[key] for key in set(_instances) - before]
    assert not [widget for widget in left if hasattr(widget, "children") or hasattr(widget, "value")]


@pytest.mark.slow
def test_the_real_run_shows_its_real_curves(tiny_path, tmp_path, photo):
    from ipycolorize import finetune

    for number in range(3):
        picture = np.roll(photo, 10 * number, axis=1)
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    training = finetune(tmp_path, out=tmp_path / "run", start=tiny_path, minutes=0.01)
    view = training.view
    try:
        assert view is training.view, "one view, however often it is displayed"
        training._ipython_display_()  # outside of a notebook, this says nothing and harms nothing
        says(view, "Finished · held out, 10 points: ", seconds=120)
        assert str(training.weights) in view._status.value
        assert width(view) > 8
    finally:
        training.stop()
        view.close()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "5 seconds"), (33, "35 seconds"), (89, "90 seconds"), (91, "2 minutes"), (590, "10 minutes")],
)
def test_times_are_no_finer_than_anybody_needs(seconds, text):
    assert _about(seconds) == f"About {text}"
