"""View: the photograph and its points on two canvas layers, and where in the photograph the mouse is.

What was learnt about ipycanvas 0.14 and is kept in this one place:

- All canvases of a notebook share one queue of commands in the browser, and one command that fails there
  (a canvas closed with frames still on their way) stops them all for good: a pad has its own `Queue`.
- Python collects commands for one batch; an exception in between would leave it collecting for ever, and a
  browser that (re)connects does not know which canvas was drawn on last: `Queue.batch` always ends, and names
  its canvas again. `Picture.replay` draws everything from the state kept here.
- The picture travels as a JPEG data URL in an image widget (bytes as a blob are never released by the
  browser), and the picture layer is never cleared before it is overwritten, which would flash.
- A canvas neither tells mouse buttons nor Shift and reports every hover: pointers come from ipyevents on the
  box around it.
- A canvas swallows every key while it has the focus, Tab too: whoever uses it must hand Tab on (`on_key`).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from ipycanvas import Canvas, MultiCanvas
from ipycanvas.canvas import _CanvasManager  # private, as all of its queue: no public way to have one
from ipyevents import Event
from ipywidgets import Box, Image, Layout
from PIL import Image as Pillow
from PIL import ImageDraw

from ..frame import Frame
from .flow import DRAFT, FINAL, QUALITIES, FlowControl
from .gestures import Pointer
from .parts import Post, guarded, keys_are_ours

ACCENT = (33, 150, 243)
BOX = (540, 760)  # CSS pixels, height and width, that a picture fills at most
SMALL = 480  # a photograph smaller than this is enlarged on the screen
MAX_SENT = 1_000_000  # pixels of a frame; more cannot be seen at this size and costs time


class Layers(MultiCanvas):
    """Canvases above each other that draw through a queue of their own.

    `MultiCanvas` makes its layers with ipycanvas's queue for the whole process, which ends with whoever
    imported ipycanvas first (a page of Solara, `Widget.close_all`): no layer could be made after that.

    Args:
        count: of layers, the last on top.
        queue: that all of them go through.
    """

    def __init__(self, count: int, queue: _CanvasManager, **traits: Any) -> None:
        layers = [Canvas(_canvas_manager=queue) for _ in range(count)]
        # past MultiCanvas, whose constructor is what has to be different
        super(MultiCanvas, self).__init__(_canvases=layers, _canvas_manager=queue, **traits)
        self.on_msg(layers[-1]._handle_frontend_event)  # the top layer hears what happens, as in MultiCanvas


class Queue(_CanvasManager):
    """Drawing commands of one pad, on their way to the browser."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.RLock()
        super().__init__()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect drawing commands and send them at once, whatever happens inside."""
        with self._one_at_a_time:
            self._current_canvas = None
            self._caching = True
            try:
                yield
            finally:
                self.flush()
                self._caching = False


def fit(photo: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """Size on the screen in CSS pixels, (height, width): shrunk into `box`; small photos grow."""
    wanted = max(1.0, SMALL / max(photo))
    scale = min(wanted, box[0] / photo[0], box[1] / photo[1])
    return max(1, round(photo[0] * scale)), max(1, round(photo[1] * scale))


@dataclass(frozen=True)
class Mark:
    """A point to draw: place and patch size in photo pixels, and its colour as RGB."""

    row: int
    col: int
    size: int
    rgb: tuple[int, int, int]
    selected: bool = False


def rings(mark: Mark, zoom: float = 1.0) -> list[tuple[float, tuple[int, int, int]]]:
    """The discs of a point, (radius in canvas pixels, RGB), outermost first, each painted over the last.

    Dark around white around the colour: one of the two outlines stands out on every picture. `zoom` makes up
    for a canvas that is shown smaller than planned.
    """
    radius = 14 if mark.selected else 11
    accent = [(radius + 7, ACCENT)] if mark.selected else []
    discs = [*accent, (radius + 4, (20, 20, 20)), (radius + 3, (255, 255, 255)), (radius, mark.rgb)]
    return [(zoom * size, rgb) for size, rgb in discs]


class Picture:
    """The picture layer, the points layer, and the pointer over them.

    The canvas has twice the pixels of its CSS size, so that points are crisp on fine screens; the photograph
    is sent at no more pixels than it has and is scaled by the browser.

    Args:
        photo: (H, W) of the photograph.
        height: greatest height on the screen in CSS pixels, None for the usual size.
        on_pointer: called with a `Pointer` for each mouse event that may matter.
        post: takes what a callback fails with, as `Failed`.
        on_key: called with (key, ctrl, shift) for each key while the picture has the focus.
        on_ready: called when a browser (re)connects.
        on_room: called when the browser has shown a picture, and there may be `room` for another.
        on_hover: called with (row, col) in the photograph wherever the mouse goes, None when it leaves.
    """

    def __init__(
        self,
        photo: tuple[int, int],
        *,
        height: int | None,
        on_pointer: Callable[[Pointer], None],
        post: Post,
        on_key: Callable[[str, bool, bool], None],
        on_ready: Callable[[], None],
        on_room: Callable[[], None] = lambda: None,
        on_hover: Callable[[tuple[int, int] | None], None] | None = None,
    ) -> None:
        box = BOX if height is None else (height, max(BOX[1], 2 * height))
        self.css = fit(photo, box)
        self.frame = Frame(photo=photo, grid=(2 * self.css[0], 2 * self.css[1]))
        shrink = min(1.0, self.frame.scale, math.sqrt(MAX_SENT / (photo[0] * photo[1])))
        self.sent_shape = (max(1, round(photo[0] * shrink)), max(1, round(photo[1] * shrink)))
        self._on_pointer, self._on_hover = on_pointer, on_hover
        self._pressed = False
        self._zoom = 1.0  # planned width over the width that the browser gives us
        self._marks: Sequence[Mark] = ()
        self.image = Image(format="url", value=b"")
        self._queue = Queue()
        self.flow = FlowControl(self._queue, on_room=on_room)
        self.quality = QUALITIES[0]  # of the picture on the screen

        rows, columns = self.frame.grid
        self.canvas = Layers(
            2, self._queue, width=columns, height=rows, layout=Layout(width="100%", height="auto")
        )
        for layer in self.canvas._canvases:
            layer.on_client_ready(on_ready)
        self.canvas.add_class("ipc-picture")
        self.keyboard = Canvas(width=1, height=1, _canvas_manager=self._queue)
        self.keyboard.add_class("ipc-keyboard")
        self.box = Box(
            [self.canvas, self.keyboard, keys_are_ours()],
            layout=Layout(width="100%", max_width=f"{self.css[1]}px"),
        )
        self.box.add_class("ipc-stage")
        for canvas in (self.canvas, self.keyboard):
            canvas.on_key_down(guarded(post, lambda key, shift, ctrl, meta: on_key(key, ctrl or meta, shift)))
        self.events = Event(
            source=self.box,
            watched_events=["mousedown", "mouseup", "mousemove", "mouseleave", "contextmenu"],
            prevent_default_action=True,  # no browser menu, no cell menu, no selection of text
            throttle_or_debounce="throttle",
            wait=33,
        )
        self.events.on_dom_event(guarded(post, self._pointer))

    # -- from the browser -----------------------------------------------------------------------------------

    def _pointer(self, event: dict[str, Any]) -> None:
        kind = {"mousedown": "down", "mouseup": "up", "mousemove": "move", "mouseleave": "leave"}.get(
            event["event"]
        )
        buttons = event.get("buttons", 0)
        idle = kind in ("move", "leave") and not (buttons & 1 or self._pressed)
        if kind is None or (idle and self._on_hover is None):
            return  # hovering costs nothing beyond this line
        width, height = event.get("boundingRectWidth", 0), event.get("boundingRectHeight", 0)
        if not (width and height):
            return  # an element that is not on the screen
        x = (event["x"] + 0.5 - event["boundingRectLeft"]) / width  # browsers floor the mouse to whole pixels
        y = (event["y"] + 0.5 - event["boundingRectTop"]) / height
        row, col = self.frame.to_photo(y * self.frame.grid[0] - 0.5, x * self.frame.grid[1] - 0.5)
        if self._on_hover is not None:
            self._on_hover(None if kind == "leave" else (row, col))
        if idle:
            return
        button = event.get("button", 0)
        if button == 0 and event.get("ctrlKey"):
            button = 2  # the other way to say right click on a Mac
        if kind == "down":
            self._pressed = button == 0
        elif not buttons & 1:
            self._pressed = False
        self._zoom = max(1.0, self.css[1] / width)
        one = self.frame.photo[1] / width  # photo pixels per CSS pixel
        self._on_pointer(
            Pointer(
                kind,  # type: ignore[arg-type]  # the four values of the table above
                row,
                col,
                button=button,
                buttons=buttons,
                sample=bool(event.get("shiftKey") or event.get("altKey")),
                reach=max(1.0, 11 * one),
                slack=2.5 * one,
            )
        )
        if kind == "down":
            self.focus(x, y)

    def focus(self, x: float, y: float) -> None:
        """Give the keyboard to the picture; (x, y) are shares of its width and height.

        An invisible element under the mouse takes it: focusing the canvas itself would scroll the page to its
            edge.
        """
        with self.keyboard.layout.hold_sync():
            self.keyboard.layout.left = f"{100 * min(max(x, 0), 0.99):.1f}%"
            self.keyboard.layout.top = f"{100 * min(max(y, 0), 0.99):.1f}%"
        self.keyboard.focus()

    # -- to the browser -------------------------------------------------------------------------------------

    def draw(
        self,
        *,
        rgb: np.ndarray | None = None,
        marks: Sequence[Mark] | None = None,
        draft: bool = False,
        fine: bool = False,
    ) -> None:
        """Show a new picture, new points, or both in one frame.

        Args:
            rgb: ``(h, w, 3)`` uint8 of any size; it is stretched over the canvas.
            marks: all points, later ones on top.
            draft: encode smaller and a little worse, for frames that are replaced at once. On a slow link
                either is as good as it can be soon.
            fine: encode as well as possible, however long it is on its way.
        """
        url = b""
        if rgb is not None:
            seconds = math.inf if fine else DRAFT if draft else FINAL
            url, self.quality = self.flow.encode(rgb, seconds=seconds, draft=draft)
        with self._queue.batch():
            if url:
                self.image.value = url
                self._paint()
            if marks is not None:
                self._marks = tuple(marks)
                self._point()
            if url:
                self.flow.mark(len(url))

    def still(self, rgb: np.ndarray, marks: Sequence[Mark]) -> Pillow.Image:
        """A picture with its points, as they look on the screen."""
        picture = Pillow.fromarray(rgb).resize(self.frame.grid[::-1])
        draw = ImageDraw.Draw(picture)
        for mark in marks:
            row, col = self.frame.to_grid(mark.row, mark.col)
            for radius, colour in rings(mark):
                draw.ellipse((col - radius, row - radius, col + radius, row + radius), fill=colour)
        return picture.resize(self.css[::-1], Pillow.Resampling.LANCZOS)

    def replay(self) -> None:
        """Draw everything again, for a browser that has just come."""
        self.flow.forget()  # what another page was sent will never come back
        with self._queue.batch():
            if self.image.value:
                self._paint()
            self._point()

    def _paint(self) -> None:
        rows, columns = self.frame.grid
        layer = self.canvas[0]
        layer.image_smoothing_enabled = (
            columns < 8 * self.frame.photo[1]
        )  # the pixels of a tiny photograph are worth seeing
        layer.draw_image(self.image, 0, 0, columns, rows)

    def _point(self) -> None:
        layer = self.canvas[1]
        layer.clear()
        if not self._marks:
            return
        circles = []
        for mark in self._marks:
            row, col = self.frame.to_grid(mark.row, mark.col)
            circles += [(col + 0.5, row + 0.5, radius, *rgb) for radius, rgb in rings(mark, self._zoom)]
        x, y, radius, *rgb = np.array(circles, float).T
        layer.fill_styled_circles(x, y, radius, np.stack(rgb, axis=1).astype(np.uint8))
        for mark in self._marks:
            if mark.selected:
                self._patch(layer, mark)

    def _patch(self, layer: Canvas, mark: Mark) -> None:
        row, col = self.frame.to_grid(mark.row, mark.col)
        side = self.frame.size_to_grid(mark.size)
        left, top = col + 0.5 - side / 2, row + 0.5 - side / 2
        for width, style in (
            (4 * self._zoom, "rgba(20,20,20,.55)"),
            (2 * self._zoom, "rgba(255,255,255,.95)"),
        ):
            layer.line_width, layer.stroke_style = width, style
            layer.stroke_rect(left, top, side, side)
