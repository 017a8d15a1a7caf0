"""The pad: a photograph, its points and the colours to choose from, as one widget.

Everything that happens becomes an event for the worker's thread: `gestures.react` changes the session, then
picture and controls are brought up to date with it. Whatever fails there shows in the status line.
"""

from __future__ import annotations

import html
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ipywidgets import HTML, Box, VBox
from PIL import Image

from ..color import to_hex
from ..gamut import displayed
from ..hints import Hint
from ..image import read_photo
from ..mood import Mood
from ..session import Session
from . import gestures, moods
from .canvas import Mark, Picture
from .choices import common, suggested
from .controls import Controls, ExportPicture, LoadHints, SaveHints, TypedColor, View
from .frontend import Patience, Shown, advice, host_prefix
from .gestures import Key, Pick, Pointer, Resize, State
from .mood import ChooseReference, MoodPanel
from .parts import close, explained, said
from .static import Companion, saved
from .style import CSS
from .swatches import parse_color
from .worker import Worker

START = "Click anywhere on the photograph to add a colour point."
AUTOMATIC = "This network colours by itself: points change nothing. Open the photograph with live for points."
READY = "ready"  # a browser has (re)connected
SILENT = "silent"  # no browser has connected
REFRESH = "refresh"  # the session was changed from outside


