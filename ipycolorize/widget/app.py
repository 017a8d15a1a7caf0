"""The pad: a photograph, its points and the colours to choose from, as one widget.

Everything that happens becomes an event for the worker's thread: `gestures.react` changes the session, then
picture and controls are brought up to date with it. Whatever fails there shows in the status line.
"""

from __future__ import annotations

import html
import time
from dataclasses import replace
from typing import Any

import numpy as np
from ipywidgets import HTML, Box, VBox

from ..color import to_hex
from ..image import read_photo
from ..mood import USUAL_VIVIDNESS, Mood
from ..session import Session
from . import gestures, moods
from .canvas import Picture
from .cells import REFRESH
from .choices import common, suggested
from .controls import Controls, ExportPicture, LoadHints, SaveHints, TypedColor
from .frontend import READY, SILENT, Patience, Shown, advice, host_prefix
from .gestures import Key, Pick, Pointer, Resize, State
from .lifetime import Reachable, weakly
from .marks import Marks
from .mood import ChooseReference, MoodPanel
from .pacing import LATER, ROOM, Paced
from .parts import Failed, close, explained, free_path, printable, said
from .static import Companion, saved
from .style import CSS
from .swatches import parse_color
from .view import view_of
from .words import points, summary
from .worker import Worker

PASSING = (READY, SILENT, ROOM)  # what no person does, and about which nothing is to be said


