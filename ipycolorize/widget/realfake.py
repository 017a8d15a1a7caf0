"""Real or fake as a widget: the pairs, the question, and at the end what came of it."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ipywidgets import HTML, Text

from ..fooling import FoolingRate, fooling_rates
from ..pairs import Pair
from ..realfake import SECONDS, SUFFIX, Sitting
from . import trial
from .frontend import Shown
from .lifetime import Reachable, weakly
from .parts import close, printable
from .style import CSS

BLANK = 0.7  # seconds of grey before a pair
BETWEEN = 0.3  # and between its pictures, so that no pixel can be seen changing
INTRODUCTION = """
<p>You will see pairs of pictures. One has the colours of the photograph, the other synthetic ones.</p>
<p>Each is shown for {seconds:g} s. Then say which one was synthetic, with the buttons or the keys
<kbd>1</kbd> and <kbd>2</kbd>. Guess if you do not know.</p>"""


class RealOrFake(Shown, Reachable):
    """The test of table 2: which of two pictures has synthetic colours?

    Every answer is on the disk before the next pair is shown. Who comes back under the same name goes on from
    there. `ipycolorize.fooling.fooling_rates(folder)` gives the result over all participants.

    Args:
        pairs: of photographs and colorizations, by any methods: `ipycolorize.pairs.colorized_pairs` makes
            them automatically, `ipycolorize.study.study_pairs` reads what people coloured.
        participant: name or number; it becomes part of a file's name.
        folder: where answers are kept, of all participants.
        practice: pairs at the beginning that tell right from wrong and do not count.
        vigilance: photographs in opposite colours among the others, to find out who does not look.
        seconds: that each picture is shown.
        seed: of the whole study; every participant gets an order of their own.

    Raises:
        ValueError: fewer photographs than practice and vigilance need; a name that cannot be a file's; or
            the participant began with other pairs.
        OSError: the folder cannot be written.
    """

    def __init__(
        self, pairs: Sequence[Pair], *, participant: str | int, folder: str | Path, practice: int = 4,
        vigilance: int = 0, seconds: float = SECONDS, seed: int = 0,
    ) -> None:  # fmt: skip
        self._folder, self._seconds = Path(folder), seconds
        self._file = self._folder / f"{participant}{SUFFIX}"
        self._sitting = Sitting(
            pairs, participant=participant, folder=self._folder, practice=practice, vigilance=vigilance,
            seconds=seconds, seed=seed,
        )  # fmt: skip
        self._unsaved: dict[str, Any] | None = None  # an answer that the disk refused
        self._stage = HTML(_dom_classes=["ipc-show"])
        self._report = Text(_dom_classes=["ipc-report"], tabbable=False)
        self._report.observe(weakly(self._reported), "value")
        style = HTML(f"<style>{CSS}{trial.CSS}</style>", _dom_classes=["ipc-style"])
        super().__init__([style, self._stage, self._report], _dom_classes=["ipc-pad", "ipc-test"])
        begun = self._sitting.done > 0
        self._show("<p class='ipc-news'>Welcome back.</p>" if begun else self._introduction(), wait=True)

    @property
    def done(self) -> int:
        """How many pairs have been answered."""
        return self._sitting.done

    def rates(self) -> list[FoolingRate]:
        """This participant's fooling rates so far.

        Raises:
            ValueError, OSError: the file cannot be read.
        """
        return fooling_rates(self._file)

    def close(self) -> None:
        """End the view; the answers are saved."""
        close(self)

    def _introduction(self) -> str:
        practice = sum(one.kind == "practice" for one in self._sitting.trials)
        return INTRODUCTION.format(seconds=self._seconds) + (
            f"<p>The first {practice} are for practice.</p>" if practice else ""
        )

    def _reported(self, change: Any) -> None:
        """A message of the script. What fails must show here: a callback's exceptions are lost."""
        try:
            message = json.loads(change["new"])
            if message["trial"] != self._sitting.done:
                return  # another view of the same widget was quicker
            match message["event"]:
                case "began":
                    self._sitting.began()
                case "answer":
                    self._unsaved = message
                    self._answered(message)
                case "again" if self._unsaved:
                    self._answered(self._unsaved)
                case "again":
                    self._show("", wait=False)
        except OSError as error:
            self._fail(f"Not saved: {error.strerror}. Make room for {error.filename or self._folder}")
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")

    def _fail(self, reason: str) -> None:
        text = "Nothing is lost while this kernel lives; the test goes on from here."
        self._stage.value = self._html(
            (), f"<p class='ipc-news'>{html.escape(printable(reason))}.</p><p>{text}</p>", True
        )

    def _answered(self, message: dict[str, Any]) -> None:
        asked = self._sitting.trials[self._sitting.done]
        first, second = map(float, message["shown"])
        right = self._sitting.answer(
            int(message["chosen"]), shown=(first, second), reaction=float(message["reaction"])
        )
        self._unsaved = None
        following = self._sitting.current
        if asked.kind != "practice":
            self._show("<p class='ipc-news'>A pause.</p>", wait=False)
            return
        which = "first" if asked.synthetic == 1 else "second"
        news = "Right" if right else "No"
        text = f"<p class='ipc-news'>{news}, the {which} one was synthetic.</p>"
        if following is not None and following.kind != "practice":
            text += "<p>From now on nobody tells you. Press p for a pause after a pair.</p>"
        self._show(text, wait=True)

    def _show(self, cover: str, *, wait: bool) -> None:
        """Show the current pair, or the end."""
        if self._sitting.current is None:
            self._stage.value = f'<div class="ipc-end">{self._end()}</div>'
            return
        self._stage.value = self._html(self._sitting.pictures(), cover, wait)

    def _html(self, pictures: Sequence[np.ndarray], cover: str, wait: bool) -> str:
        done, trials = self._sitting.done, self._sitting.trials
        practice = sum(one.kind == "practice" for one in trials)
        count = len(trials) - practice
        where = f"Practice {done + 1} of {practice}"
        if done >= practice:
            where = f"Pair {done - practice + 1} of {count}"
        if done > practice and pictures:
            cover += f"<p>{done - practice} of {count} pairs are answered and saved.</p>"
        begin = "Start" if done in (0, practice) else "Go on"
        return trial.stage(
            pictures, number=done, count=where, done=done / len(trials), cover=cover, wait=wait,
            button=begin if pictures else "Try again", seconds=self._seconds, blank=BLANK, between=BETWEEN,
        )  # fmt: skip

    def _end(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(rate.method)}</td><td>{rate.fooled} of {rate.answers}</td>"
            f"<td>{rate.low:.0%} to {rate.high:.0%}</td></tr>"
            for rate in self.rates()
        )
        left_out = sum(rate.left_out for rate in self.rates())
        note = f"<p>{left_out} answers do not count: see FoolingRate.left_out.</p>" if left_out else ""
        return (
            "<p><b>Thank you. All your answers are saved.</b></p>"
            "<p>So often you took synthetic colours for the real ones:</p>"
            f"<table><tr><th>method</th><th>fooled</th><th>95 % interval</th></tr>{rows}</table>{note}"
            "<p>50 % would mean that the two cannot be told apart. One person says little: "
            "<code>fooling_rates(folder)</code> merges all participants.</p>"
        )
