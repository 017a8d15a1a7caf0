"""Image files of every kind, decoded: samples as deep as they are stored, alpha, EXIF and profile.

`opener` opens them and Pillow does the work. What it does not do is told in `tiff`. Of 16-bit RGB PNG, Pillow
(seen up to 13.0) hands out the high bytes alone, and its colour management knows 8 bits only, so those files,
and 16-bit ones with a profile other than sRGB, are read at 8 bits.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import IFD, Base

from .opener import (
    MAX_PIXELS,
    MIN_SIDE,
    PhotoError,
    TooLargeError,
    check_image,
    check_size,
    open_image,
    too_large,
)
from .profiles import to_srgb
from .tiff import BEGINNINGS, deep_samples, photograph_first, to_8_bit, wrong_depth

__all__ = [
    "MAX_PIXELS", "MIN_SIDE", "Decoded", "PhotoError", "decode_array", "decode_file", "decode_image",
    "decode_path", "to_8_bit",
]  # fmt: skip

_EXIF_FOLDERS = {IFD.Exif, IFD.GPSInfo}
# A TIFF's tags mix facts about the photograph with the layout of that one file; only the facts are handed on.
_TIFF_FACTS = {
    *(Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist),
    *(Base.Copyright, Base.XResolution, Base.YResolution, Base.ResolutionUnit),
}
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored[::-1].swapaxes(0, 1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored[:, ::-1].swapaxes(0, 1),
}  # EXIF orientation: what undoes it


@dataclass(frozen=True, eq=False)
class Decoded:
    """What an image file holds, as it lies there: EXIF orientation is not applied yet."""

    samples: np.ndarray  # (H, W) or (H, W, 3), uint8 or uint16, sRGB
    alpha: np.ndarray | None = None  # (H, W) uint8
    orientation: int = 1  # EXIF's, 1 to 8
    exif: bytes | None = None  # says orientation 1
    icc: bytes | None = None  # RGB profile to convert back to

    def upright(self) -> Decoded:
        """The same with its orientation applied."""
        turn = _UPRIGHT.get(self.orientation, lambda stored: stored)
        samples, alpha = np.ascontiguousarray(turn(self.samples)), self.alpha
        alpha = None if alpha is None else np.ascontiguousarray(turn(alpha))
        return replace(self, samples=samples, alpha=alpha, orientation=1)

    def rgb(self) -> np.ndarray:
        """Samples as a screen shows them: (H, W, 3) uint8."""
        rgb = to_8_bit(self.samples)
        return rgb if rgb.ndim == 3 else np.repeat(rgb[..., None], 3, axis=2)


def decode_path(path: str | os.PathLike[str]) -> Decoded:
    """Decode an image file; every failure is a `PhotoError`."""
    if str(path).partition(":")[0].lower() in ("http", "https", "ftp", "data"):
        raise PhotoError(f"expected an image file, got the address {path}: download it first")
    if Path(path).is_dir():
        raise PhotoError(f"expected an image file, got the folder {path}: name a file in it")
    try:
        with Path(path).open("rb") as file:
            return decode_file(file, str(path))
    except FileNotFoundError as error:
        raise PhotoError(f"expected an image file, but there is no {path}: check the name") from error
    except OSError as error:
        reason = error.strerror or error
        raise PhotoError(f"expected an image file, but {path} does not open ({reason}): check it") from error


def decode_file(file: BinaryIO, label: str, *, short_side: int | None = None) -> Decoded:
    """Decode an open image file.

    Args:
        file: seekable, at its beginning.
        label: what errors call it.
        short_side: in pixels, if no more than that is needed: a large JPEG is then decoded at a fraction of
            its size that is not smaller than twice this, which is many times faster.

    Raises:
        PhotoError: no photograph, damaged, too small or too large.
    """
    start = file.read(16)
    if not start:
        raise PhotoError(f"expected an image file, but {label} has 0 bytes: copy or download it again")
    file.seek(0)
    try:
        with _photo_errors(label):
            if start[:4] in BEGINNINGS:
                file = photograph_first(file, label)
            with open_image(file, label) as image:
                if short_side:
                    image.draft(image.mode, (2 * short_side, 2 * short_side))
                return _decode(image, file)
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"expected an image file (JPEG, PNG, TIFF, WebP ...), but {label} is none that can be read, "
            f"it starts with {start!r}: export raw or HEIC files as JPEG, PNG or TIFF first"
        ) from error


def decode_image(image: Image.Image) -> Decoded:
    """Decode a PIL image, which may have been opened only."""
    check_image(image)
    with _photo_errors("the PIL image"):
        check_size(image.height, image.width)
        return _decode(image, None)


@contextmanager
def _photo_errors(label: str) -> Iterator[None]:
    """Say of decoders' errors what they mean."""
    try:
        yield
    except (PhotoError, UnidentifiedImageError):
        raise
    # Pillow judges the header: it refuses above 179 megapixels, and warns above 89. The warning is left to
    # the user's own filters, since silencing it would change them for every thread; it arrives here where
    # they make errors of warnings.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLargeError(too_large(f"{label} ({error})")) from error
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise PhotoError(
            f"expected a whole image file, but {label} is damaged or cut off ({error}): "
            "copy or download it again"
        ) from error


