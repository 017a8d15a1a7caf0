"""Colours to pick from: the ab gamut at one lightness, rows of swatches, and colours written as text."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from ipywidgets import HTML, Box, Button, Image, Layout
from PIL import Image as Pillow
from PIL import ImageColor

from ..color import lab_to_rgb, parse_hex, to_uint8
from ..gamut import in_gamut
from .parts import Post, pointer_events

_AXES = "".join(
    f'<span class="ipc-axis ipc-{side}">{name}</span>'
    for side, name in (("west", "green"), ("east", "red"), ("north", "yellow"), ("south", "blue"))
)
EXTENT = 110  # the plane shows a and b from -EXTENT to EXTENT, in Lab units
_STEP = 0.5  # Lab units per pixel of its picture

RGB = tuple[int, int, int]
AB = tuple[float, float]


def _plane(lightness: int, step: float) -> torch.Tensor:
    """Lab colours of the whole plane, ``(3, n, n)``: a to the right, b upwards."""
    axis = torch.arange(-EXTENT, EXTENT + step / 2, step)
    b, a = torch.meshgrid(axis.flip(0), axis, indexing="ij")
    return torch.stack([torch.full_like(a, float(lightness)), a, b])


@lru_cache(maxsize=101)
def gamut_png(lightness: int) -> bytes:
    """PNG of all ab that sRGB can show at this L (0..100), in their colours; the rest is transparent."""
    lab = _plane(lightness, _STEP)
    rgb = lab_to_rgb(lab)
    margin = torch.maximum(-rgb.amin(dim=0), rgb.amax(dim=0) - 1)  # how far out of gamut, negative inside
    down, right = torch.gradient(margin)
    alpha = (0.5 - margin / torch.hypot(down, right).clamp(min=1e-6)).clamp(
        0, 1
    )  # distance to the border, in pixels
    rgba = to_uint8(torch.cat([rgb, alpha[None]])).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Pillow.fromarray(rgba).save(file, "PNG", compress_level=3)
    return file.getvalue()


@lru_cache(maxsize=101)
def _inside(lightness: int) -> np.ndarray:
    """The whole-numbered (a, b) that sRGB can show at this L: ``(M, 2)``."""
    lab = _plane(lightness, 1.0)
    return lab[1:, in_gamut(lab)].T.numpy()


def nearest_ab(lightness: float, ab: AB) -> AB:
    """The colour itself if sRGB can show it at this L, else the nearest (in ab, to a whole number) it can."""
    lab = torch.tensor([lightness, *ab]).view(3, 1, 1)
    if bool(in_gamut(lab)):
        return ab
    inside = _inside(round(lightness))
    if not len(inside):
        return 0.0, 0.0  # L of 0 or 100: nothing but black or white
    a, b = inside[np.square(inside - np.array(ab, np.float32)).sum(axis=1).argmin()]
    return float(a), float(b)


def parse_color(text: str) -> RGB:
    """Read ``#rgb``, ``#rrggbb``, ``r, g, b`` (0..255) or a CSS colour name.

    Raises:
        ValueError: saying what is expected.
    """
    text = text.strip()
    parts = text.removeprefix("rgb").strip("() ").replace(",", " ").split()
    if len(parts) == 3 and all(part.isdecimal() and int(part) < 256 for part in parts):
        red, green, blue = map(int, parts)
        return red, green, blue
    if text.lower() in ImageColor.colormap:
        red, green, blue = ImageColor.getrgb(text)[:3]
        return red, green, blue
    try:
        return parse_hex(text)
    except ValueError:
        raise ValueError(
            f"expected a colour such as #d04020, #d42, 208, 64, 32 or crimson, got “{text}”"
        ) from None


class Gamut:
    """The ab plane at one lightness: shows a colour as a ring, and picks one.

    Args:
        on_pick: called with (ab, done): `done` is False while the mouse button is still down.
        post: takes what a callback fails with.
    """

    def __init__(self, on_pick: Callable[[AB, bool], None], *, post: Post) -> None:
        self._on_pick = on_pick
        self._lightness = 60.0
        self._pressed = False
        self._last: AB | None = None
        self._plane = Image(format="url", value=b"")
        self._plane.add_class("ipc-plane")
        self._ring = HTML()
        self._ring.add_class("ipc-overlay")
        self.box = Box([self._plane, self._ring])
        self.box.add_class("ipc-gamut")
        self.events = pointer_events(self.box, self._pointer, post=post)

    def show(self, lightness: float, ab: AB | None) -> None:
        """Show the plane at a lightness, with a ring around `ab`."""
        self._lightness = lightness
        url = b"data:image/png;base64," + base64.b64encode(gamut_png(round(lightness)))
        if url != self._plane.value:
            self._plane.value = url
        ring = ""
        if ab is not None:
            left, top = 50 + 50 * ab[0] / EXTENT, 50 - 50 * ab[1] / EXTENT
            ring = f'<i class="ipc-ring" style="left:{left:.2f}%;top:{top:.2f}%"></i>'
        self._ring.value = _AXES + ring

    def _pointer(self, event: dict[str, Any]) -> None:
        kind, held = event["event"], bool(event.get("buttons", 0) & 1)
        if kind == "mousedown" and event.get("button", 0) == 0:
            self._pressed = True
        elif not self._pressed:
            return
        width, height = event.get("boundingRectWidth", 0), event.get("boundingRectHeight", 0)
        if kind in ("mouseup", "mouseleave") or not held:
            self._pressed = kind == "mouseleave" and held
            if self._last is not None:
                self._on_pick(self._last, True)
        elif width and height:
            a = ((event["x"] - event["boundingRectLeft"]) / width * 2 - 1) * EXTENT
            b = (1 - (event["y"] - event["boundingRectTop"]) / height * 2) * EXTENT
            self._last = nearest_ab(self._lightness, (round(a, 1), round(b, 1)))
            self._on_pick(self._last, False)


class Swatches:
    """A row of colours to click; places without a colour stay blank.

    Args:
        count: places in the row.
        on_pick: called with the number of the place.
    """

    def __init__(self, count: int, on_pick: Callable[[int], None]) -> None:
        shared = Layout(width="auto", height="24px", margin="0")
        self.buttons = [Button(layout=shared, disabled=True) for _ in range(count)]
        for number, button in enumerate(self.buttons):
            button.add_class("ipc-swatch")
            button.on_click(lambda _, number=number: on_pick(number))
        self.box = Box(self.buttons)
        self.box.add_class("ipc-swatches")

    def show(self, colors: Sequence[tuple[str, str]]) -> None:
        """Show (``#rrggbb``, tooltip) pairs from the left."""
        for number, button in enumerate(self.buttons):
            color, tip = colors[number] if number < len(colors) else ("transparent", "")
            button.style.button_color = color
            button.tooltip = tip
            button.disabled = number >= len(colors)
