import dis
import subprocess
import sys
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


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError()])
def test_no_exception_ends_the_worker(start, error):
    errors, handled = [], []

    def handle(events):
        if events == ["bad"]:
            raise error
        handled.extend(events)

    worker = start(handle, on_error=errors.append, idle=((0.0, lambda: handled.append("idle")),))
    for event in ("bad", "good"):
        worker.post(event)
        assert worker.wait(5)
    assert errors == [error]
    assert handled == ["idle", "good", "idle"]


def test_a_report_that_ends_python_is_logged_and_the_worker_lives(start, caplog):
    def fail(error):
        raise SystemExit

    handled = []
    worker = start(lambda events: handled.append(1 / events[0]), on_error=fail)
    worker.post(0)
    assert worker.wait(5)
    worker.post(2)
    assert worker.wait(5)
    assert handled == [0.5]
    assert "ZeroDivisionError" in caplog.text, "nothing vanishes"


def test_a_merge_that_fails_is_reported_and_loses_no_event(start):
    entered, release, errors, seen = threading.Event(), threading.Event(), [], []

    def handle(events):
        seen.extend(events)
        entered.set()
        release.wait(5)

    worker = start(handle, merge=lambda old, new: old / 0, on_error=errors.append)
    worker.post(1)
    assert entered.wait(5)
    worker.post(2)
    worker.post(3)
    release.set()
    assert worker.wait(5)
    assert seen == [1, 2, 3]
    assert [type(error) for error in errors] == [ZeroDivisionError]


def test_the_thread_ends_after_a_rest_and_the_next_event_starts_another(start):
    handled = []
    worker = start(handled.extend, rest=0.05, idle=((0.01, lambda: handled.append("idle")),))
    assert not worker.alive, "and there is none before the first"
    for event in ("one", "two"):
        worker.post(event)
        assert worker.wait(5)
        first = worker._thread
        end = time.monotonic() + 5
        while worker.alive and time.monotonic() < end:
            time.sleep(0.01)
        assert not worker.alive
        assert first is None or not first.is_alive()
    assert handled == ["one", "idle", "two", "idle"]


def test_a_reminder_is_an_event_for_later_and_the_newest_replaces_the_last(start):
    handled = []
    worker = start(handled.extend, rest=0.0)
    worker.remind(60.0, "never")
    worker.remind(0.05, "later")
    worker.post("now")
    assert worker.wait(5), "waiting for all includes it, and its thread does not rest before"
    assert handled == ["now", "later"]


def test_events_that_come_while_the_thread_goes_to_rest_are_handled(start):
    handled = []
    worker = start(handled.extend, rest=0.0)
    for number in range(300):
        worker.post(number)
        time.sleep(0.0005 * (number % 3))
    assert worker.wait(5)
    assert handled == list(range(300))


def interrupt_at(number):
    """A tracer that interrupts `Worker.post`, or what it calls, at the nth place where Python sees signals.

    Those are the beginnings of functions, the ends of calls and the jumps backwards.
    """
    places = {"RESUME", "CALL", "CALL_FUNCTION_EX", "CALL_KW", "JUMP_BACKWARD"}
    before = {}  # by code: offset of an instruction -> name of the one before it
    left = [number]

    def trace(frame, event, _):
        code = frame.f_code
        if not code.co_filename.endswith(("worker.py", "threading.py")):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event != "opcode":
            return trace
        if code not in before:
            real = [one for one in dis.get_instructions(code) if one.opname != "CACHE"]
            before[code] = {two.offset: one.opname for one, two in pairwise(real)}
        if before[code].get(frame.f_lasti) in places:
            left[0] -= 1
            if left[0] == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    return trace


@pytest.mark.parametrize("rest", [0.0, 60.0])
def test_an_interrupt_anywhere_in_post_loses_no_event_and_doubles_none(start, rest):
    places, interrupted = 0, True
    while interrupted:
        places += 1
        handled = []
        worker = start(handled.extend, rest=rest, on_error=handled.append)
        if rest:  # its thread runs already
            worker.post("first")
            assert worker.wait(5)
        interrupted = False
        sys.settrace(interrupt_at(places))
        try:
            worker.post("click")
        except (KeyboardInterrupt, RuntimeError):
            interrupted = True
        finally:
            sys.settrace(None)
        assert worker.wait(5), f"no lock is left behind at place {places}"
        at_the_door = places == 1 and interrupted  # before the first line of `post`
        assert handled.count("click") == (0 if at_the_door else 1), f"place {places}"
        worker.post("next")
        assert worker.wait(5)
        assert handled[-1] == "next"
    assert places > 5


@pytest.mark.parametrize("last", ["Colorizer(photo)", "pad = Colorizer(photo)", "Compare(photo, [net, net])"])
def test_python_ends_in_good_order_while_a_pad_renders(last, tmp_path):
    """A network that is at work when the interpreter ends would abort the process."""
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n"
        "from sklearn.datasets import load_sample_image\n"
        "from ipycolorize import Colorizer, Compare\n"
        "from ipycolorize.models.live import Live\n"
        "torch.manual_seed(0)\n"
        "photo, net = load_sample_image('china.jpg'), Live()\n"
        f"{last}\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")


def test_work_under_way_is_finished_before_python_ends(tmp_path):
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from ipycolorize.widget.worker import Worker\n"
        "def handle(events):\n"
        "    time.sleep(0.5)\n"
        "    Path(sys.argv[1]).write_text('whole')\n"
        "worker = Worker(handle, merge=lambda old, new: False, on_error=print)\n"
        "worker.post('export')\n"
        "time.sleep(0.1)\n"
    )
    file = tmp_path / "picture"
    subprocess.run([sys.executable, "-c", script, file], check=True, timeout=120)
    assert file.read_text() == "whole"
