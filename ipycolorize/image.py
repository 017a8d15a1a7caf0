"""Photographs: from a file to sRGB and lightness, and back to a file that keeps what the first one had.

`read_photo` turns whatever a camera, a scanner or a phone wrote into one thing, a `Photo`: upright, sRGB, with its lightness L
computed from the deepest data at hand. `write_photo` goes back: same size, EXIF, colour profile and transparency.

What 16 bits survive: grey PNG and TIFF, RGB TIFF (through tifffile) and uint16 arrays keep them in `Photo.lightness`. Pillow
(checked up to 13.0) hands out only the high byte of 16-bit RGB PNG, and its colour management works with 8 bits, so those, and
16-bit files with a profile other than sRGB, are read at 8 bits. `Photo.rgb` always has 8.
"""

from __future__ import annotations

import io
import os
import secrets
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from .frame import Frame

__all__ = ["Frame", "Photo", "PhotoError", "lightness_of", "read_photo", "resize_lightness", "sample_photo", "write_photo"]

MIN_SIDE = 8
MAX_PIXELS = 100_000_000

# Others that Pillow opens are no photographs, and EPS would start an interpreter. HEIF is there once its plugin is registered.
_FORMATS = {"AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "PSD", "TGA", "TIFF", "WEBP"}
_WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {"compress_level": 4}),
    ".jpg": ("JPEG", {"subsampling": "4:4:4"}),  # colour is what this package makes: it is not stored at half resolution
    ".jpeg": ("JPEG", {"subsampling": "4:4:4"}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
}
_ORIENTATION = 0x0112
_MAX_JPEG_EXIF = 65_533  # bytes in one APP1 segment
# A TIFF's tags mix facts about the photograph with the layout of that one file; only the facts are handed on:
# description, make, model, orientation, resolution and its unit, software, date, artist, copyright, the EXIF and GPS directories.
_TIFF_FACTS = {270, 271, 272, _ORIENTATION, 282, 283, 296, 305, 306, 315, 33432, 0x8769, 0x8825}


class PhotoError(ValueError):
    """A photograph that cannot be read or written; the text says what was expected, what came and what to do."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph in memory, as `read_photo` makes it."""

    rgb: np.ndarray  # (H, W, 3) uint8, sRGB, upright: the photograph as a screen shows it
    lightness: np.ndarray  # (H, W) float32, L in [0, 100], from the deepest data in the file
    alpha: np.ndarray | None = None  # (H, W) uint8
    exif: bytes | None = None  # with orientation 1, since `rgb` is upright
    icc: bytes | None = None  # the file's RGB profile; None for sRGB, none at all, or a grey or CMYK one
    name: str = "photo"  # the file's stem

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]


# --- lightness ---------------------------------------------------------------------------------------------------------------


