"""The view of a training run: its curves while it learns, the time left, and a button that stops it.

A thread looks at the run every second. Nothing here trains, and nothing here keeps the kernel busy.
"""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ipywidgets import HTML, Box, Button, Image
from PIL import Image as Pillow

from .frontend import Shown
from .lifetime import Reachable, weakly
from .parts import said
from .static import Companion
from .style import CSS
from .worker import Worker

SHARPNESS = 160  # dots per inch of a figure: sharp on dense screens too
LOOK = "look"  # at the run
COUNT = "10"  # points: the line of the log that the status speaks of


class Training(Protocol):
    """What the view needs to know of a run."""

    @property
    def records(self) -> Sequence[Any]:
        """Lines of the log, each with `step` and `psnr`, which is in dB by number of points."""

    @property
    def state(self) -> str:
        """One of "running", "finished", "stopped", "failed"."""

    @property
    def error(self) -> str:
        """Why it failed."""

    @property
    def warning(self) -> str:
        """What it had to say last while it goes on; empty if nothing."""

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None while there is none."""

    @property
    def weights(self) -> Path:
        """The file it writes."""

    def stop(self) -> None:
        """End it in good order."""


class Progress(Shown, Reachable):
    """Watch a training run. Closing the view leaves the run alone.

    Args:
        training: the run.
        plot: draws its records as a matplotlib figure.
        interval: seconds between two looks.
    """

    def __init__(
        self, training: Training, plot: Callable[[Sequence[Any]], Any], *, interval: float = 1.0
    ) -> None:
        self._training, self._plot, self._interval = training, plot, interval
        self._companion = Companion("learning curves")
        self._drawn = -1  # records in the picture
        self._asked = False
        self._image = Image(format="png", layout={"width": "100%", "max_width": "900px"})
        self._status = HTML(_dom_classes=["ipc-status"])
        self._button = Button(
            description="Stop", icon="stop", tooltip="Finish the running step, save, and end",
            _dom_classes=["ipc-action"],
        )  # fmt: skip
        ask = weakly(self._ask)
        self._button.on_click(lambda _: ask())
        row = Box([self._button, self._status], _dom_classes=["ipc-row"])
        style = HTML(f"<style>{CSS}</style>", _dom_classes=["ipc-style"])
        super().__init__([style, self._image, row], _dom_classes=["ipc-pad"])
        self._worker = Worker(
            weakly(self._watch), merge=lambda old, new: True, on_error=weakly(self._fail), interval=0.0,
            rest=0.0, name="ipycolorize-training",
        )  # fmt: skip
        self._watch([])

    def close(self) -> None:
        """End the view: its thread and its widgets."""
        if not hasattr(self, "_worker"):  # the constructor failed half way
            return
        self._worker.close()
        for part in (self._image, self._status, self._button, *self.children):
            part.close()
        super().close()

    def _ipython_display_(self, **_: Any) -> None:
        self._companion.show(self._repr_mimebundle_(), self._picture())

    def _ask(self) -> None:
        """Callbacks only ask; the thread does it, for stopping takes a while."""
        self._button.disabled = True
        self._asked = True
        self._worker.post(LOOK)

    def _watch(self, _: list[str]) -> None:
        if not self._look():
            self._worker.remind(self._interval, LOOK)

    def _look(self) -> bool:
        """Bring everything up to date; whether the run has ended. What fails shows in the status line."""
        training = self._training
        try:
            if self._asked and training.state == "running":
                self._say("Finishing the running step …")
                training.stop()
            state = training.state  # before the records: those of a run that has ended are complete
            if len(training.records) != self._drawn:
                self._draw()
            self._say(self._words(state))
        except BaseException as error:  # whatever it is, the view goes on
            self._fail(error)
            state = training.state
        if state != "running":
            self._button.layout.display = "none"
        return state != "running"

    def _draw(self) -> None:
        records = self._training.records
        file = io.BytesIO()
        self._plot(records).savefig(file, format="png", dpi=SHARPNESS)
        self._image.value = file.getvalue()
        self._drawn = len(records)
        if self._companion.shown:
            self._companion.update(self._picture())

    def _picture(self) -> Pillow.Image:
        if not self._image.value:  # drawing failed, and the status says why
            return Pillow.new("RGB", (9, 3), "white")
        return Pillow.open(io.BytesIO(self._image.value), formats=("PNG",)).convert("RGB")

    def _words(self, state: str) -> str:
        training = self._training
        if state == "failed":
            return f"<b>{html.escape(training.error)}</b>"
        if state == "running":
            if (left := training.seconds_left) is None:
                return "Reading the photographs …"
            warning = f" · <b>{html.escape(training.warning)}</b>" if training.warning else ""
            return f"{_about(left)} left{self._gain()}{warning}"
        if not training.records:
            return "Stopped before anything was learned."
        call = f'Colorizer(photo, network="{training.weights}")'
        end = "Finished" if state == "finished" else "Stopped; the same call goes on from here"
        return f"{end}{self._gain()}. In the pad: <code>{html.escape(call)}</code>"

    def _gain(self) -> str:
        """What the run has brought on photographs that it does not learn from."""
        records = [record for record in self._training.records if COUNT in record.psnr]
        if not records:
            return ""
        best = max(records, key=lambda record: sum(record.psnr.values()))  # its weights are the ones kept
        scores = records[0].psnr[COUNT], best.psnr[COUNT]
        return f" · held out, {COUNT} points: {scores[0]:.2f} → {scores[1]:.2f} dB"

    def _fail(self, error: BaseException) -> None:
        self._say(f"<b>{html.escape(f'{type(error).__name__}: {error}')}</b>")

    def _say(self, text: str) -> None:
        line = said(text)
        if self._status.value != line:
            self._status.value = line


def _about(seconds: float) -> str:
    """A time in words, no finer than anybody needs."""
    if seconds < 90:
        return f"About {max(5, 5 * round(seconds / 5))} seconds"
    return f"About {round(seconds / 60)} minutes"
