"""Networks side by side: the same points on the same photograph, and what each makes of them.

The points live on a board, a session without a network, so that no click waits for one. Each network has a
`Side` with a thread of its own; the mouse has a third kind of thread, which only ever knows its last place.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from ipywidgets import HTML, Box, Dropdown, HBox, VBox
from PIL import Image

from ..baselines.gray import Gray
from ..hints import Hint
from ..image import read_photo
from ..session import SHORT_SIDE, Session
from . import gestures
from .cells import REFRESH
from .controls import Controls, ExportPicture, LoadHints, SaveHints, TypedColor
from .frontend import READY, SILENT, Patience, Shown, advice, host_prefix
from .gestures import Key, Pick, Pointer, Resize, State
from .lifetime import Reachable, weakly
from .offers import Offers
from .overlay import Place
from .parts import Failed, Wishes, close, explained, free_path, printable, said, styled
from .side import Show, Side, Wanted, names_of
from .static import Companion, saved
from .style import CSS
from .swatches import AB, RGB, parse_color
from .view import place_of, view_of
from .worker import Worker

MOST = 4  # pictures beside each other
HEIGHT = 400  # CSS pixels of a picture, at most
GAP = 8  # pixels between pictures in a still
PATIENCE = 5.0  # seconds that the first pictures may take before the widget is displayed
START = "Click on either photograph to add a colour point to both."
SHOWS = {
    "colours": "Colours",
    "weights": "Whose colour: weights",
    "leave-one-out": "Whose colour: leave one out",
}


class Compare(Shown, Reachable):
    """Colorize one photograph with several networks at once, by the same points.

    What is done to one picture is done to all; where the mouse is on one, the others show a cross and the
    colour there. *Whose colour* shows for each pixel the point that coloured it: by the network's own weights
    (`live`), or by leaving each point out.

    Args:
        photo: path, bytes, PIL image, array or `Photo`.
        networks: one to four names or files of weights, or networks.
        device: "auto", "cpu", "cuda" or "mps".
        height: greatest height of a picture on the screen, in CSS pixels.
        short_side: of the networks' grid, as `Session` takes it.

    Raises:
        ValueError: another number of networks.
        PhotoError, WeightsError, DeviceError: as `Session` does.

    Attributes:
        board: the session that holds the points; after changing it from a cell call `refresh`.
        sessions: by the networks' names; read from them what you like, but change the board.
    """

    def __init__(
        self,
        photo: Any,
        networks: Sequence[Any] = ("live", "siggraph17"),
        *,
        device: str = "auto",
        height: int = HEIGHT,
        short_side: int = SHORT_SIDE,
    ) -> None:
        if isinstance(networks, str) or not 1 <= len(networks) <= MOST:
            raise ValueError(f"expected a list of 1 to {MOST} networks, got {networks!r}")
        photo = read_photo(photo)
        self.board = Session(photo, Gray(), device="cpu", short_side=short_side)
        opened = [Session(photo, network, device=device, short_side=short_side) for network in networks]
        self.sessions = dict(zip(names_of(opened), opened, strict=True))
        rows, cols = photo.shape
        self._state = State(size=self.board.default_size, place=(rows // 2, cols // 2))
        self._show: Show = "colours"
        self._bad_text, self._advice = False, ""
        self._sides = [self._side(number, name, height) for number, name in enumerate(self.sessions)]
        self._companion = Companion("colorized photographs")
        self._status = styled(HTML(), "ipc-status")
        self._build(photo.name)
        self._mouse = Worker(
            weakly(self._point),
            merge=lambda old, new: True,
            on_error=weakly(self._fail),
            interval=0.05,
            name="ipycolorize-mouse",
        )
        self._worker = Worker(
            weakly(self._handle),
            merge=_pointless,
            on_error=weakly(self._fail),
            idle=((0.3, weakly(self._settle)), (2.0, weakly(self._rest))),
        )
        post = weakly(self._post)
        self._patience = Patience(lambda: post(SILENT))
        self._sides[0].picture.canvas[0].on_client_ready(weakly(self._answered))
        self._say(START)
        self.refresh()

    def _side(self, number: int, name: str, height: int) -> Side:
        pointer, hover = weakly(self._pointer), weakly(self._hover)
        post = weakly(self._post)
        return Side(
            self.sessions[name],
            name=name,
            height=height,
            on_pointer=lambda event: pointer(number, event),
            on_key=weakly(self._key),
            on_hover=lambda place: hover(number, place),
            on_offer=lambda colors: post((number, colors)),
            post=post,
        )

    def _build(self, name: str) -> None:
        shape, size = self.board.photo.shape, self.board.default_size
        largest = max(3, 2 * size, round(min(shape) / 8))
        post = weakly(self._post)
        self._controls = Controls(post, name=printable(name), size=size, largest=largest)
        weights = any(side.has_weights for side in self._sides)
        offered = [(text, show) for show, text in SHOWS.items() if weights or show != "weights"]
        choice = styled(Dropdown(options=offered, value="colours"), "ipc-show")
        wish = Wishes(post)
        choice.observe(lambda change: wish(("show", change["new"])), "value")
        self._offers = Offers(list(self.sessions), lambda ab: post(Pick(ab)))
        panel = self._controls.panel
        colour, suggested, *rest = panel.children
        panel.children = (colour, *self._offers.sections, *rest)
        close(suggested)  # of one network; here each has its own
        toolbar = styled(HBox([self._controls.toolbar, choice]), "ipc-compare-tools")
        pictures = styled(Box([side.box for side in self._sides]), "ipc-sides")
        view = styled(VBox([pictures, self._status]), "ipc-view", "ipc-compare")
        body = styled(Box([view, panel]), "ipc-body")
        super().__init__(
            [styled(HTML(f"<style>{CSS}</style>"), "ipc-style"), toolbar, body], _dom_classes=["ipc-pad"]
        )

    # -- for cells ------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what the board holds, after it was changed from a cell."""
        self._post(REFRESH)

    def rgb(self) -> dict[str, np.ndarray]:
        """The colorized photographs by network, ``(H, W, 3)`` uint8 at full size."""
        self.wait()
        return {name: session.rgb() for name, session in self.sessions.items()}

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait until every network has coloured the present points; False if that takes longer."""
        return self._worker.wait(seconds, idle=0) and all(side.wait(seconds) for side in self._sides)

    def snapshot(self) -> Image.Image:
        """The pictures with their points, side by side."""
        self.wait()
        return self._stills()

    def _stills(self) -> Image.Image:
        gray = self.board.gray(self._sides[0].picture.sent_shape)
        stills = [side.still(gray) for side in self._sides]
        width, height = stills[0].size
        both = Image.new("RGB", (len(stills) * (width + GAP) - GAP, height), "white")
        for number, still in enumerate(stills):
            both.paste(still, (number * (width + GAP), 0))
        return both

    def close(self) -> None:
        """End all threads and widgets; the board and the sessions live on."""
        if not hasattr(self, "_worker"):  # the constructor failed half way
            return
        self._patience.end()
        for worker in (self._mouse, self._worker):
            worker.close()
        for side in self._sides:
            side.close()
        for part in (self._controls.gamut.events, self):
            close(part)

    def _ipython_display_(self, **_: Any) -> None:
        self.wait(PATIENCE)
        self._companion.show(self._repr_mimebundle_(), self._stills())

    # -- callbacks: post and return -------------------------------------------------------------------------

    def _post(self, event: Any) -> None:
        self._worker.post(event)

    def _pointer(self, number: int, event: Pointer) -> None:
        if event.sample and event.kind == "down" and event.button == 0:
            self._post(Pick(self._sides[number].ab_at(event.row, event.col)))  # of the picture clicked on
        else:
            self._post(event)

    def _hover(self, number: int, place: Place | None) -> None:
        self._mouse.post((number, place))

    def _key(self, key: str, ctrl: bool, shift: bool) -> None:
        if key == "Tab":
            self._controls.focus(backwards=shift)
        else:
            scale = self._sides[0].picture.frame.scale
            self._post(Key(key, ctrl=ctrl, shift=shift, step=max(1, round(2 / scale))))

    def _answered(self) -> None:
        """A browser shows the pictures; what was said for want of one is no longer so."""
        self._patience.end()
        self._post(READY)

    # -- the mouse's thread ---------------------------------------------------------------------------------

    def _point(self, events: list[tuple[int, Place | None]]) -> None:
        number, place = events[-1]
        first = None if place is None or len(self._sides) == 1 else self._sides[0].ab_at(*place)
        for other, side in enumerate(self._sides):
            side.point_at(place, here=other == number, beside=first if other else None)

    # -- the worker's thread --------------------------------------------------------------------------------

    def _handle(self, events: list[Any]) -> None:
        failures: list[BaseException] = []
        message: str | None = None
        for event in events:
            if _is_offer(event):
                self._offers.show(*event)
                continue
            if event == READY and not self._advice:
                continue  # what stands there is still so
            try:
                message = self._apply(event)
            except BaseException as error:  # whatever it is, the widget goes on
                message = ""
                failures.append(error)
        self._state = gestures.hold(self.board, self._state)
        if message is not None:
            self._tell()
            self._say((message or self._summary()) + self._advice)
        self._show_controls(events[-1])
        if failures:
            self._fail(failures[0])

    def _apply(self, event: Any) -> str:
        """Do what an event asks for; returns what the status line shall say about it, as HTML."""
        match event:
            case "silent":
                if not self._patience.ended:
                    self._advice = advice(host_prefix(), silent=True).html()
            case "ready":
                self._advice = ""
            case ("show", show) if show in get_args(Show):
                self._show = show
            case TypedColor(text) if text.strip():
                self._bad_text = True
                rgb = parse_color(text)
                self._bad_text = False
                self._state = gestures.react(self.board, self._state, Pick(self.board.ab_of(rgb)))
                return html.escape(self._state.message)
            case Failed(error):
                raise error
            case SaveHints(name):
                path = free_path(name)
                self.board.save(path)
                return saved(path, "Points saved")
            case LoadHints(name, content):
                self.board.load(content)
                kept = " Their mood shows in a Colorizer, not here." if self.board.mood else ""
                return html.escape(f"Points loaded from {name}.{kept}")
            case ExportPicture(name):
                self._state = gestures.settle(self.board, self._state)
                self._tell()
                for side in self._sides:
                    side.export(Path(printable(name)).expanduser())
            case Pointer() | Key() | Pick() | Resize() | gestures.Reach() | gestures.Command():
                self._state = gestures.react(self.board, self._state, event)
                return html.escape(self._state.message)
        return ""

    def _tell(self) -> None:
        """Tell every side what to show."""
        state = self._state
        _, place = place_of(self.board, state)
        wanted = Wanted(
            self.board.hints.items, state.selected, place, self._show, before=state.before, live=state.live
        )
        for side in self._sides:
            side.show(wanted)

    def _summary(self) -> str:
        count = len(self.board.hints)
        if not count:
            return START
        points = "1 point" if count == 1 else f"{count} points"
        explained = "" if self._show == "colours" else " · point at a pixel to see whose colour it has"
        return points + explained

    def _show_controls(self, event: Any) -> None:
        board, side = self.board, self._sides[0]

        def colour(hint: Hint) -> tuple[AB, RGB]:
            chosen, place = hint.weight > 0, (hint.row, hint.col)
            return (hint.ab, board.color_of(hint)) if chosen else (side.ab_at(*place), side.color_at(*place))

        changed, nothing = bool(board.hints.items), lambda row, col: ()  # each network suggests its own
        view = view_of(board, self._state, colour=colour, suggested=nothing, changed=changed)
        self._controls.show(
            view, keep_sliders=isinstance(event, Resize | gestures.Reach), keep_text=self._bad_text
        )
        self._bad_text = False

    def _settle(self) -> None:
        """After a pause: make a drag one step of undo, and replace drafts by the real pictures."""
        if self._state.live and self._state.drag is None:
            self._state = gestures.settle(self.board, self._state)
            self._tell()

    def _rest(self) -> None:
        """After a longer pause: renew the picture that stays in the notebook."""
        if self._companion.shown:
            self._companion.update(self._stills())

    def _say(self, text: str) -> None:
        self._status.value = said(text)

    def _fail(self, error: BaseException) -> None:
        self._say(explained(error))


def _is_offer(event: Any) -> bool:
    return isinstance(event, tuple) and isinstance(event[0], int)


def _pointless(old: Any, new: Any) -> bool:
    """Whether a waiting event can go because of the one right after it."""
    if _is_offer(old) and _is_offer(new):
        return bool(old[0] == new[0])
    return gestures.pointless(old, new) or bool(old == new == REFRESH)