def lightness_of(samples: np.ndarray) -> np.ndarray:
    """Give CIE L* in [0, 100] (H, W) float32 of sRGB samples (H, W) or (H, W, 3), uint8 or uint16.

    L depends on the luminance Y alone and a sample has 256 or 65536 values, so the sRGB curve and Y's weights are one small table
    per channel, and rows are done in strips: 12 megapixels need no temporary larger than a few MiB. The constants are
    scikit-image's (D65, 2 degree observer), which the rest of the package uses too.
    """
    levels = np.arange(np.iinfo(samples.dtype).max + 1) / np.iinfo(samples.dtype).max
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    if samples.ndim == 2:
        return np.take(_lightness_of_luminance(linear.astype(np.float32)), samples)
    tables = [(weight * linear).astype(np.float32) for weight in (0.212671, 0.715160, 0.072169)]
    height, width = samples.shape[:2]
    lightness = np.empty((height, width), np.float32)
    rows = max(1, (1 << 19) // width)
    for top in range(0, height, rows):
        strip = samples[top : top + rows]
        luminance = np.take(tables[0], strip[..., 0])
        luminance += np.take(tables[1], strip[..., 1])
        luminance += np.take(tables[2], strip[..., 2])
        lightness[top : top + rows] = _lightness_of_luminance(luminance)
    return lightness


def _lightness_of_luminance(luminance: np.ndarray) -> np.ndarray:
    lightness = 116 * np.cbrt(luminance) - 16
    dark = luminance <= 0.008856
    lightness[dark] = 903.292 * luminance[dark]
    return lightness.clip(0, 100, out=lightness)


def resize_lightness(lightness: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resample L (H, W) float32 to `shape` (h, w): every pixel counts when shrinking, bilinear when enlarging.

    Pillow's BILINEAR widens its triangle with the shrinking factor. It equals torch's antialiased bilinear interpolation, so training
    may use either; its BOX would weigh pixels by 0 or 1 only and alias at fractional factors. 12 megapixels to 256 rows take some
    50 ms and no copy in double precision.
    """
    if lightness.ndim != 2 or min(*lightness.shape, *shape) < 1:
        raise ValueError(f"expected L of shape (H, W) and a size of at least 1 x 1, got {lightness.shape} and {shape}")
    image = Image.fromarray(np.ascontiguousarray(lightness, np.float32))
    return np.array(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


# --- reading -----------------------------------------------------------------------------------------------------------------


def read_photo(source: str | os.PathLike[str] | bytes | Image.Image | np.ndarray | Photo) -> Photo:
    """Read a photograph: a path, the bytes of a file, a PIL image, or an array of sRGB samples; a `Photo` passes through.

    Arrays are (H, W), (H, W, 3) or (H, W, 4) with alpha last, uint8 or uint16. Of several frames or pages the first is read.
    EXIF orientation is applied, grey, RGB and CMYK colour profiles are converted to sRGB (an unusable one is ignored with a
    warning), and the size never changes. The EXIF block loses its thumbnail, which would show the old picture.

    Raises:
        PhotoError: no such file, not an image, damaged or cut off, a short side below 8 pixels, more than 100 megapixels
            (found out before anything is decoded), or samples other than 8 and 16 bit integers.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        filename = getattr(source, "filename", "")
        return _from_image(source, None, Path(os.fsdecode(filename)).stem or "photo")
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_file(io.BytesIO(source), "these bytes", "photo")
    if not isinstance(source, str | os.PathLike):
        raise PhotoError(f"expected a path, bytes, a PIL image or a NumPy array, got {type(source).__name__}")
    path = Path(source).expanduser()
    if path.is_dir():
        raise PhotoError(f"expected an image file, got the folder {path}: name a file in it")
    try:
        with path.open("rb") as file:
            return _from_file(file, str(path), path.stem)
    except FileNotFoundError as error:
        raise PhotoError(f"expected an image file, but there is no {path}: check the spelling and the folder") from error
    except OSError as error:
        raise PhotoError(f"expected a readable image file, but {path} cannot be opened: {error.strerror or error}") from error


def _from_array(array: np.ndarray) -> Photo:
    wanted = "expected an array (H, W), (H, W, 3) or (H, W, 4) of uint8 or uint16"
    if array.dtype not in (np.uint8, np.uint16):
        hint = "; for values in [0, 1] give (255 * array).round().astype('uint8')" if array.dtype.kind == "f" else ""
        raise PhotoError(f"{wanted}, got dtype {array.dtype}{hint}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PhotoError(f"{wanted}, got shape {array.shape}")
    _check_size(array.shape[0], array.shape[1])
    array = array.astype(array.dtype.newbyteorder("="))  # always a copy: the photo does not change when the caller's array does
    if array.ndim == 2:
        return _photo(array, None, 1)
    alpha = _to_8_bit(array[..., 3]) if array.shape[2] == 4 else None
    return _photo(array[..., :3], alpha, 1)


def _from_file(file: BinaryIO, label: str, name: str) -> Photo:
    start = file.read(16)
    if not start:
        raise PhotoError(f"expected an image file, but {label} holds 0 bytes: was the copy or download interrupted?")
    file.seek(0)
    try:
        with Image.open(file) as image:
            if image.format not in _FORMATS:
                raise PhotoError(f"expected a photograph, but {label} is {image.format}: save it as PNG, TIFF or JPEG first")
            return _from_image(image, file, name)
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"expected an image file (JPEG, PNG, TIFF, WebP ...), but {label} is none that can be read (it starts with "
            f"{start!r}): export raw or HEIC files as JPEG, PNG or TIFF first"
        ) from error
    # Pillow looks at the header's size: beyond 179 megapixels it refuses, from 89 on it warns. That warning is left to the
    # user's own filters, for silencing it would mean to change them for all threads; it comes here where they make it an error.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError(f"expected at most {MAX_PIXELS // 10**6} megapixels in {label}: make it smaller first ({error})") from error
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise PhotoError(
            f"expected a whole image file, but {label} is damaged or cut off ({error}): copy or download it again"
        ) from error


def _from_image(image: Image.Image, file: BinaryIO | None, name: str) -> Photo:
    """Read an opened, perhaps not yet decoded, image; `file` is where it comes from."""
    _check_size(image.height, image.width)
    deep, alpha = _tiff_samples(file) if image.format == "TIFF" and file is not None else (None, None)
    if deep is None:
        image.load()
        deep, alpha = _deep_samples(image), _alpha_of(image)
    exif, orientation = _exif_of(image)
    icc = image.info.get("icc_profile")
    rgb, icc, converted = _to_srgb(image if deep is None else Image.fromarray(_to_8_bit(deep)), icc)
    samples = np.asarray(rgb) if deep is None or converted else deep
    return _photo(samples, alpha, orientation, exif=exif, icc=icc, name=name)


def _photo(samples: np.ndarray, alpha: np.ndarray | None, orientation: int, **rest: Any) -> Photo:
    """Turn sRGB samples (H, W) or (H, W, 3), uint8 or uint16, as they lie in the file, into an upright photo."""
    samples = _upright(samples, orientation)
    rgb = _to_8_bit(samples)
    if rgb.ndim == 2:
        rgb = np.repeat(rgb[..., None], 3, axis=2)
    alpha = None if alpha is None else _upright(alpha, orientation)
    return Photo(rgb=rgb, lightness=lightness_of(samples), alpha=alpha, **rest)


def _check_size(height: int, width: int) -> None:
    if min(height, width) < MIN_SIDE:
        raise PhotoError(f"expected at least {MIN_SIDE} pixels on each side, got {height} x {width}: enlarge it first")
    if height * width > MAX_PIXELS:
        raise PhotoError(
            f"expected at most {MAX_PIXELS // 10**6} megapixels, got {height} x {width}, "
            f"which is {height * width / 1e6:.0f}: make it smaller first"
        )


def _to_8_bit(samples: np.ndarray) -> np.ndarray:
    if samples.dtype == np.uint8:
        return samples
    table = np.round(np.arange(65536) / 257).astype(np.uint8)
    return np.take(table, samples)


def _upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation (1 to 8); contiguous."""
    turns: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a[::-1].swapaxes(0, 1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: a[:, ::-1].swapaxes(0, 1),
    }
    return np.ascontiguousarray(turns[orientation](samples) if orientation in turns else samples)


def _exif_of(image: Image.Image) -> tuple[bytes | None, int]:
    """Give the EXIF block to keep and the orientation to undo."""
    try:
        exif = image.getexif()
        orientation = exif.get(_ORIENTATION, 1)
        kept = Image.Exif()
        if image.format == "TIFF":
            ...
        return kept.tobytes(), orientation
    except Exception as error:  # EXIF blocks are damaged in as many ways as there are cameras; the picture is still good
        warnings.warn(f"the EXIF block is damaged and left out ({error})", stacklevel=2)
        return None, 1
