"""One network's picture among several: a session, a thread of its own, what it says and what lies over it.

A side is told what to show (`Wanted`), always as a whole: the newest replaces what still waits, so a slow
network skips states and never holds up a quick one. Where the mouse is shows in an overlay of plain HTML: it
costs no drawing, and no network is asked.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ipywidgets import HTML, VBox
from PIL import Image

from ..color import rgb_to_lab
from ..files import free_name
from ..gamut import displayed
from ..hints import Hint
from ..influence import Influence, Kind, influence, owner_map, tint
from ..models.live import Live
from ..session import Session
from .canvas import Mark, Picture
from .choices import Colors, suggested
from .controls import ExportPicture
from .gestures import Pointer
from .overlay import LIGHTNESS, Overlay, Place
from .parts import Post, close, explained, printable, said, styled
from .static import saved
from .swatches import AB, RGB
from .worker import Worker

Show = Literal["colours", "weights", "leave-one-out"]
READY = "ready"  # a browser has (re)connected
ROOM = "room"  # the way to the browser is free again


@dataclass(frozen=True)
class Wanted:
    """What a side shall show.

    Attributes:
        hints: all points, oldest first.
        selected: id of one of them.
        place: (row, col) to suggest colours for.
        show: the colours, or whose they are.
        before: the grey photograph instead.
        live: more of it comes at once: a draft will do.
    """

    hints: tuple[Hint, ...]
    selected: int | None
    place: Place
    show: Show
    before: bool
    live: bool


class Side:
    """One network on a photograph.

    Args:
        session: with this network.
        name: of the network, as it is shown.
        height: greatest height of the picture in CSS pixels.
        on_pointer, on_key: as `Picture` takes them.
        on_hover: called with (row, col) under the mouse, or None.
        on_offer: called with the colours that the network suggests, whenever they may have changed.
        post: takes what a callback fails with.
    """

    def __init__(
        self,
        session: Session,
        *,
        name: str,
        height: int,
        on_pointer: Callable[[Pointer], None],
        on_key: Callable[[str, bool, bool], None],
        on_hover: Callable[[Place | None], None],
        on_offer: Callable[[Colors], None],
        post: Post,
    ) -> None:
        self.session, self.name = session, name
        self._on_offer = on_offer
        self._wanted: Wanted | None = None
        self._drawn: Wanted | None = None
        self._found: Influence | None = None
        self._took = 0.0  # milliseconds of the last change of the points
        self._colors: np.ndarray | None = None  # the picture as it was painted last, whatever is shown
        self._behind = False  # the screen is, for want of room on the way there
        self._title = styled(HTML(f"<b>{html.escape(printable(name))}</b>"), "ipc-name")
        self._status = styled(HTML(), "ipc-status")
        self._overlay = Overlay(session.photo.shape, self.color_at, self.ab_at)
        self.picture = Picture(
            session.photo.shape,
            height=height,
            on_pointer=on_pointer,
            post=post,
            on_key=on_key,
            on_ready=lambda: self._worker.post(READY),
            on_room=self._catch_up,
            on_hover=on_hover,
        )
        self.picture.box.children = (*self.picture.box.children, self._overlay.layer)
        self.box = styled(
            VBox([self._title, self.picture.box, self._overlay.reading, self._status]), "ipc-side"
        )
        self.box.layout.max_width = f"{max(300, self.picture.css[1])}px"
        self._say("Preparing the photograph …")
        self._worker = Worker(
            self._handle,
            merge=_pointless,
            on_error=self._fail,
            idle=((0.1, self._offer),),
            name=f"ipycolorize-{name}",
        )

    @property
    def has_weights(self) -> bool:
        """Whether the network colours by weights that can be shown."""
        return isinstance(self.session.network, Live)

    # -- from any thread ------------------------------------------------------------------------------------

    def show(self, wanted: Wanted) -> None:
        """Show a state: the points at once, the picture when the network is done."""
        self._wanted = wanted
        if self.picture.flow.room():
            self._draw_marks(wanted)
        else:
            self._behind = True
        self._worker.post(wanted)

    def _catch_up(self) -> None:
        """The browser has shown a picture; on any thread."""
        if self._behind:
            self._worker.post(ROOM)

    def export(self, path: Path) -> None:
        """Write the picture at full size; what came of it shows in the status line.

        Args:
            path: china_colorized.png becomes china_colorized_live.png, a file of this network's.
        """
        own = path.with_name(f"{path.stem}_{self.name.replace(' ', '_')}{path.suffix}")
        self._worker.post(ExportPicture(str(own)))

    def color_at(self, row: int, col: int) -> RGB:
        """The colour on the screen, of what was painted last; grey before."""
        if self._colors is None:
            return displayed(self.session.lightness_at(row, col), (0.0, 0.0))[0]
        (height, width), (rows, cols) = self.session.photo.shape, self._colors.shape[:2]
        red, green, blue = self._colors[row * rows // height, col * cols // width].tolist()
        return red, green, blue

    def ab_at(self, row: int, col: int) -> AB:
        """The same as (a, b)."""
        _, a, b = rgb_to_lab(np.array(self.color_at(row, col), np.uint8)).tolist()
        return a, b

    def point_at(self, place: Place | None, *, here: bool, beside: AB | None = None) -> None:
        """Show where the mouse is, on this picture or another.

        Args:
            place: (row, col) under it; None where it is nowhere.
            here: it is on this picture.
            beside: (a, b) at the same place of the picture to compare with.
        """
        found = self._found if self._drawn is not None and self._drawn.show != "colours" else None
        if place is None:
            self._overlay.clear()
        elif found is None:
            self._overlay.show_color(place, here=here, beside=beside)
        else:
            self._overlay.show_owners(place, found, here=here)

    def still(self, otherwise: np.ndarray) -> Image.Image:
        """The picture as it was painted last, with its points; another where none was painted yet."""
        rgb = otherwise if self._colors is None else self._colors
        return self.picture.still(rgb, [] if self._wanted is None else self._marks(self._wanted))

    def wait(self, seconds: float) -> bool:
        """Wait until everything is shown and the suggestions are out; False if that takes longer."""
        return self._worker.wait(seconds)

    def close(self) -> None:
        """End the thread and all widgets."""
        self._worker.close()
        for part in (
            self.picture.events,
            self.picture.flow.canvas,
            self.picture.image,
            self.box,
        ):
            close(part)

    # -- the thread -----------------------------------------------------------------------------------------

    def _handle(self, events: list[Any]) -> None:
        if READY in events:
            self.picture.replay()
        wanted = self._wanted  # another thread may replace it
        if wanted is not None:
            with self.session.lock:  # at once, whether they are painted now or not: what is exported has them
                self.session.hints = replace(self.session.hints, items=wanted.hints)
            self._paint(wanted)
        for event in events:
            if isinstance(event, ExportPicture):
                path = free_name(Path(event.name))
                self.session.export(path)
                self._say(saved(path, "Written"))

    def _paint(self, wanted: Wanted) -> None:
        if not self.picture.flow.room():
            self._behind = True
            self._worker.remind(self.picture.flow.patience, ROOM)
            return
        if self._behind:
            self._behind = False
            self._draw_marks(wanted)
        seen = replace(wanted, selected=None, place=(0, 0))
        if self._drawn == seen or (wanted.show != "colours" and self._worker.pending):
            return  # shown already; or a map, which takes long, of a state that is gone already
        began = time.perf_counter()
        session, shape = self.session, self.picture.sent_shape
        self._colors = session.rgb(shape)
        if self._drawn is None or self._drawn.hints != wanted.hints:  # else it was painted before
            self._took = 1000 * (time.perf_counter() - began)
        rgb = self._colors
        if wanted.before:
            rgb = session.gray(shape)
        elif wanted.show != "colours":
            rgb = owner_map(session, self._whose(wanted.show), shape)
        self.picture.draw(rgb=rgb, draft=wanted.live)
        self._drawn = seen
        self._draw_marks(self._wanted or wanted)
        self._say(self._summary(wanted))

    def _whose(self, show: Show) -> Influence:
        kind: Kind = "weights" if show == "weights" and self.has_weights else "leave-one-out"
        counting = tuple(hint for hint in self.session.hints if hint.weight > 0)
        if self._found is None or (self._found.kind, self._found.hints) != (kind, counting):
            self._found = influence(self.session, kind)
        return self._found

    def _summary(self, wanted: Wanted) -> str:
        if not self.session.network.reads_points and wanted.hints:
            return "takes no notice of points"
        text = f"{self._took:.0f} ms · {self.session.device}"
        if wanted.show == "colours" or wanted.before or self._found is None:
            return text
        asked = "its own weights" if self._found.kind == "weights" else "what changes without a point"
        return f"{text} · {asked}"

    def _offer(self) -> None:
        if self._wanted is not None:
            self._on_offer(suggested(self.session, *self._wanted.place))

    # -- what is drawn --------------------------------------------------------------------------------------

    def _draw_marks(self, wanted: Wanted) -> None:
        self.picture.draw(marks=[] if wanted.before else self._marks(wanted))

    def _marks(self, wanted: Wanted) -> list[Mark]:
        """The points in their colours, or in those that stand for them on the map."""
        counting = [hint.id for hint in wanted.hints if hint.weight > 0]
        marks = []
        for hint in wanted.hints:
            rgb = self.color_at(hint.row, hint.col)
            if hint.weight > 0:
                shown = hint.ab if wanted.show == "colours" else tint(counting.index(hint.id))
                lightness = (
                    self.session.lightness_at(hint.row, hint.col) if wanted.show == "colours" else LIGHTNESS
                )
                rgb = displayed(lightness, shown)[0]
            marks.append(Mark(hint.row, hint.col, hint.size, rgb, hint.id == wanted.selected))
        return marks

    def _say(self, text: str) -> None:
        self._status.value = said(text)

    def _fail(self, error: BaseException) -> None:
        self._say(explained(error))


def names_of(sessions: Sequence[Session]) -> list[str]:
    """The networks' names; those that come twice are numbered."""
    names: list[str] = []
    for session in sessions:
        name, number = session.network_name, 1
        while name in names:
            number += 1
            name = f"{session.network_name} {number}"
        names.append(name)
    return names


def _pointless(old: Any, new: Any) -> bool:
    """Whether a waiting event can go because of the one right after it."""
    return (isinstance(old, Wanted) and isinstance(new, Wanted)) or bool(old == new and old in (READY, ROOM))