class Colorizer(Shown, VBox):
    """Colorize a photograph by clicking on it: in JupyterLab, Notebook 7, Voila and Solara.

    Not in marimo, which shows anywidgets only (`snapshot` gives the picture there), nor in Panel, which loses
    the browser's binary messages; VS Code and Colab have not been tried.

    Click on the photograph to add a point, in the colour that the network gives to the place by itself, and
    pick its colour on the right. Drag a point to move it; right click or Delete removes it; Shift click takes
    a colour from the picture for the selected point. The mood below the picture asks for colours of the
    whole: those of a reference photograph or of a histogram made by hand, and a saturation.

    Args:
        photo: path, bytes, PIL image, array as `read_photo` takes it, `Photo`, or a `Session` to go on with.
        network: name or file of weights, or a module; None takes "live", which comes with the package.
        device: "auto", "cpu", "cuda" or "mps".
        height: greatest height of the picture on the screen, in CSS pixels.
        recommend: offer the colours likely at a place; False: 48 common ones, the control in section 4.2.

    Attributes:
        session: photograph, hints and network; after changing it from a cell call `refresh`.
    """

    def __init__(
        self, photo: Any, network: Any = None, *, device: str = "auto", height: int | None = None,
        recommend: bool = True,
    ) -> None:  # fmt: skip
        if isinstance(photo, Session) and network is not None:
            raise TypeError("expected a photo and a network, or a Session, which has its network; got both")
        if height is not None and height < 16:
            raise ValueError(f"expected a height of at least 16 CSS pixels, got {height}")
        chosen = {} if network is None else {"network": network}
        self.session = photo if isinstance(photo, Session) else Session(photo, **chosen, device=device)
        shape = self.session.photo.shape
        self._state = State(size=self.session.default_size, place=(shape[0] // 2, shape[1] // 2))
        self._drawn: tuple[Any, Mood, bool] | None = (
            None  # hints, mood, before/after of the picture on the screen
        )
        self._draft = self._controls_stale = self._still_stale = False
        self._measured: tuple[Any, Mood] | None = None  # hints and mood of the picture that was measured
        self._looks: dict[Hint, tuple[int, int, int]] = {}
        self._summary = ""
        self._bad_text = False  # the colour field holds something that is no colour: leave it there
        self._choose = suggested if recommend else common
        self._companion = Companion()
        self._picture = Picture(
            shape, height=height, on_pointer=self._post, on_key=self._key, on_ready=lambda: self._post(READY)
        )
        self._controls = Controls(
            self._post,
            name=self.session.photo.name,
            size=self.session.default_size,
            largest=max(3, 2 * self.session.default_size, round(min(shape) / 8)),
            recommend=recommend,
        )
        self._status = HTML(_dom_classes=["ipc-status"])
        network = self.session.network
        reads = "points only" if network.reads_points else "the photograph alone"
        reason = f"{self.session.network_name} reads {reads}; open the photograph with live for moods"
        self._mood = MoodPanel(self._post, unavailable="" if network.reads_global_hints else reason)
        view = VBox([self._picture.box, self._status, self._mood.box], _dom_classes=["ipc-view"])
        width = self._picture.css[1]
        view.layout.max_width = f"{max(width, 300)}px"
        view.layout.flex = f"1 1 {min(max(width, 300), 360)}px"
        body = Box([view, self._controls.panel], _dom_classes=["ipc-body"])
        style = HTML(f"<style>{CSS}</style>", _dom_classes=["ipc-style"])
        super().__init__([style, self._controls.toolbar, body], _dom_classes=["ipc-pad"])
        self._say("Preparing the photograph …")
        self._worker = Worker(
            self._handle, merge=_pointless, on_error=self._fail, idle=((0.3, self._settle), (2.0, self._rest))
        )
        self._patience = Patience(lambda: self._post(SILENT))
        self._post(REFRESH)

    # -- for cells ------------------------------------------------------------------------------------------

    def rgb(self) -> np.ndarray:
        """The colorized photograph, ``(H, W, 3)`` uint8 at full size."""
        return self.session.rgb()

    def save(self, path: str | Path) -> None:
        """Write the points as JSON."""
        self.session.save(path)

    def load(self, path: str | Path) -> None:
        """Replace the points by those of a JSON file, which can be undone."""
        self.session.load(path)
        self.refresh()

    def export(self, path: str | Path) -> None:
        """Write the colorized photograph at full size, as .png, .jpg or .tif."""
        self.session.export(path)

    def refresh(self) -> None:
        """Show what the session holds, after it was changed from a cell."""
        self._post(REFRESH)

    def snapshot(self) -> Image.Image:
        """The picture with its points, as on the screen."""
        return self._picture.still(self.session.rgb(self._picture.sent_shape), self._marks())

    def freeze(self) -> None:
        """Replace the widget in the notebook by its picture, and close it."""
        self._companion.freeze(self.snapshot())
        self.close()

    def close(self) -> None:
        """End the pad: its thread and all its widgets. The session and its points live on."""
        if not hasattr(self, "_worker"):  # the constructor failed half way
            return
        self._worker.close()
        self._patience.end()
        picture = self._picture
        for part in (
            picture.events,
            self._controls.gamut.events,
            self._mood.bars.events,
            picture.acknowledgement.canvas,
            picture.image,
            self,
        ):
            close(part)

    def _ipython_display_(self, **_: Any) -> None:
        self._companion.show(self._repr_mimebundle_(), self.snapshot(), edited=self._edited)

    @property
    def _edited(self) -> bool:
        """Whether there is anything to lose."""
        return bool(self.session.hints.items) or self.session.mood != Mood()

    # -- callbacks: post and return -------------------------------------------------------------------------

    def _post(self, event: Any) -> None:
        self._worker.post(event)

    def _key(self, key: str, ctrl: bool, shift: bool) -> None:
        if key == "Tab":  # the canvas swallows it: hand the keyboard on, so that nobody is caught
            self._controls.focus(backwards=shift)
        else:
            self._post(Key(key, ctrl=ctrl, shift=shift, step=max(1, round(2 / self._picture.frame.scale))))

    # -- the worker's thread --------------------------------------------------------------------------------

    def _handle(self, events: list[Any]) -> None:
        began = time.perf_counter()
        failures: list[Exception] = []
        message = ""
        for event in events:
            try:
                message = self._apply(event) or message
            except Exception as error:
                failures.append(error)
        self._state = gestures.hold(self.session, self._state)
        last = events[-1]
        for step in (
            lambda: self._show_mood(last),
            lambda: self._show(began),
            lambda: self._show_controls(last),
        ):
            try:
                step()
            except Exception as error:
                failures.append(error)
        if failures:
            self._fail(failures[0])
        else:
            self._say(message or self._summary)

    def _apply(self, event: Any) -> str:
        """Do what an event asks for; returns what the status line shall say about it, as HTML."""
        match event:
            case "ready":
                self._patience.end()
                self._picture.replay()
            case "silent":
                return self._summary + advice(host_prefix(), silent=True).html()
            case "refresh":
                pass
            case TypedColor(text) if text.strip():
                return self._type(text)
            case SaveHints(name):
                self.session.save(name)
                return saved(Path(name), f"{_points(len(self.session.hints))} saved")
            case LoadHints(name, content):
                self.session.load(content)
                return html.escape(f"{_points(len(self.session.hints))} loaded from {name}.")
            case ExportPicture(name):
                self._state = gestures.settle(self.session, self._state)
                height, width = self.session.photo.shape
                self.session.export(name)
                return saved(Path(name), f"Picture of {width} × {height} pixels written")
            case ChooseReference(name, content):
                photo = replace(read_photo(content), name=name)
                self._state = moods.react(self.session, self._state, moods.SetReference(photo))
                self._mood.remember(self.session.mood.histogram or (), photo.rgb)
            case moods.MoodEvent():
                self._state = moods.react(self.session, self._state, event)
            case Pointer() | Key() | Pick() | Resize() | gestures.Command():
                self._state = gestures.react(self.session, self._state, event)
                return html.escape(self._state.message)
        return ""

    def _type(self, text: str) -> str:
        try:
            rgb = parse_color(text)
        except ValueError:
            self._bad_text = True
            raise
        self._state = gestures.react(self.session, self._state, Pick(self.session.ab_of(rgb)))
        if self._state.selected is None:
            return html.escape(self._state.message)
        looks = self.session.color_of(self.session.hints[self._state.selected])
        if max(abs(one - other) for one, other in zip(rgb, looks, strict=True)) <= 2:
            return ""
        return html.escape(f"{to_hex(rgb)} at the lightness of this place is {to_hex(looks)}.")

    def _marks(self, *, fresh: bool = True) -> list[Mark]:
        """The points as they are drawn; one without a colour shows the picture's, or the last known of it."""
        hints, looks = tuple(self.session.hints), self._looks
        self._looks = {
            hint: looks[hint]
            if hint in looks and (hint.weight > 0 or not fresh)
            else self.session.color_of(hint)
            for hint in hints
        }
        selected = self._state.selected
        return [Mark(hint.row, hint.col, hint.size, self._looks[hint], hint.id == selected) for hint in hints]

    def _wanted(self) -> np.ndarray:
        """The picture that the screen shall show."""
        paint = self.session.gray if self._state.before else self.session.rgb
        return paint(self._picture.sent_shape)

    def _show_mood(self, event: Any = None) -> None:
        self._mood.show(self.session.mood, self._state, last=event)

    def _show(self, began: float) -> None:
        """Bring picture and points up to date."""
        state, session = self._state, self.session
        hints, mood, before = session.hints.items, session.mood, state.before
        marks = [] if before else self._marks(fresh=False)
        current = self._drawn == (hints, mood, before)
        if self._drawn is None:
            self._picture.draw(rgb=session.gray(self._picture.sent_shape))
        if current or not state.live:
            self._picture.draw(marks=marks)  # points show at once, before the network has run
        if current:
            return
        waiting = time.perf_counter()
        self._picture.acknowledgement.wait()
        began += time.perf_counter() - waiting
        rgb = self._wanted()
        fresh = [] if before else self._marks()
        stale = state.live or fresh != marks
        self._picture.draw(rgb=rgb, marks=fresh if stale else None, draft=state.live)
        self._drawn, self._draft, self._still_stale = (hints, mood, before), state.live, True
        milliseconds = 1000 * (time.perf_counter() - began)
        where = f"{session.network_name} on {session.device}"
        what = " · ".join([*(["Mood"] if mood else []), *([_points(len(hints))] if hints else [])])
        if not session.network.reads_points:
            said = f"{AUTOMATIC} ({where})"
        else:
            said = f"{what} · {milliseconds:.0f} ms · {where}" if what else f"{START} ({where})"
        self._summary = html.escape(said)

    def _show_controls(self, event: Any = None) -> None:
        """Bring the controls up to date, unless newer events wait: suggestions can come later."""
        self._controls_stale = self._worker.pending
        if self._controls_stale:
            return
        state, session = self._state, self.session
        hint = None if state.selected is None else session.hints[state.selected]
        place = state.place if hint is None else (hint.row, hint.col)
        lightness = session.lightness_at(*place)
        view = View(
            lightness=lightness,
            ab=None if hint is None else session.present_ab(hint),
            rgb=None if hint is None else session.color_of(hint),
            size=state.size if hint is None else hint.size,
            suggested=self._choose(session, *place),
            recent=tuple((rgb := displayed(lightness, ab)[0], ab, to_hex(rgb)) for ab in state.recent),
            changed=self._edited,
            can_undo=session.can_undo or state.live,
            can_redo=session.can_redo,
            before=state.before,
        )
        self._controls.show(view, keep_size=isinstance(event, Resize), keep_text=self._bad_text)
        self._bad_text = False

    def _settle(self) -> None:
        """After a pause: make the drag one step of undo, and replace a draft by the real picture."""
        if self._state.drag is None and not (self._state.grip and self._state.grip.held):
            self._state = gestures.settle(self.session, self._state)
        if self._draft:
            self._picture.draw(rgb=self._wanted())
            self._draft = False
        if self._controls_stale:
            self._show_controls()
        mood = self.session.mood
        now = (self.session.hints.items, mood)
        wanted = self._state.mood_open and (mood.histogram is None or mood.saturation is None)
        if wanted and self._measured != now and not self._worker.pending:
            self._state = replace(self._state, present=moods.present(self.session))
            self._measured = now
            self._show_mood()

    def _rest(self) -> None:
        """After a longer pause: renew the picture that stays in the notebook."""
        if self._still_stale and self._companion.shown:
            self._companion.update(self.snapshot(), edited=self._edited)
            self._still_stale = False

    def _say(self, text: str) -> None:
        self._status.value = said(text)

    def _fail(self, error: Exception) -> None:
        self._say(explained(error))


def _pointless(old: Any, new: Any) -> bool:
    """Whether a waiting event can go because of the one right after it."""
    match old, new:
        case moods.MoodEvent(), moods.MoodEvent():
            return moods.pointless(old, new)
    return gestures.pointless(old, new) or bool(old == new and old in (READY, REFRESH))


def _points(count: int) -> str:
    return "1 point" if count == 1 else f"{count} points"
