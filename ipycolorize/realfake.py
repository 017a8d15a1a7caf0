"""Real or fake, the test behind table 2, after Zhang et al. 2016: its plan, and one participant's way.

A participant sees a photograph and a colorization of it one after the other, one second each, in random
order, and says which was the synthetic one.

Nobody sees a photograph twice, for whoever knows the true one needs no judgement. So each participant's
photographs are dealt to the methods anew, evenly, and the methods are compared over participants
(`fooling.fooling_rates`).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from .journal import Journal, check_name, now
from .pairs import Pair, opposite

SECONDS = 1.0  # that each picture is shown
VIGILANCE = "vigilance"  # the method of pairs that everybody who looks can tell apart
SUFFIX = ".realfake.jsonl"

Kind = Literal["practice", "vigilance", "test"]


@dataclass(frozen=True)
class Trial:
    """One pair as one participant sees it.

    Attributes:
        photograph, method, by: of the pair.
        synthetic: whether the synthetic picture comes as number 1 or 2.
        kind: "practice" comes with feedback and does not count, "vigilance" tells who looks.
    """

    photograph: str
    method: str
    by: str
    synthetic: int
    kind: Kind


def plan(pairs: Sequence[Pair], *, practice: int, vigilance: int, seed: str) -> tuple[Trial, ...]:
    """Deal the photographs to one participant: each once, the methods as evenly as can be.

    Args:
        pairs: of any photographs and methods.
        practice: trials at the beginning, with feedback.
        vigilance: photographs shown in opposite colours, somewhere among the others.
        seed: same seed, same plan; give every participant another.

    Raises:
        ValueError: the photographs do not suffice.
    """
    offers: dict[str, list[Pair]] = {}
    for pair in pairs:
        offers.setdefault(pair.photograph, []).append(pair)
    if practice < 0 or vigilance < 0 or len(offers) <= practice + vigilance:
        raise ValueError(
            f"expected more photographs than practice and vigilance need, {practice} + {vigilance}, "
            f"got {len(offers)}; nobody may see a photograph twice"
        )
    draw = random.Random(seed)  # of a text: the same on every machine
    photographs = sorted(offers)
    draw.shuffle(photographs)
    used: Counter[str] = Counter()
    trials = []
    for number, photograph in enumerate(photographs):
        if number == practice + vigilance:
            used.clear()  # what counts is dealt evenly by itself
        least = min(used[pair.method] for pair in offers[photograph])
        pair = draw.choice([pair for pair in offers[photograph] if used[pair.method] == least])
        used[pair.method] += 1
        kind: Kind = (
            "practice" if number < practice else "vigilance" if number < practice + vigilance else "test"
        )
        method, by = (VIGILANCE, "") if kind == "vigilance" else (pair.method, pair.by)
        trials.append(Trial(photograph, method, by, draw.choice((1, 2)), kind))
    rest = trials[practice:]
    draw.shuffle(rest)
    return (*trials[:practice], *rest)


class Sitting:
    """One participant's way through the test, saved after every answer; a later one goes on from there.

    Args:
        pairs: that can be shown.
        participant: name or number; part of the file's name.
        folder: where NAME.realfake.jsonl is, or will be.
        practice, vigilance: as `plan` takes them.
        seconds: that each picture is shown.
        seed: of the whole study.

    Raises:
        ValueError: where `plan` does; the participant's name cannot be a file's, or began with other pairs.
        OSError: the file cannot be read or written.

    Attributes:
        trials: all of them, in order.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        participant: str | int,
        folder: Path,
        practice: int = 4,
        vigilance: int = 0,
        seconds: float = SECONDS,
        seed: int = 0,
    ) -> None:
        name = check_name(participant)
        self._pairs = {(pair.photograph, pair.method, pair.by): pair for pair in pairs}
        self.trials = plan(pairs, practice=practice, vigilance=vigilance, seed=f"{seed} {name}")
        about = {"participant": name, "seconds": seconds, "trials": [asdict(trial) for trial in self.trials]}
        self._journal = Journal(Path(folder) / f"{name}{SUFFIX}", about)

    @property
    def done(self) -> int:
        """How many trials have been answered, which is the number of the next."""
        return sum("chosen" in record for record in self._journal.records)

    @property
    def current(self) -> Trial | None:
        """The next trial; None at the end."""
        return self.trials[self.done] if self.done < len(self.trials) else None

    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """What the current trial shows, first and second."""
        trial = self.trials[self.done]
        if trial.kind == "vigilance":
            real = next(pair.real for pair in self._pairs.values() if pair.photograph == trial.photograph)
            synthetic = opposite(real)
        else:
            pair = self._pairs[trial.photograph, trial.method, trial.by]
            real, synthetic = pair.real, pair.synthetic
        return (synthetic, real) if trial.synthetic == 1 else (real, synthetic)

    def began(self) -> None:
        """Note that the current pair is being shown.

        Raises:
            OSError: it cannot be written.
        """
        self._journal.append({"trial": self.done, "time": now()})

    def answer(self, chosen: int, *, shown: tuple[float, float], reaction: float) -> bool:
        """Note which picture of the current pair was called synthetic, and go on to the next.

        Returns:
            Whether it was.

        Raises:
            ValueError: neither 1 nor 2, or the test has ended.
            OSError: it cannot be written; the trial stays the current one.
        """
        trial = self.current
        if trial is None or chosen not in (1, 2):
            raise ValueError(f"expected picture 1 or 2 of a pair, got {chosen} for trial {self.done}")
        times = {"shown": [round(time, 4) for time in shown], "reaction": round(reaction, 3)}
        self._journal.append({"trial": self.done, "time": now(), "chosen": chosen, **times})
        return chosen == trial.synthetic
