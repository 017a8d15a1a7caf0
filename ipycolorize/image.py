"""Photographs: from a file, or whatever else holds one, to sRGB and lightness.

`read_photo` makes one thing of whatever a camera, a scanner or a phone wrote: a `Photo`, upright, sRGB, its
L computed from the deepest data at hand (see `decode` for which files keep 16 bits). `writing` goes back.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from .decode import Decoded, PhotoError, decode_array, decode_file, decode_image, decode_path, to_8_bit
from .frame import Frame
from .origin import Origin, path_of
from .pipes import StreamError, is_stream, read_all, read_path

__all__ = ["Frame", "Photo", "PhotoError", "read_photo", "resize_lightness", "sample_photo"]

# Y of linear red, green and blue, the same as in `color`, which would bring torch along
_LUMINANCE = (0.212671, 0.715160, 0.072169)
_STRIP = 1 << 19  # pixels: temporaries of a few MiB whatever the photograph's size
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored[::-1].swapaxes(0, 1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored[:, ::-1].swapaxes(0, 1),
}  # EXIF orientation: what undoes it


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph in memory, as `read_photo` makes it."""

    rgb: np.ndarray  # (H, W, 3) uint8, sRGB, upright: the photograph as a screen shows it
    lightness: np.ndarray  # (H, W) float32, L in [0, 100], from the deepest data in the file
    alpha: np.ndarray | None = None  # (H, W) uint8
    exif: bytes | None = None  # says orientation 1, since `rgb` is upright
    icc: bytes | None = None  # the file's RGB profile; None for sRGB, for none, and for a grey or CMYK one
    name: str = "photo"  # the file's stem
    origin: Origin | None = None  # the file; None if it never was in one

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]