def _decode(image: Image.Image, file: BinaryIO | None) -> Decoded:
    deep = deep_samples(file) if file is not None and image.format == "TIFF" else None
    if deep is None:
        image.load()
        deep = _deep_grey(image)
    plain, alpha = _split_alpha(image) if deep is None else (Image.fromarray(to_8_bit(deep[0])), deep[1])
    plain, icc, changed = to_srgb(plain, image.info.get("icc_profile"))
    samples = np.array(plain) if deep is None or changed else deep[0]
    exif, orientation = _exif_of(image)
    return Decoded(samples, alpha, orientation, exif, icc)


def decode_array(array: np.ndarray) -> Decoded:
    """Take an array (H, W), (H, W, 3) or (H, W, 4) of uint8 or uint16 sRGB samples, alpha last; copies it."""
    wanted = "expected an array (H, W), (H, W, 3) or (H, W, 4) of uint8 or uint16"
    native = array.dtype.newbyteorder("=")
    if native not in (np.uint8, np.uint16):
        raise PhotoError(f"{wanted}, got {array.dtype}: convert it, {_conversion(array)}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)):
        raise PhotoError(f"{wanted}, got shape {array.shape}: give one picture, channels last")
    check_size(*array.shape[:2])
    array = array.astype(native)
    if array.shape[2:] == (4,):
        return Decoded(array[..., :3], to_8_bit(array[..., 3]))
    return Decoded(array)


def _conversion(array: np.ndarray) -> str:
    """How samples of another type become ours, as far as their values tell."""
    if array.dtype.kind == "b":
        return "by 255 * array.astype('uint8')"
    if array.dtype.kind not in "iuf" or array.size == 0:
        return "to one of these"
    least, most = array.min(), array.max()
    if array.dtype.kind == "f" and most <= 1:
        return "from floats in [0, 1] by (255 * array).round().astype('uint8')"
    if least >= 0 and most <= 255:
        return "from values up to 255 by array.round().astype('uint8')"
    if least >= 0 and most <= 65535:
        return "from values up to 65535 by array.round().astype('uint16')"
    return f"its values from {least:.4g} to {most:.4g} scaled to 0..255"


def _split_alpha(image: Image.Image) -> tuple[Image.Image, np.ndarray | None]:
    """Part an 8-bit image into its colours, not blended with anything, and its alpha."""
    if not image.has_transparency_data:
        return image, None
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    image = image.convert("LA" if image.mode in ("1", "L", "LA") else "RGBA")
    return image.convert(image.mode[:-1]), np.array(image.getchannel("A"))


def _deep_grey(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Give the samples (H, W) uint16 and the alpha of a 16-bit grey image; None if it has 8 bits."""
    if image.mode == "F":
        raise wrong_depth("floats")
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return None
    samples = np.asarray(image)
    if samples.min() < 0 or samples.max() > 65535:
        raise wrong_depth(f"values from {samples.min()} to {samples.max()}")
    if image.format is None and image.mode == "I" and samples.max() <= 255:
        samples = samples * 257  # made from 8 bits by `convert`: as 16 bits it would be black
    transparent = image.info.get("transparency")  # PNG: the one grey value that is not to be seen
    alpha = None if transparent is None else np.where(samples == transparent, 0, 255).astype(np.uint8)
    return samples.astype(np.uint16), alpha


def _exif_of(image: Image.Image) -> tuple[bytes | None, int]:
    """Give the EXIF block to keep, upright and without its thumbnail, and the orientation to undo."""
    orientation = 1
    try:
        exif, kept = image.getexif(), Image.Exif()
        orientation = exif.get(Base.Orientation, 1)
        for tag in set(exif) - _EXIF_FOLDERS:
            if image.format != "TIFF" or tag in _TIFF_FACTS:
                kept[tag] = exif[tag]
        for folder in _EXIF_FOLDERS:
            kept.get_ifd(folder).update(exif.get_ifd(folder))
        kept.get_ifd(IFD.Exif).pop(IFD.Interop, None)  # a position in the old file
        if not kept and not any(kept.get_ifd(folder) for folder in _EXIF_FOLDERS):
            return None, orientation
        kept[Base.Orientation] = 1
        return kept.tobytes(), orientation
    except Exception as error:  # EXIF is damaged in as many ways as there are cameras, and can be missed
        warnings.warn(f"the photo's EXIF block is damaged and left out: {error}", stacklevel=2)
        return None, orientation
