"""The one-minute study (paper 4.2): who colorizes which photograph with which interface, and what is kept.

A participant has a minute for each photograph, and half of the photographs come without suggested colours.
The pictures that come of it go through the real or fake test (`study_pairs`): the last two rows of table 2.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from .image import read_photo
from .journal import Journal, JournalError, check_name, now, read_journal
from .pairs import SIDE, Pair, named_photos, shrunk
from .session import Session

SECONDS = 60.0
SUFFIX = ".study.jsonl"
METHODS = {True: "recommendation", False: "no recommendation"}  # names for table 2

Recommend = bool | Literal["alternate"]


@dataclass(frozen=True)
class Task:
    """A photograph to be colorized.

    Attributes:
        photograph: its name.
        recommend: whether colours are suggested; else there are 48 common ones.
    """

    photograph: str
    recommend: bool


@dataclass(frozen=True)
class Result:
    """What a participant made of a photograph.

    Attributes:
        participant: name or number.
        task: what was to be done.
        network: that helped.
        seconds: that it took.
        attempts: how often it was begun; more than 1 where the kernel ended in between.
        actions: what was done, oldest first, each with "seconds" since the beginning and "event".
        hints: the points, as `Session.load` takes them.
        picture: the file, of the photograph's size.
        time: of the end, UTC.
    """

    participant: str
    task: Task
    network: str
    seconds: float
    attempts: int
    actions: tuple[dict[str, Any], ...]
    hints: dict[str, Any]
    picture: Path
    time: str


def plan(photographs: Iterable[str], *, recommend: Recommend = "alternate", seed: str) -> tuple[Task, ...]:
    """All photographs in random order; suggestions always, never, or with every other one.

    Args:
        photographs: names.
        recommend: which interface.
        seed: same seed, same plan; give every participant another.
    """
    draw = random.Random(seed)  # of a text: the same on every machine
    names = sorted(photographs)
    draw.shuffle(names)
    first = draw.choice((True, False)) if recommend == "alternate" else recommend
    return tuple(
        Task(name, first != (recommend == "alternate" and number % 2 == 1))
        for number, name in enumerate(names)
    )


class Course:
    """One participant's way through the study; what is finished is on the disk, and is not done again.

    Args:
        photographs: their names.
        participant: name or number; part of the files' names.
        folder: for NAME.study.jsonl, and the pictures and points in NAME/.
        seconds: for each photograph.
        recommend: as `plan` takes it.
        seed: of the whole study.

    Raises:
        ValueError: a name that cannot be a file's, or the participant began with other photographs.
        OSError: the folder cannot be read or written.

    Attributes:
        tasks: all of them, in order.
    """

    def __init__(
        self,
        photographs: Iterable[str],
        *,
        participant: str | int,
        folder: Path,
        seconds: float = SECONDS,
        recommend: Recommend = "alternate",
        seed: int = 0,
    ) -> None:
        if not seconds > 0:
            raise ValueError(f"expected a positive number of seconds for each photograph, got {seconds}")
        self._name, self._folder, self._seconds = check_name(participant), Path(folder), seconds
        self.tasks = plan(photographs, recommend=recommend, seed=f"{seed} {self._name}")
        about = {
            "participant": self._name, "seconds": seconds, "tasks": [asdict(task) for task in self.tasks],
        }  # fmt: skip
        self._journal = Journal(self._folder / f"{self._name}{SUFFIX}", about)

    @property
    def done(self) -> int:
        """How many photographs are finished, which is the number of the next."""
        return sum("picture" in record for record in self._journal.records)

    @property
    def current(self) -> Task | None:
        """The next task; None at the end."""
        return self.tasks[self.done] if self.done < len(self.tasks) else None

    def began(self) -> None:
        """Note that somebody begins with the current task.

        Raises:
            OSError: it cannot be written.
        """
        self._journal.append({"task": self.done, "time": now()})

    def finish(self, session: Session, *, seconds: float, actions: Sequence[dict[str, Any]]) -> None:
        """Keep the current task's result, and go on to the next.

        Args:
            session: as the participant left it.
            seconds: since the beginning.
            actions: what was done.

        Raises:
            OSError, PhotoError, HintError: it cannot be written; the task stays the current one.
        """
        task = self.tasks[self.done]
        stem = f"{self.done + 1:02d}_" + re.sub(r"[^\w.-]+", "_", task.photograph)
        picture, hints = Path(self._name, f"{stem}.png"), Path(self._name, f"{stem}_hints.json")
        (self._folder / self._name).mkdir(exist_ok=True)
        session.export(self._folder / picture, overwrite=True)  # of an attempt that ended half way
        session.save(self._folder / hints, overwrite=True)
        self._journal.append(
            {
                "task": self.done, "time": now(), "seconds": round(seconds, 2), "picture": picture.as_posix(),
                "hints": hints.as_posix(), "network": session.network_name, "actions": list(actions),
            }
        )  # fmt: skip


def read_results(folder: str | Path) -> list[Result]:
    """What all participants have finished.

    Raises:
        ValueError: no file of this study, or one that is damaged.
        OSError: one cannot be read.
    """
    folder = Path(folder)
    files = sorted(folder.glob(f"*{SUFFIX}"))
    if not files:
        raise ValueError(f"expected results, files named *{SUFFIX}, in {folder}; found none")
    results = []
    for path in files:
        about, records = read_journal(path)
        try:
            attempts = Counter(record["task"] for record in records if "picture" not in record)
            results += [
                Result(
                    participant=about["participant"], task=Task(**about["tasks"][record["task"]]),
                    network=record["network"], seconds=record["seconds"], attempts=attempts[record["task"]],
                    actions=tuple(record["actions"]), picture=folder / record["picture"],
                    hints=json.loads((folder / record["hints"]).read_text()), time=record["time"],
                )
                for record in records
                if "picture" in record
            ]  # fmt: skip
        except (KeyError, IndexError, TypeError) as error:
            raise JournalError(f"expected results of the study in {path}, got {error!r}") from None
    return results


def study_pairs(
    folder: str | Path, photographs: Mapping[str, Any] | Iterable[Any], *, side: int = SIDE
) -> list[Pair]:
    """What people coloured, beside the photographs: for the real or fake test.

    The methods are named "recommendation" and "no recommendation".

    Args:
        folder: of the study.
        photographs: those that it was made with, with the same names.
        side: short side of the pictures.

    Raises:
        ValueError: a photograph of the study is not among them, or another one has its name.
        OSError: a file cannot be read.
    """
    photos = named_photos(photographs)
    pairs = []
    for result in read_results(folder):
        name = result.task.photograph
        if name not in photos:
            raise ValueError(f"expected the photographs of the study, got none named {name!r}")
        real, made = photos[name].rgb, read_photo(result.picture).rgb
        method = METHODS[result.task.recommend]
        if made.shape != real.shape:
            raise ValueError(f"expected {name} as in the study, {made.shape[:2]}, got {real.shape[:2]}")
        pairs.append(Pair(name, method, shrunk(real, side), shrunk(made, side), by=result.participant))
    return pairs
