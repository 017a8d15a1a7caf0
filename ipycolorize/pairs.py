"""Pairs of a photograph and a colorization of it: what the real or fake test shows.

Both pictures of a pair go the same way, are shrunk alike and have the same lightness, so that nothing but the
colours can tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .color import lab_to_rgb, rgb_to_lab, to_uint8
from .image import Photo, read_photo
from .models.base import Network
from .models.weights import load_model
from .session import SHORT_SIDE, Session

SIDE = 256  # pixels of the pictures' short side, as in the paper

Methods = Mapping[str, str | Path | Network] | Sequence[str]


@dataclass(frozen=True, eq=False)
class Pair:
    """A photograph and a colorization of it.

    Attributes:
        photograph: its name.
        method: what coloured it.
        real: ``(H, W, 3)`` uint8.
        synthetic: of the same shape.
        by: whose work it is, where people coloured it.
    """

    photograph: str
    method: str
    real: np.ndarray
    synthetic: np.ndarray
    by: str = ""

    def __post_init__(self) -> None:
        if self.real.shape != self.synthetic.shape:
            raise ValueError(
                f"expected two pictures of one shape for {self.photograph}, got {self.real.shape} and "
                f"{self.synthetic.shape}"
            )


def colorized_pairs(
    photographs: Mapping[str, Any] | Iterable[Any],
    methods: Methods,
    *,
    side: int = SIDE,
    device: str = "auto",
) -> list[Pair]:
    """Pairs of photographs and their automatic colorizations.

    Args:
        photographs: whatever `read_photo` takes, by name, or one after the other with names of their own.
        methods: networks, or names or files of weights, by the names that the results carry.
        side: short side of the pictures; smaller photographs are not enlarged.
        device: as `Session` takes it.

    Raises:
        ValueError: two photographs of one name; whatever `Session` raises.
    """
    named = methods if isinstance(methods, Mapping) else {name: name for name in methods}
    networks = {
        method: source if isinstance(source, Network) else load_model(source)
        for method, source in named.items()
    }
    pairs = []
    for name, photo in named_photos(photographs).items():
        real = shrunk(photo.rgb, side)
        for method, network in networks.items():
            session = Session(real, network, device=device, short_side=min(side, SHORT_SIDE))
            pairs.append(Pair(name, method, real, session.rgb()))
    return pairs


def named_photos(photographs: Mapping[str, Any] | Iterable[Any]) -> dict[str, Photo]:
    """Photographs by name.

    Raises:
        ValueError: none, or two of one name.
        PhotoError: one cannot be read.
    """
    if isinstance(photographs, Mapping):
        photos = {name: read_photo(source) for name, source in photographs.items()}
    else:
        listed = [read_photo(source) for source in photographs]
        photos = {photo.name: photo for photo in listed}
        if len(photos) < len(listed):
            raise ValueError(
                "expected photographs of different names; give a dictionary from names to photographs"
            )
    if not photos:
        raise ValueError("expected at least one photograph, got none")
    return photos


def shrunk(rgb: np.ndarray, side: int) -> np.ndarray:
    """A picture ``(H, W, 3)`` uint8 with this short side at most."""
    scale = side / min(rgb.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(rgb)
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def opposite(rgb: np.ndarray) -> np.ndarray:
    """A picture in the opposite colours at its own lightness: a and b negated. Nobody takes it for real."""
    return to_uint8(lab_to_rgb(rgb_to_lab(rgb) * np.array([1, -1, -1], np.float32)))
