"""The one-minute study as a widget: a photograph, a pad, a clock; then the next photograph."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ipywidgets import HTML, Box, Button

from ..image import Photo
from ..models.weights import load_model
from ..pairs import named_photos
from ..session import Session
from ..study import SECONDS, Course, Recommend
from .app import Colorizer
from .cells import REFRESH
from .frontend import READY, SILENT, Shown
from .gestures import Pick, Pointer
from .lifetime import Reachable, weakly
from .parts import Failed, close, printable, styled, switch
from .style import CSS
from .worker import Worker

PATIENCE = 5.0  # seconds to wait for a browser to show the pad, before the clock starts without one
HURRY = 10  # seconds before the end, from which on the clock is red
LOOK = """
.ipc-study > .ipc-row { padding-bottom: 8px; gap: 14px; }
.ipc-pad .ipc-clock { flex: 1; }
.ipc-clock .widget-html-content { display: flex; align-items: center; gap: 14px; min-height: 30px; }
.ipc-clock time { min-width: 52px; font-size: 22px; font-variant-numeric: tabular-nums; line-height: 30px; }
.ipc-clock.ipc-hurry time { color: var(--ipc-bad); }
.ipc-clock b { font-weight: 500; color: var(--ipc-bad); }
.ipc-bar { flex: 1; max-width: 300px; height: 4px; border-radius: 2px; background: var(--ipc-line); }
.ipc-bar i { display: block; height: 4px; border-radius: 2px; background: var(--ipc-accent); }
.ipc-hurry .ipc-bar i { background: var(--ipc-bad); }
.ipc-pad.ipc-study :is(.ipc-mood, .ipc-upload, .ipc-tool[title^="Save"], .ipc-panel > :last-child) {
  display: none;
}
.ipc-locked .ipc-panel, .ipc-locked .ipc-toolbar { opacity: .35; }
.ipc-locked, .ipc-locked .ipc-stage { pointer-events: none; cursor: default; }
"""


class TimedPad(Colorizer):
    """A pad that works between `start` and `lock` only, and remembers when what was done.

    Attributes:
        actions: of the participant, each with "seconds" since the start, "event" and its fields.
        shown: set when a browser has the pad.
    """

    def __init__(self, session: Session, *, recommend: bool) -> None:
        self.actions: list[dict[str, Any]] = []
        self.shown = threading.Event()
        self._start: float | None = None
        self._locked = False
        super().__init__(session, recommend=recommend)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return 0.0 if self._start is None else time.monotonic() - self._start

    def start(self) -> None:
        """Let the participant begin."""
        self._start = time.monotonic()

    def lock(self) -> None:
        """Take no more wishes; wait until those that were uttered are fulfilled."""
        self._locked = True
        self._worker.wait(30.0, idle=1)
        self.session.commit()
        switch(self, "ipc-locked", True)

    def _post(self, event: Any) -> None:
        if event in (READY, REFRESH, SILENT):
            if event == READY:
                self.shown.set()
        elif isinstance(event, Failed):
            pass
        elif self._locked or self._start is None:
            return
        elif not _passing(event):
            fields = asdict(event)
            self.actions.append({"seconds": round(self.seconds, 3), "event": type(event).__name__, **fields})
        super()._post(event)


def _passing(event: Any) -> bool:
    """Whether it is one of many on the way of the mouse; the last of them is worth remembering."""
    return (isinstance(event, Pointer) and event.kind == "move") or (
        isinstance(event, Pick) and not event.done
    )


class Study(Shown, Reachable):
    """The study of section 4.2: colorize each photograph realistically, in a minute.

    When the time is up the pad locks, and picture, points and the times of all actions are saved. Who comes
    back under the same name goes on with the next photograph. `ipycolorize.study.study_pairs(folder,
    photographs)` hands the pictures to `RealOrFake`.

    Args:
        photographs: whatever `read_photo` takes, by name, or one after the other with names of their own.
        participant: name or number; it becomes part of files' names.
        folder: for the results of all participants.
        seconds: for each photograph.
        recommend: suggest colours (True), show 48 common ones instead (False), or "alternate".
        network: that helps; a name or file of weights, or a module.
        device: "auto", "cpu", "cuda" or "mps".
        seed: of the whole study; every participant gets an order of their own.

    Raises:
        ValueError: no photographs or two of one name; a participant's name that cannot be a file's, or who
            began with other photographs.
        OSError: the folder cannot be written.
    """

    def __init__(
        self, photographs: Mapping[str, Any] | Iterable[Any], *, participant: str | int, folder: str | Path,
        seconds: float = SECONDS, recommend: Recommend = "alternate", network: Any = "live",
        device: str = "auto", seed: int = 0,
    ) -> None:  # fmt: skip
        self._photos: dict[str, Photo] = named_photos(photographs)
        self._course = Course(
            self._photos, participant=participant, folder=Path(folder), seconds=seconds, recommend=recommend,
            seed=seed,
        )  # fmt: skip
        if isinstance(network, str | Path):
            self._name, self._network = Path(network).stem, load_model(network)
        else:
            self._name, self._network = network.name, network
        self._device, self._seconds = device, seconds
        self._pad: TimedPad | None = None
        self._clock = HTML(_dom_classes=["ipc-clock"])
        self._button = Button(_dom_classes=["ipc-action"])
        press = weakly(self._press)
        self._button.on_click(lambda _: press())
        self._place = Box()
        style = HTML(f"<style>{CSS}{LOOK}</style>", _dom_classes=["ipc-style"])
        row = styled(Box([self._clock, self._button]), "ipc-row")
        super().__init__([style, row, self._place], _dom_classes=["ipc-pad", "ipc-test", "ipc-study"])
        self._worker = Worker(
            weakly(self._handle), merge=lambda old, new: bool(old == new), on_error=weakly(self._fail),
            name="ipycolorize-study",
        )  # fmt: skip
        task = f"Colour each photograph as it may have been. You have {seconds:g} seconds for each."
        self._announce("Welcome back." if self.done else task)

    @property
    def done(self) -> int:
        """How many photographs are finished."""
        return self._course.done

    def close(self) -> None:
        """End the view. What is finished is saved; a photograph under way will be begun anew."""
        self._worker.close()
        for pad in self._place.children:  # a finished one, too, has a thread
            pad.close()
        close(self)

    # -- callbacks, which only post; and the worker's thread ------------------------------------------------

    def _press(self) -> None:
        self._button.layout.visibility = "hidden"
        self._worker.post("save" if self._unsaved else "next")

    @property
    def _unsaved(self) -> bool:
        return self._pad is not None

    def _handle(self, events: list[Any]) -> None:
        for event in events:
            if event == "next" and self._pad is None and self._course.current is not None:
                self._begin()
            elif event == "tick" and self._pad is not None:
                self._tick(self._pad)
            elif event == "save" and self._pad is not None:
                self._save(self._pad)

    def _begin(self) -> None:
        task = self._course.tasks[self._course.done]
        self._say("Preparing the photograph …")
        session = Session(self._photos[task.photograph], self._network, device=self._device)
        session.network_name = self._name  # of the weights, which a module does not know
        pad = TimedPad(session, recommend=task.recommend)
        old, self._place.children = self._place.children, (pad,)
        for part in old:
            part.close()
        pad._worker.wait(60.0, idle=1)
        pad.shown.wait(PATIENCE)
        self._course.began()
        self._pad = pad
        pad.start()
        self._tick(pad)

    def _tick(self, pad: TimedPad) -> None:
        """Show the time that is left, and end it."""
        left = self._seconds - pad.seconds
        if left <= 0:
            pad.lock()
            self._save(pad)
            return
        self._worker.remind(min(left, left % 1 or 1.0), "tick")
        switch(self._clock, "ipc-hurry", left <= HURRY)
        whole = int(left + 0.999)
        share = 100 * left / self._seconds
        self._clock.value = (
            f"<time>{whole // 60}:{whole % 60:02d}</time>"
            f'<span class="ipc-bar"><i style="width:{share:.0f}%"></i></span><span>{self._where()}</span>'
        )

    def _save(self, pad: TimedPad) -> None:
        self._course.finish(pad.session, seconds=min(pad.seconds, self._seconds), actions=pad.actions)
        self._pad = None
        self._announce("Time is up, and your picture is saved.")

    def _where(self) -> str:
        return f"Photograph {self._course.done + 1} of {len(self._course.tasks)}"

    def _announce(self, news: str) -> None:
        """Say what comes next, with the button for it."""
        switch(self._clock, "ipc-hurry", False)
        done, count = self._course.done, len(self._course.tasks)
        if self._course.current is None:
            self._say("Thank you, that was the last photograph. All pictures are saved.")
            self._button.layout.display = "none"
            return
        left = "1 photograph" if count - done == 1 else f"{count - done} photographs"
        self._say(f"{news} {left} to go.")
        self._button.description = "Next photograph" if done else "Start"
        self._button.layout.visibility = "visible"

    def _say(self, text: str) -> None:
        self._clock.value = f'<span role="status">{printable(text)}</span>'

    def _fail(self, error: BaseException) -> None:
        reason = error.strerror if isinstance(error, OSError) else None
        text = html.escape(f"not saved: {reason}." if reason else str(error) or type(error).__name__)
        self._say(f"<b>{text[0].upper()}{text[1:]}</b>")
        self._button.description = "Try again"
        self._button.layout.visibility = "visible"
