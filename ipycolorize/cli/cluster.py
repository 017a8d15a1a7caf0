"""Photographs shared out to a Dask cluster, which need not see their files: everything travels as bytes."""

from __future__ import annotations

import logging
import secrets
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import RequestError
from .workers import DIED, Outcome, Task, work

PATIENCE = 60  # seconds for the first worker to appear


def share_out_on(
    address: str, tasks: Sequence[Task], *, do: Callable[[Task], Outcome] = work
) -> Generator[tuple[Task, Outcome], None, None]:
    """Colour photographs on the workers of a Dask scheduler; yields them as they are ready.

    What a worker that dies had in work, Dask gives to another one.

    Args:
        address: such as tcp://10.0.0.1:8786.
        tasks: the photographs.
        do: what a worker does with one.

    Raises:
        RequestError: Dask is not installed, nobody answers, no worker appears, or the scheduler is lost.
    """
    try:
        import dask
        from distributed import Client, as_completed
    except ImportError as error:
        raise RequestError(
            f"expected Dask for --scheduler ({error}): pip install 'ipycolorize[distributed]'"
        ) from error
    for name in ("distributed", "distributed.client"):  # what goes wrong is said below, in one line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise RequestError(
            f"expected a Dask scheduler at {address}, nobody answers ({error}): check the address, such as "
            "tcp://10.0.0.1:8786"
        ) from error
    # a photograph in a message is what is meant, not the oversight that Dask would warn of
    with client, dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise RequestError(
                f"expected workers at {address}, none within {PATIENCE} seconds: start some by "
                f"dask worker {address}"
            ) from error
        waiting = deque(tasks)
        running: dict[Any, Task] = {}
        ready = as_completed(loop=client.loop)
        try:
            while waiting or running:
                room = sum(client.nthreads().values()) + 2  # workers come and go; two wait at the door
                while waiting and len(running) < room:
                    task = waiting.popleft()
                    try:
                        sent = _by_value(task)
                    except OSError as error:
                        yield task, Outcome(error=str(error))
                        continue
                    key = f"ipycolorize-{secrets.token_hex(8)}"
                    future = client.submit(do, sent, key=key, pure=False)
                    running[future] = task
                    ready.add(future)
                if running:
                    future = next(ready)
                    task = running.pop(future)
                    yield task, _outcome(future)
                    future.release()
        except BaseException as error:
            client.cancel([*running])
            if type(error).__name__ in ("CancelledError", "FutureCancelledError"):
                raise RequestError(
                    f"lost the scheduler at {address}; the same command goes on from here"
                ) from error
            raise


def _outcome(future: Any) -> Outcome:
    """What a worker made of its photograph.

    Raises:
        RequestError: the worker cannot do this at all.
    """
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker:  # Dask has tried it on several
        return Outcome(error=DIED)
    except ImportError as error:
        raise RequestError(f"expected ipycolorize {__version__} on every worker, but: {error}") from error


def _by_value(task: Task) -> Task:
    """The task with its photograph's bytes, read when its turn has come."""
    return replace(task, photo=task.photo.read_bytes()) if isinstance(task.photo, Path) else task
