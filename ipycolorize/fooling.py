"""The result of the real or fake test: how often a method's pictures were taken for real ones (table 2)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .journal import JournalError, read_journal
from .realfake import SUFFIX, Trial

TOLERANCE = 0.1  # seconds by which a picture may have been shown longer or shorter for the answer to count
Z = 1.959964  # a normal distribution has 95 % of its mass within so many standard deviations


@dataclass(frozen=True)
class Answer:
    """What a participant said.

    Attributes:
        participant: name or number.
        trial: what was shown.
        chosen: the picture that was called synthetic, 1 or 2.
        shown: seconds that each picture was on the screen, measured by the browser.
        asked: seconds that each was meant to be.
        reaction: seconds from the question to the answer.
        views: how often this pair was shown; more than 1 where the page was reloaded in between.
        time: of the answer, UTC.
    """

    participant: str
    trial: Trial
    chosen: int
    shown: tuple[float, float]
    asked: float
    reaction: float
    views: int
    time: str

    @property
    def fooled(self) -> bool:
        """Whether the synthetic picture was taken for the real one."""
        return self.chosen != self.trial.synthetic

    @property
    def valid(self) -> bool:
        """Whether the pair was seen once and for the time that it should be."""
        return self.views == 1 and all(abs(shown - self.asked) <= TOLERANCE for shown in self.shown)


def read_answers(source: str | Path) -> list[Answer]:
    """All answers, practice and vigilance too.

    Args:
        source: a folder, for those of all participants, or the file of one.

    Raises:
        ValueError: no file of this test, or one that is damaged.
        OSError: one cannot be read.
    """
    source = Path(source)
    files = [source] if source.is_file() else sorted(source.glob(f"*{SUFFIX}"))
    if not files:
        raise ValueError(f"expected answers, files named *{SUFFIX}, in {source}; found none")
    answers = []
    for path in files:
        about, records = read_journal(path)
        try:
            trials = [Trial(**trial) for trial in about["trials"]]
            views = Counter(record["trial"] for record in records if "chosen" not in record)
            answers += [
                Answer(
                    participant=about["participant"], trial=trials[record["trial"]], chosen=record["chosen"],
                    shown=tuple(record["shown"]), asked=about["seconds"], reaction=record["reaction"],
                    views=views[record["trial"]], time=record["time"],
                )
                for record in records
                if "chosen" in record
            ]  # fmt: skip
        except (KeyError, IndexError, TypeError) as error:
            raise JournalError(f"expected answers of the real or fake test in {path}, {error!r}") from None
    return answers


@dataclass(frozen=True)
class FoolingRate:
    """How often one method's pictures were taken for real ones.

    Attributes:
        method: its name.
        participants: who saw it.
        answers: that count.
        fooled: how many of them took the synthetic picture for the real one.
        rate: their share; 0.5: cannot be told apart; nan without answers.
        low, high: 95 % confidence interval (Wilson 1927). It takes all answers for independent: differences
            between participants, and between photographs, are not in it.
        left_out: answers that do not count: seen twice, shown too long or too short, or by somebody who did
            not look.
    """

    method: str
    participants: int
    answers: int
    fooled: int
    rate: float
    low: float
    high: float
    left_out: int


def fooling_rates(source: str | Path | Sequence[Answer], *, watchful: float = 0.75) -> list[FoolingRate]:
    """The fooling rate of each method, over all participants: table 2.

    Args:
        source: a folder with the participants' files, one such file, or answers.
        watchful: who recognises less than this share of the vigilance pairs is left out.

    Raises:
        ValueError, OSError: where `read_answers` does.
    """
    answers = read_answers(source) if isinstance(source, str | Path) else source
    seen: dict[str, list[bool]] = {}
    for answer in answers:
        if answer.trial.kind == "vigilance":
            seen.setdefault(answer.participant, []).append(not answer.fooled)
    asleep = {name for name, right in seen.items() if sum(right) < watchful * len(right)}
    methods: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.trial.kind == "test":
            methods.setdefault(answer.trial.method, []).append(answer)
    rates = []
    for method, given in sorted(methods.items()):
        counted = [answer for answer in given if answer.valid and answer.participant not in asleep]
        fooled = sum(answer.fooled for answer in counted)
        rate, (low, high) = fooled / len(counted) if counted else math.nan, wilson(fooled, len(counted))
        people = len({answer.participant for answer in counted})
        rates.append(
            FoolingRate(method, people, len(counted), fooled, rate, low, high, len(given) - len(counted))
        )
    return rates


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % confidence interval of a share, after Wilson 1927: within 0..1, and not empty at 0 of n."""
    if count == 0:
        return 0.0, 1.0
    share, spread = hits / count, Z * Z / count
    centre = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)
