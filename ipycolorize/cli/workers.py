"""Photographs shared out to processes of this machine (`cluster`: of others). A photograph fails alone.

Whoever works returns the bytes of a picture, and the one who shares out writes them: a process that dies, and
whatever is done twice because of it, leaves nothing behind. Workers on other machines need not see the files.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..children import safe_path
from ..errors import RequestError
from .exits import MISTAKE, describe
from .recipe import Recipe, colorize

if TYPE_CHECKING:
    from ..models.base import Network

DIED = "the process that worked on it died, perhaps for want of memory: try fewer processes"
_loading = threading.Lock()  # a Dask worker has several threads, which share one network


@dataclass(frozen=True)
class Task:
    """One photograph to colour.

    Attributes:
        name: for people and for the ledger: its path below the folder.
        photo: the file; or its bytes, for a machine that may not see the file.
        hints: the bytes of its saved hints.
        recipe: what else to ask for.
        suffix: of the picture: .png, .jpg or .tif.
        version: of the program that asks; another one could give other colours.
    """

    name: str
    photo: Path | bytes
    hints: bytes | None
    recipe: Recipe
    suffix: str
    version: str = __version__


@dataclass(frozen=True)
class Outcome:
    """What became of a photograph: a picture, or the reason why there is none.

    Attributes:
        picture: the bytes of its file.
        error: for people; with a traceback where `mistake`.
        mistake: of the program.
    """

    picture: bytes | None = None
    error: str = ""
    mistake: bool = False


def work(task: Task) -> Outcome:
    """Colour one photograph; whatever goes wrong is the outcome, and the next photograph gets its turn."""
    try:
        if task.version != __version__:
            raise RequestError(f"expected ipycolorize {task.version} on the worker, found {__version__}")
        with _loading:
            network = _network(task.recipe.model, task.recipe.device)
        session = colorize(task.photo, task.recipe, hints=task.hints, network=network)
        with tempfile.TemporaryDirectory(prefix="ipycolorize-") as folder:
            path = Path(folder) / f"picture{task.suffix}"
            session.export(path)
            return Outcome(path.read_bytes())
    except Exception as error:
        code, text = describe(error)
        return Outcome(error=text, mistake=code == MISTAKE)


@lru_cache(maxsize=1)
def _network(model: str, device: str) -> Network:
    from ..models.device import pick_device
    from ..models.weights import load_model

    return load_model(model, device=pick_device(device))


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_out_here(
    tasks: Sequence[Task], processes: int, *, do: Callable[[Task], Outcome] = work
) -> Generator[tuple[Task, Outcome], None, None]:
    """Colour photographs in processes of this machine; yields them as they are ready.

    The processes are started afresh (spawn), never forked, and share the processors out among their threads.
    If one dies, the photographs that were in work are tried again one at a time, so that the one that kills
    is known and only that one fails.
    """
    waiting, suspects = deque(tasks), deque[Task]()
    while waiting or suspects:
        alone = bool(suspects)
        queue, most = (suspects, 1) if alone else (waiting, min(processes, len(waiting)))
        running: dict[Future[Outcome], Task] = {}
        pool = _pool(most)
        try:
            while queue or running:
                while queue and len(running) < (1 if alone else most + 1):
                    with _as_children():
                        running[pool.submit(do, queue[0])] = queue[0]
                    queue.popleft()
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    outcome = future.result()
                    yield running.pop(future), outcome
        except BrokenProcessPool:
            for future, task in running.items():
                if future.done() and future.exception() is None:
                    yield task, future.result()
                elif alone:
                    yield task, Outcome(error=DIED)
                else:
                    suspects.append(task)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _pool(processes: int) -> ProcessPoolExecutor:
    import multiprocessing

    threads = max(1, processors() // processes)
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(threads,))


@contextmanager
def _as_children() -> Iterator[None]:
    """What a process started meanwhile inherits: no modules from the working folder, and no Ctrl-C.

    The parent ends its children, after the photographs in work.
    """
    main = threading.current_thread() is threading.main_thread()
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        with safe_path():
            yield
    finally:
        if main:
            signal.signal(signal.SIGINT, heard)


def _begin(threads: int) -> None:
    """Set a process up: its threads, and its end when the parent is gone, however that went."""
    import multiprocessing

    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
