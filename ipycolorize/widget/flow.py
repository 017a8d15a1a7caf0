"""Flow control: how much of the picture the way to the browser carries, and when there is room for more.

The browser works in order. So a canvas of one pixel, painted after a picture and sent back, tells which
pictures it has shown, and how long they took. Without this a slow link keeps seconds of old frames in its
queue, and everything that a person does waits behind them. Nobody waits here: who finds no room goes on, and
sends the newest state when `on_room` is called.
"""

from __future__ import annotations

import base64
import io
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ipycanvas import Canvas
from ipycanvas.canvas import _CanvasManager
from PIL import Image

FRAMES = 4  # on their way, at most: with fewer a quick browser has nothing to do now and then
ON_THE_WAY = 0.3  # seconds of pictures that may be on their way
SAMPLE = 20_000  # bytes: of less, latency says more than the link's rate
ABSENT = 1.5  # seconds without an answer after which nobody seems to look, if nobody ever answered
STALLED = 10.0  # the same, of a browser that has answered
DRAFT, FINAL = 0.3, 0.8  # seconds that a picture may take: while more come, and the last one


@dataclass(frozen=True)
class Quality:
    """How a picture is encoded: JPEG's quality and chroma subsampling (0: none, 2: 4:2:0), and its scale."""

    jpeg: int
    subsampling: int
    scale: float = 1.0


# At the first JPEG hides its losses; the second takes a third of the bytes, the last a fortieth.
QUALITIES = (
    Quality(95, 0),
    Quality(80, 2),
    Quality(75, 2, 0.7),
    Quality(70, 2, 0.5),
    Quality(60, 2, 0.35),
    Quality(50, 2, 0.25),
)
DRAFTS = QUALITIES[1:]


def data_url(rgb: np.ndarray, quality: Quality) -> bytes:
    """A picture ``(H, W, 3)`` uint8 as a JPEG data URL."""
    picture, file = Image.fromarray(rgb), io.BytesIO()
    if quality.scale < 1:
        width, height = (max(1, round(side * quality.scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BOX)
    picture.save(file, "JPEG", quality=quality.jpeg, subsampling=quality.subsampling)
    return b"data:image/jpeg;base64," + base64.b64encode(file.getvalue())


@dataclass(frozen=True)
class _Frame:
    number: int
    size: int  # bytes
    sent: float  # seconds, of the monotonic clock


class FlowControl:
    """Counts the pictures on their way to the browser.

    Args:
        queue: that the pictures go through.
        on_room: called, on any thread, when a picture has been shown.

    Attributes:
        canvas: the pixel.
        rate: bytes a second, as they were carried lately; None before anything is known.
    """

    def __init__(self, queue: _CanvasManager, *, on_room: Callable[[], None]) -> None:
        self.canvas = Canvas(width=1, height=1, sync_image_data=True, _canvas_manager=queue)
        self.rate: float | None = None
        self._on_room = on_room
        self._lock = threading.Lock()
        self._on_the_way: deque[_Frame] = deque()
        self._number = 0
        self._answered = -1.0  # when the last one came back
        self.canvas.observe(self._receive, "image_data")

    @property
    def patience(self) -> float:
        """Seconds until pictures on their way are given up: there will be room then, whatever happens."""
        with self._lock:
            if not self._on_the_way:
                return 0.0
            limit = ABSENT if self._answered < 0 else STALLED
            return max(0.0, self._on_the_way[0].sent + limit - time.monotonic())

    def room(self) -> bool:
        """Whether another picture would be shown soon. No browser at all, and there is room now and then."""
        if not self.patience:
            self.forget()
            return True
        with self._lock:
            count, size = len(self._on_the_way), sum(frame.size for frame in self._on_the_way)
        return count < FRAMES and (self.rate is None or size < ON_THE_WAY * self.rate)

    def forget(self) -> None:
        """Give up what is on its way."""
        with self._lock:
            self._on_the_way.clear()

    def encode(self, rgb: np.ndarray, *, seconds: float, draft: bool) -> tuple[bytes, Quality]:
        """The best data URL of a picture ``(H, W, 3)`` uint8 that the link carries within some seconds."""
        qualities = DRAFTS if draft else QUALITIES
        for quality in qualities:
            url = data_url(rgb, quality)
            if self.rate is None or len(url) <= seconds * self.rate:
                break
        return url, quality

    def carries(self, size: int, seconds: float) -> bool:
        """Whether so many bytes take no longer than that, as far as is known."""
        return self.rate is None or size <= seconds * self.rate

    def mark(self, size: int) -> None:
        """Number the picture that is being sent, of so many bytes; call inside a batch."""
        with self._lock:
            self._number = self._number % 0xFFFFFF + 1  # 6 days of 30 frames a second: start again
            self._on_the_way.append(_Frame(self._number, size, time.monotonic()))
        self.canvas.fill_style = f"#{self._number:06x}"
        self.canvas.fill_rect(0, 0, 1, 1)

    def _receive(self, change: Any) -> None:
        try:
            picture = Image.open(io.BytesIO(change["new"]), formats=["PNG"])
            red, green, blue = picture.convert("RGB").getpixel((0, 0))  # type: ignore[misc]  # an RGB pixel is three numbers
        except (
            OSError,
            TypeError,
            ValueError,
            SyntaxError,
        ):  # an empty canvas of a page that is being closed
            return
        number, now = red << 16 | green << 8 | blue, time.monotonic()
        with self._lock:
            if not any(frame.number == number for frame in self._on_the_way):
                return  # given up already, or painted again for another browser
            began, size = max(self._on_the_way[0].sent, self._answered), 0
            while True:
                frame = self._on_the_way.popleft()
                size += frame.size
                if frame.number == number:
                    break
            first, self._answered = self._answered < 0, now
            if size >= SAMPLE and not first:  # the first one has waited for the page
                rate = size / max(now - began, 1e-3)
                # a quick one tells what the link can do, a slow one perhaps that the browser was busy
                self.rate = max(rate, (rate if self.rate is None else self.rate + rate) / 2)
        self._on_room()
