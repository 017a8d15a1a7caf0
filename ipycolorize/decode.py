"""Image files of every kind, decoded: samples as deep as they are stored, alpha, EXIF and profile.

Pillow does the work. What it does not do is told here once: 16-bit RGB TIFF goes through tifffile. Of
16-bit RGB PNG, Pillow (seen up to 13.0) hands out the high bytes alone, and its colour management knows 8
bits only, so those files, and 16-bit ones with a profile other than sRGB, are read at 8 bits.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import IFD, Base

from .profiles import to_srgb

MIN_SIDE = 8  # pixels
MAX_PIXELS = 100_000_000

# What else Pillow opens is no photograph, and EPS would even start an interpreter. HEIF comes with a plugin.
_FORMATS = {"AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP"}
_EXIF_FOLDERS = {IFD.Exif, IFD.GPSInfo}
# A TIFF's tags mix facts about the photograph with the layout of that one file; only the facts are handed on.
_TIFF_FACTS = {
    *(Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist),
    *(Base.Copyright, Base.XResolution, Base.YResolution, Base.ResolutionUnit),
}


class PhotoError(ValueError):
    """A photograph that cannot be read or written; says what was expected, what came and what to do."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """What an image file holds, as it lies there: EXIF orientation is not applied yet."""

    samples: np.ndarray  # (H, W) or (H, W, 3), uint8 or uint16, sRGB
    alpha: np.ndarray | None = None  # (H, W) uint8
    orientation: int = 1  # EXIF's, 1 to 8
    exif: bytes | None = None  # says orientation 1
    icc: bytes | None = None  # RGB profile to convert back to


def decode_path(path: str | os.PathLike[str]) -> Decoded:
    """Decode an image file; every failure is a `PhotoError`."""
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


def decode_file(file: BinaryIO, label: str) -> Decoded:
    """Decode an open image file, which errors call `label`."""
    start = file.read(16)
    if not start:
        raise PhotoError(f"expected an image file, but {label} has 0 bytes: copy or download it again")
    file.seek(0)
    try:
        with _photo_errors(label), Image.open(file) as image:
            if image.format not in _FORMATS:
                raise PhotoError(f"expected a photo, but {label} is {image.format}: save it as PNG first")
            return _decode(image, file)
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"expected an image file (JPEG, PNG, TIFF, WebP ...), but {label} is none that can be read, "
            f"it starts with {start!r}: export raw or HEIC files as JPEG, PNG or TIFF first"
        ) from error


def decode_image(image: Image.Image) -> Decoded:
    """Decode a PIL image, which may have been opened only."""
    with _photo_errors("the PIL image"):
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
        raise PhotoError(_too_large(f"{label} ({error})")) from error
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise PhotoError(
            f"expected a whole image file, but {label} is damaged or cut off ({error}): "
            "copy or download it again"
        ) from error


def _decode(image: Image.Image, file: BinaryIO | None) -> Decoded:
    check_size(image.height, image.width)
    deep = _deep_tiff(file) if file is not None and image.format == "TIFF" else None
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
        remedy = "convert it, from floats in [0, 1] by (255 * array).round().astype('uint8')"
        raise PhotoError(f"{wanted}, got {array.dtype}: {remedy}")
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)):
        raise PhotoError(f"{wanted}, got shape {array.shape}: give one picture, channels last")
    check_size(*array.shape[:2])
    array = array.astype(native)
    if array.shape[2:] == (4,):
        return Decoded(array[..., :3], to_8_bit(array[..., 3]))
    return Decoded(array)


def check_size(height: int, width: int) -> None:
    """Refuse what is too small to be a photograph or too large to be handled, before it is decoded."""
    if min(height, width) < MIN_SIDE:
        raise PhotoError(
            f"expected sides of {MIN_SIDE} pixels or more, got {height} x {width}: enlarge it first"
        )
    if height * width > MAX_PIXELS:
        raise PhotoError(_too_large(f"{height} x {width}, which is {height * width / 1e6:.0f}"))


def _too_large(came: str) -> str:
    return f"expected at most {MAX_PIXELS // 10**6} megapixels, got {came}: make it smaller first"


def to_8_bit(samples: np.ndarray) -> np.ndarray:
    """Round uint16 samples to uint8; uint8 ones pass."""
    if samples.dtype == np.uint8:
        return samples
    return np.take(np.round(np.arange(65536) / 257).astype(np.uint8), samples)


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
        raise _wrong_depth("floats")
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return None
    samples = np.asarray(image)
    if samples.min() < 0 or samples.max() > 65535:
        raise _wrong_depth(f"values from {samples.min()} to {samples.max()}")
    transparent = image.info.get("transparency")  # PNG: the one grey value that is not to be seen
    alpha = None if transparent is None else np.where(samples == transparent, 0, 255).astype(np.uint8)
    return samples.astype(np.uint16), alpha


def _deep_tiff(file: BinaryIO) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Give the samples (H, W[, 3]) uint16 and the alpha of a 16-bit TIFF; None where Pillow reads as much.

    Pillow keeps the 16 bits of plain grey only; it drops RGB's low bytes, mixes up separate planes, and
    leaves grey inverted whose zero is white.
    """
    import tifffile  # 0.1 s, and few photographs need it

    position = file.tell()
    file.seek(0)  # tifffile takes the present position for the beginning
    try:
        try:
            page = tifffile.TiffFile(file).pages.first
        except Exception:  # then what Pillow says of the file counts
            return None
        if page.sampleformat in (2, 3) or page.bitspersample not in (1, 2, 4, 8, 16):
            kind = {2: "signed integers", 3: "floats"}.get(page.sampleformat, "integers")
            raise _wrong_depth(f"{page.bitspersample}-bit {kind}")
        if page.bitspersample != 16 or (page.photometric == 1 and page.samplesperpixel == 1):
            return None
        try:
            return _deep_page(page)
        except Exception as error:  # most often LZW, for which tifffile needs one more package
            if page.photometric != 2 or page.planarconfig == 2:
                raise PhotoError(
                    f"expected a TIFF that can be decoded, got one that fails ({error}): "
                    "save it uncompressed first"
                ) from error
            warnings.warn(f"this 16-bit TIFF is read at 8 bits: {error}", stacklevel=2)
            return None
    finally:
        file.seek(position)


def _deep_page(page: Any) -> tuple[np.ndarray, np.ndarray | None]:
    grey, extra = page.photometric in (0, 1), page.extrasamples[:1]
    if not (grey or page.photometric == 2) or extra == (1,):
        raise ValueError("neither grey nor RGB, or premultiplied by its alpha")
    samples = page.asarray()
    if samples.ndim == 2:
        samples = samples[..., None]
    elif page.planarconfig == 2:
        samples = np.moveaxis(samples, 0, -1)
    samples = samples.astype(np.uint16)  # in this machine's byte order
    colours = 1 if grey else 3
    alpha = to_8_bit(samples[..., colours]) if extra == (2,) else None
    samples = samples[..., 0] if grey else samples[..., :3]
    return ~samples if page.photometric == 0 else samples, alpha


def _wrong_depth(came: str) -> PhotoError:
    return PhotoError(f"expected 8 or 16 bit integers per channel, got {came}: convert it to 16 bits first")


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
