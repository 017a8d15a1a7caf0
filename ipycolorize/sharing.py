"""Sessions in other hands: copies, pickles, and the processes that are forked from theirs."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from copy import copy
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

import torch

from .history import History
from .image import Photo
from .models.base import Network
from .models.weights import REGISTRY, load_model
from .painter import Painter

if TYPE_CHECKING:
    from .frame import Frame
    from .hints import Hints
    from .mood import Mood


S = TypeVar("S", bound="Shared")
P = ParamSpec("P")
R = TypeVar("R")


def locked(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """One caller at a time: a notebook's cells and a pad's worker thread share a session."""

    @wraps(method)
    def wrapper(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return wrapper


class Shared:
    """What a session needs to be copied, pickled and forked.

    Attributes:
        lock: see `Session`.
    """

    photo: Photo
    network: Network
    frame: Frame
    hints: Hints
    mood: Mood
    painter: Painter
    _history: History[Any]
    _given: tuple[Any, str, int]  # network, device and short_side, as whoever made the session gave them

    def _own_lock(self) -> None:
        self._lock, self._process = threading.RLock(), os.getpid()

    @property
    def lock(self) -> Any:
        """Held by every method; hold it yourself around steps that belong together."""
        if self._process != os.getpid():  # forked since, and of all threads only one came along
            self._process = os.getpid()
            if self._lock.acquire(blocking=False):
                self._lock.release()
            else:  # a thread held it that is not here, and left its work half done
                self._lock = threading.RLock()
                self.painter = Painter(self.photo, self.network, self.frame)
        return self._lock

    def __copy__(self) -> Self:
        with self.lock:
            other = object.__new__(type(self))
            other.__dict__.update(self.__dict__)
            other._history = self._history.copy()
            other.painter = copy(self.painter)  # nothing that it remembers is ever changed, but replaced
            other.painter.timings = dict(self.painter.timings)
        other._own_lock()
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def __getstate__(self) -> dict[str, Any]:
        _, device, short_side = self._given
        with self.lock:
            return {
                "photo": self.photo, "network": self._portable(), "device": device, "short_side": short_side,
                "hints": self.hints, "mood": self.mood,
            }  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        hints, mood = state.pop("hints"), state.pop("mood")
        photo, network = state.pop("photo"), state.pop("network")
        type(self).__init__(self, photo, network, **state)  # type: ignore[call-arg]
        self.hints, self.mood = hints, mood
        self._history = History((hints.items, mood))

    def _portable(self) -> str:
        """What names the network in another process.

        Raises:
            pickle.PicklingError: nothing does: it was given as an object with weights of its own.
        """
        network = self._given[0]
        if isinstance(network, str) and network in REGISTRY:
            return network
        if not isinstance(network, Network):
            return str(Path(network).expanduser().resolve())
        for name, card in REGISTRY.items():
            if card.network == network.name and _equal(network, load_model(name)):
                return name
        raise pickle.PicklingError(
            f"expected a session whose network has a name or a file, got an object {network.name} with "
            "weights of its own: write them with ipycolorize.models.weights.save_model, and make the session "
            "from that path"
        )


def _equal(network: Network, other: Network) -> bool:
    ours, theirs = network.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(
        value.shape == theirs[key].shape and torch.equal(value.cpu(), theirs[key])
        for key, value in ours.items()
    )