class Colorizer(Paced, Shown, Reachable):
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
        self.session = (
            photo
            if isinstance(photo, Session)
            else Session(photo, **chosen, device=device, vividness=USUAL_VIVIDNESS)
        )
        shape = self.session.photo.shape
        self._state = State(size=self.session.default_size, place=(shape[0] // 2, shape[1] // 2))
        self._drawn: tuple[Any, Mood, bool] | None = (
            None  # hints, mood, before/after of what the screen shows
        )
        self._draft = self._controls_stale = self._still_stale = False
        self._measured: tuple[Any, Mood] | None = None  # hints and mood of the picture that was measured
        self._marks = Marks(self.session)
        self._summary = self._message = self._advice = ""
        self._failed = False  # and the status line says why
        self._last: Any = None  # event of a person
        self._bad_text = False  # the colour field holds something that is no colour: leave it there
        self._choose = suggested if recommend else common
        self._companion = Companion()
        post = weakly(self._post)
        self._picture = Picture(
            shape,
            height=height,
            on_pointer=post,
            post=post,
            on_key=weakly(self._key),
            on_ready=weakly(self._answered),
            on_room=weakly(self._catch_up),
        )
        self._controls = Controls(
            post,
            name=printable(self.session.photo.name),
            size=self.session.default_size,
            largest=max(3, 2 * self.session.default_size, round(min(shape) / 8)),
            recommend=recommend,
        )
        self._status = HTML(_dom_classes=["ipc-status"])
        network = self.session.network
        reads = "points only" if network.reads_points else "the photograph alone"
        reason = f"{self.session.network_name} reads {reads}; open the photograph with live for moods"
        self._mood = MoodPanel(post, unavailable="" if network.reads_global_hints else reason)
        view = VBox([self._picture.box, self._status, self._mood.box], _dom_classes=["ipc-view"])
        width = self._picture.css[1]
        view.layout.max_width = f"{max(width, 300)}px"
        view.layout.flex = f"1 1 {min(max(width, 300), 360)}px"
        body = Box([view, self._controls.panel], _dom_classes=["ipc-body"])
        style = HTML(f"<style>{CSS}</style>", _dom_classes=["ipc-style"])
        super().__init__([style, self._controls.toolbar, body], _dom_classes=["ipc-pad"])
        self._say("Preparing the photograph …")
        self._worker = Worker(
            weakly(self._handle),
            merge=_pointless,
            on_error=weakly(self._fail),
            idle=(
                (0.3, weakly(self._settle)),
                (2.0, weakly(self._rest)),
                (LATER, weakly(self._catch_breath)),
            ),
        )
        self._patience = Patience(lambda: post(SILENT))
        self._post(REFRESH)

    # -- its place in the notebook --------------------------------------------------------------------------

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
            picture.flow.canvas,
            picture.image,
            self,
        ):
            close(part)

    def _ipython_display_(self, **_: Any) -> None:
        self._companion.show(self._repr_mimebundle_(), self.snapshot(), edited=self._edited)

    # -- callbacks: post and return -------------------------------------------------------------------------

    def _answered(self) -> None:
        """A browser shows the pad; said here already, for the worker may be busy until patience is over."""
        self._patience.end()
        self._post(READY)

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
        failures: list[BaseException] = []
        message = ""
        for event in events:
            try:
                message = self._apply(event) or message
            except BaseException as error:  # whatever it is, the pad goes on
                failures.append(error)
        self._state = gestures.hold(self.session, self._state)
        wishes = [event for event in events if event not in PASSING]
        if wishes:
            self._message, self._failed, self._last = message, False, wishes[-1]
        for step in self._if_room(
            lambda: self._show_mood(self._last),
            lambda: self._show(began),
            lambda: self._show_controls(self._last),
        ):
            try:
                step()
            except BaseException as error:
                failures.append(error)
        if failures:
            self._fail(failures[0])
        elif not self._failed:
            self._say((self._message or self._summary) + self._advice)

    def _apply(self, event: Any) -> str:
        """Do what an event asks for; returns what the status line shall say about it, as HTML."""
        match event:
            case "ready":
                self._advice = ""
                self._picture.replay()
            case "silent":
                if not self._patience.ended:
                    self._advice = advice(host_prefix(), silent=True).html()
            case "refresh" | "room":
                pass
            case Failed(error):
                raise error
            case TypedColor(text) if text.strip():
                return self._type(text)
            case SaveHints(name):
                path = free_path(name)
                self.session.save(path)
                return saved(path, f"{points(len(self.session.hints))} saved")
            case LoadHints(name, content):
                self.session.load(content)
                return html.escape(f"{points(len(self.session.hints))} loaded from {name}.")
            case ExportPicture(name):
                self._state = gestures.settle(self.session, self._state)
                height, width = self.session.photo.shape
                path = free_path(name)
                self.session.export(path)
                return saved(path, f"Picture of {width} × {height} pixels written")
            case ChooseReference(name, content):
                photo = replace(read_photo(content), name=name)
                self._state = moods.react(self.session, self._state, moods.SetReference(photo))
                self._mood.remember(self.session.mood.histogram or (), photo.rgb)
            case moods.MoodEvent():
                self._state = moods.react(self.session, self._state, event)
            case Pointer() | Key() | Pick() | Resize() | gestures.Reach() | gestures.Command():
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
        marks = [] if before else self._marks.of(state.selected, fresh=False)
        current = self._drawn == (hints, mood, before) and (state.live or not self._draft)
        if self._drawn is None:
            self._picture.draw(rgb=session.gray(self._picture.sent_shape))
        if current or not state.live:
            self._picture.draw(marks=marks)  # points show at once, before the network has run
        if current:
            return
        rgb = self._wanted()
        fresh = [] if before else self._marks.of(state.selected)
        stale = state.live or fresh != marks
        self._picture.draw(rgb=rgb, marks=fresh if stale else None, draft=state.live)
        self._drawn, self._draft, self._still_stale = (hints, mood, before), state.live, True
        milliseconds = 1000 * (time.perf_counter() - began)
        self._summary = html.escape(summary(session, milliseconds))

    def _show_controls(self, event: Any = None) -> None:
        """Bring the controls up to date, unless newer events wait: suggestions can come later."""
        self._controls_stale = self._worker.pending
        if self._controls_stale:
            return
        session = self.session
        view = view_of(
            session,
            self._state,
            colour=lambda hint: (session.present_ab(hint), session.color_of(hint)),
            suggested=lambda row, col: self._choose(session, row, col),
            changed=self._edited,
        )
        self._controls.show(
            view, keep_sliders=isinstance(event, Resize | gestures.Reach), keep_text=self._bad_text
        )
        self._bad_text = False

    def _settle(self) -> None:
        """After a pause: make the drag one step of undo, and replace a draft by the real picture."""
        if self._state.drag is None and not (self._state.grip and self._state.grip.held):
            self._state = gestures.settle(self.session, self._state)
        if self._draft and not self._picture.flow.room():
            self._wait_for_room()
        elif self._draft:
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

    def _say(self, text: str) -> None:
        self._status.value = said(text)

    def _fail(self, error: BaseException) -> None:
        self._failed = True
        self._say(explained(error))


def _pointless(old: Any, new: Any) -> bool:
    """Whether a waiting event can go because of the one right after it."""
    match old, new:
        case moods.MoodEvent(), moods.MoodEvent():
            return moods.pointless(old, new)
    return gestures.pointless(old, new) or bool(old == new and old in (*PASSING, REFRESH))
