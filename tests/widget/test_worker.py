import threading
import time
from itertools import pairwise

import pytest

from ipycolorize.widget.worker import Worker


@pytest.fixture
def start():
    """Starts workers and ends them after the test."""
    started = []

    def run(handle, **options):
        options = {"merge": lambda old, new: False, "on_error": print, "interval": 0.0} | options
        started.append(Worker(handle, **options))
        return started[-1]

    yield run
    for worker in started:
        worker.close()


def test_newest_move_wins_while_the_worker_is_busy(start):
    entered, release = threading.Event(), threading.Event()
    seen = []

    def handle(events):
        seen.append(events)
        entered.set()
        release.wait(5)

    worker = start(handle, merge=lambda old, new: old[0] == new[0] == "move")
    worker.post(("down", 0))
    assert entered.wait(5)
    for number in range(100):
        worker.post(("move", number))
    worker.post(("up", 0))
    assert worker.pending
    release.set()
    assert worker.wait(5)
    assert seen == [[("down", 0)], [("move", 99), ("up", 0)]]


def test_thread_survives_errors_and_reports_them(start):
    errors, handled = [], []

    def handle(events):
        if events == ["bad"]:
            raise RuntimeError("no")
        handled.extend(events)

    worker = start(handle, on_error=errors.append)
    for event in ("bad", "good"):
        worker.post(event)
        assert worker.wait(5)
    assert [str(error) for error in errors] == ["no"]
    assert handled == ["good"]
    assert worker.alive


def test_thread_survives_a_report_that_fails(start):
    def fail(error):
        raise ValueError("the status line is gone")

    worker = start(lambda events: 1 / 0, on_error=fail)
    worker.post("x")
    assert worker.wait(5)
    assert worker.alive


def test_idle_work_runs_once_after_a_pause_in_order(start):
    done = []
    worker = start(
        lambda events: done.append("event"),
        idle=((0.02, lambda: done.append("settle")), (0.05, lambda: done.append("rest"))),
    )
    worker.post("a")
    assert worker.wait(5)
    time.sleep(0.1)
    assert done == ["event", "settle", "rest"]
    worker.post("b")
    assert worker.wait(5)
    assert done == ["event", "settle", "rest"] * 2


def test_frames_keep_their_distance(start):
    starts = []
    worker = start(lambda events: starts.append(time.monotonic()), interval=0.03)
    for number in range(6):
        worker.post(number)
        time.sleep(0.01)
    worker.wait(5)
    assert min(after - before for before, after in pairwise(starts)) >= 0.029


def test_close_ends_the_thread_and_drops_what_waits():
    entered, release, handled = threading.Event(), threading.Event(), []

    def handle(events):
        handled.extend(events)
        entered.set()
        release.wait(5)

    worker = Worker(handle, merge=lambda old, new: False, on_error=print)
    worker.post("first")
    assert entered.wait(5)
    worker.post("second")
    threading.Timer(0.05, release.set).start()
    worker.close()
    assert not worker.alive
    worker.post("third")
    assert handled == ["first"]


def test_close_from_its_own_thread_does_not_hang():
    worker = Worker(lambda events: worker.close(), merge=lambda old, new: False, on_error=print)
    worker.post("x")
    assert worker.wait(5)
