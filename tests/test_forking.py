"""Workers of other people's programs: forked, spawned, or given a session by pickle."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked on this system")

# A program as somebody writes it: a session first, then workers. It tells what they found.
PROGRAM = """
import json, multiprocessing, sys, threading
from concurrent.futures import ProcessPoolExecutor
from ipycolorize import Session
import numpy as np
from sklearn.datasets import load_sample_image

photo = np.ascontiguousarray(load_sample_image("china.jpg"))
session = Session(photo, sys.argv[1], device="cpu")

def anew(_=None):
    one = Session(photo, sys.argv[1], device="cpu")
    one.add(50, 50, ab=(40.0, 20.0))
    return round(float(one.rgb().mean()), 1), len(one.palette(50, 50))

def inherited(_=None):
    session.add(50, 50, ab=(40.0, 20.0))
    return round(float(session.rgb().mean()), 1), len(session.palette(50, 50))

def given(one):
    one.add(50, 50, ab=(40.0, 20.0))
    return round(float(one.rgb().mean()), 1), len(one.palette(50, 50))

def tell(queue, work):
    queue.put(work())

"""


@pytest.fixture(scope="module")
def run(tiny_path):
    """Run a program in which torch has two threads to lose; what it prints as JSON."""

    def go(code):
        environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONPATH": os.pathsep.join(sys.path)}
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM + textwrap.dedent(code), str(tiny_path)],
            capture_output=True, text=True, timeout=600, env=environment, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return go


@pytest.mark.parametrize(
    ("before", "work"), [("", "anew"), ("session.rgb(); session.palette(9, 9)", "inherited")]
)
def test_forked_workers_answer(run, work, before):
    found = run(f"""
        {before}
        fork = multiprocessing.get_context("fork")
        queue = fork.SimpleQueue()
        process = fork.Process(target=tell, args=(queue, {work}))
        process.start()
        answers = [queue.get()]
        process.join()
        with fork.Pool(2) as pool:
            answers.append(pool.map({work}, [0])[0])
        with ProcessPoolExecutor(1, mp_context=fork) as executor:
            answers.append(executor.submit({work}).result())
        answers.append({work}())
        print(json.dumps(answers))
    """)
    assert len({*map(tuple, found)}) == 1
    assert found[0][1] > 0


def test_a_session_goes_to_a_worker_by_pickle(run):
    found = run("""
        fork = multiprocessing.get_context("fork")
        with fork.Pool(1) as pool, ProcessPoolExecutor(1, mp_context=fork) as executor:
            answers = pool.map(given, [session]) + [executor.submit(given, session).result(), anew()]
            print(json.dumps(answers))
    """)
    assert found[0] == found[1] == found[2]


def test_a_lock_that_another_thread_held_does_not_stop_the_worker(run):
    found = run("""
        held = threading.Event()

        def hold():
            with session.lock:
                held.set()
                threading.Event().wait()

        threading.Thread(target=hold, daemon=True).start()
        held.wait()
        with multiprocessing.get_context("fork").Pool(1) as pool:
            print(json.dumps([pool.map(inherited, [0])[0], anew()]))
    """)
    assert found[0] == found[1]


def test_the_parent_keeps_its_threads(run):
    found = run("""
        import torch
        with multiprocessing.get_context("fork").Pool(1) as pool:
            print(json.dumps([pool.apply(torch.get_num_threads), torch.get_num_threads()]))
    """)
    assert found == [1, 2]