def read_photo(
    source: str | os.PathLike[str] | bytes | BinaryIO | Image.Image | np.ndarray | Photo,
) -> Photo:
    """Read a photograph.

    EXIF orientation is applied, colour profiles (RGB, grey, CMYK) are converted to sRGB, alpha is kept
    apart and not blended; the size never changes. Of several frames or pages the first counts. The EXIF
    block loses its thumbnail, which would show the picture as it was.

    Args:
        source: a path, also of a pipe, such as /dev/stdin; the bytes of a file; an open file, which is read
            from its beginning or, if it cannot go back, from where it is, to its end; a PIL image; or an
            array of sRGB samples (H, W), (H, W, 3) or (H, W, 4), alpha last, uint8 or uint16. A `Photo`
            passes through.

    Raises:
        PhotoError: no such file; not an image; damaged or cut off; a side below 8 pixels; more than 100
            megapixels (seen before anything is decoded); samples other than integers of 8 or 16 bits; more
            than 1 GiB from a stream.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return _photo(decode_array(source), "photo")
    if isinstance(source, Image.Image):
        origin = Origin.of_image(source)
        filename = os.fsdecode(getattr(source, "filename", ""))
        return _photo(decode_image(source), Path(filename).stem or "photo", origin)
    if isinstance(source, bytes | bytearray | memoryview):
        decoded = decode_file(io.BytesIO(source), "what was given")
        return _photo(decoded, "photo", Origin.of_bytes(source))
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser()
        if is_stream(path):
            data = _all_of(lambda: read_path(path), str(path))
            return _photo(decode_file(io.BytesIO(data), str(path)), "photo", Origin.of_bytes(data))
        return _photo(decode_path(path), path.stem, Origin.of_path(path))
    if hasattr(source, "read"):
        return _read_open(source)
    came = f"{type(source).__module__}.{type(source).__qualname__}"
    raise PhotoError(
        f"expected a path, bytes, an open file, a PIL image or a NumPy array, got {came}: convert it first"
    )


def _read_open(file: Any) -> Photo:
    path = path_of(file)
    label = str(path or "the open file")
    data = _all_of(lambda: read_all(file, label), label)
    decoded = decode_file(io.BytesIO(data), label)
    return _photo(decoded, path.stem if path else "photo", Origin.of_bytes(data, path=path))


def _all_of(read: Callable[[], bytes], label: str) -> bytes:
    """What a stream gives; it may be a download or an archive, which fail in ways of their own."""
    try:
        return read()
    except StreamError as error:
        raise PhotoError(str(error)) from error
    except Exception as error:
        raise PhotoError(f"expected an image, but reading {label} failed ({error}): check it") from error


def _photo(decoded: Decoded, name: str, origin: Origin | None = None) -> Photo:
    upright = _UPRIGHT.get(decoded.orientation, _UPRIGHT[1])
    samples = np.ascontiguousarray(upright(decoded.samples))
    rgb = to_8_bit(samples)
    return Photo(
        rgb=rgb if rgb.ndim == 3 else np.repeat(rgb[..., None], 3, axis=2),
        lightness=_lightness(samples),
        alpha=None if decoded.alpha is None else np.ascontiguousarray(upright(decoded.alpha)),
        exif=decoded.exif,
        icc=decoded.icc,
        name=name,
        origin=origin,
    )


def _lightness(samples: np.ndarray) -> np.ndarray:
    """Give L (H, W) float32 of sRGB samples (H, W) or (H, W, 3), uint8 or uint16.

    L needs the luminance Y alone, and a sample has 256 or 65536 values, so curve and weight are one table
    per channel.
    """
    levels = np.arange(np.iinfo(samples.dtype).max + 1) / np.iinfo(samples.dtype).max
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    if samples.ndim == 2:
        return np.take(_lightness_of_luminance(linear.astype(np.float32)), samples)
    red, green, blue = ((weight * linear).astype(np.float32) for weight in _LUMINANCE)
    lightness = np.empty(samples.shape[:2], np.float32)
    rows = max(1, _STRIP // samples.shape[1])
    for top in range(0, len(samples), rows):
        strip = samples[top : top + rows]
        luminance = np.take(red, strip[..., 0])
        luminance += np.take(green, strip[..., 1])
        luminance += np.take(blue, strip[..., 2])
        lightness[top : top + rows] = _lightness_of_luminance(luminance)
    return lightness


def _lightness_of_luminance(luminance: np.ndarray) -> np.ndarray:
    """CIE 15:2004, L* of Y in [0, 1]."""
    lightness = 116 * np.cbrt(luminance) - 16
    dark = luminance <= (6 / 29) ** 3
    lightness[dark] = (29 / 3) ** 3 * luminance[dark]
    return np.clip(lightness, 0, 100, out=lightness)


def resize_lightness(lightness: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resample L (H, W) float32 to `shape` (h, w): all pixels count when shrinking, bilinear when enlarging.

    Pillow's BILINEAR widens its triangle by the shrinking factor, which is torch's antialiased bilinear
    interpolation without torch: 12 megapixels to 256 rows in some 50 ms. Its BOX costs the same, but weighs
    pixels with 0 or 1, which aliases unless the factor is a whole number.
    """
    if lightness.ndim != 2 or min(*lightness.shape, *shape) < 1:
        raise ValueError(f"expected L (H, W) and a size of at least 1 x 1, got {lightness.shape} and {shape}")
    image = Image.fromarray(np.ascontiguousarray(lightness, np.float32))
    return np.array(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def sample_photo(name: str = "china") -> Photo:
    """Give a sample: "china", "flower" (of scikit-learn), "astronaut", "coffee" or "cat" (of scikit-image).

    Raises:
        PhotoError: another name.
    """
    if name in ("china", "flower"):
        from sklearn.datasets import load_sample_image

        return replace(read_photo(load_sample_image(f"{name}.jpg")), name=name)
    if name not in ("astronaut", "coffee", "cat"):
        raise PhotoError(
            f"expected china, flower, astronaut, coffee or cat, got {name!r}: choose one of these"
        )
    from skimage import data

    return replace(read_photo(getattr(data, name)()), name=name)
