"""What Pillow does not do for TIFF: find the photograph among thumbnails, tell raw files, keep 16 bits.

tifffile does that, which is imported where a TIFF comes along only: it takes 0.1 s.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from .opener import MAX_BYTES, PhotoError, TooLargeError, check_size, too_large

BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF, either byte order
MOST_PAGES = 16  # that are looked at, in the file and below each page
_RAW = {32803, 34892}  # photometric: a colour filter array, linear raw (DNG specification 1.7)
_DNG_VERSION = 50706  # tag


def photograph_first(file: BinaryIO, label: str) -> BinaryIO:
    """Give a TIFF whose first page is the photograph: the file itself nearly always, else a copy in memory.

    Page by page a file says what is a reduced copy or a mask (NewSubfileType, TIFF 6.0, page 36; SubfileType,
    page 40), and full pages may lie below reduced ones (SubIFDs). The first that is neither counts.

    Raises:
        PhotoError: a camera's raw file, whose pages are previews and what the sensor saw.
    """
    import tifffile

    try:
        start = file.read(10)
        file.seek(0)  # tifffile takes the present position for the beginning
        pages = list(_pages(tifffile.TiffFile(file).pages))
        raw = start[8:] == b"CR" or any(_is_raw(page) for page in pages)
        main = next((page for page in pages if not _is_aside(page)), None)
    except Exception:  # then what Pillow says of the file counts
        return file
    finally:
        file.seek(0)
    if raw:
        raise PhotoError(
            f"expected a photo, but {label} is a camera's raw file: export it as JPEG, PNG or TIFF first"
        )
    if main is None or main.offset == pages[0].offset:
        return file
    data = bytearray(file.read(MAX_BYTES + 1))
    if len(data) > MAX_BYTES:
        raise TooLargeError(
            too_large(f"{label}, a larger TIFF with a thumbnail", f"{MAX_BYTES / 1e9:.1f} GB")
        )
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    struct.pack_into(f"{order}Q" if big else f"{order}I", data, 8 if big else 4, main.offset)
    return io.BytesIO(data)


def _pages(pages: Any) -> Iterator[Any]:
    """Pages in order, those below a page right after it."""
    for number in range(MOST_PAGES):
        try:
            page = pages[number]
        except IndexError:
            return
        yield page
        if page.pages is not None:
            yield from _pages(page.pages)


def _is_raw(page: Any) -> bool:
    return int(page.photometric or 0) in _RAW or _DNG_VERSION in page.tags


def _is_aside(page: Any) -> bool:
    old = page.tags.get(255)
    return bool(int(page.subfiletype or 0) & 0b101) or (old is not None and old.value == 2)


def deep_samples(file: BinaryIO) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Give the samples (H, W[, 3]) uint16 and the alpha of a 16-bit TIFF; None where Pillow reads as much.

    Pillow keeps the 16 bits of plain grey only; it drops RGB's low bytes, mixes up separate planes, and
    leaves grey inverted whose zero is white.
    """
    import tifffile

    position = file.tell()
    file.seek(0)  # tifffile takes the present position for the beginning
    try:
        try:
            page = tifffile.TiffFile(file).pages.first
        except Exception:  # then what Pillow says of the file counts
            return None
        if page.sampleformat in (2, 3) or page.bitspersample not in (1, 2, 4, 8, 16):
            kind = {2: "signed integers", 3: "floats"}.get(page.sampleformat, "integers")
            raise wrong_depth(f"{page.bitspersample}-bit {kind}")
        if page.bitspersample != 16 or (page.photometric == 1 and page.samplesperpixel == 1):
            return None
        check_size(page.imagelength, page.imagewidth)
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


def wrong_depth(came: str) -> PhotoError:
    """The error about samples of another kind than 8 or 16 bits."""
    return PhotoError(f"expected 8 or 16 bit integers per channel, got {came}: convert it to 16 bits first")


def to_8_bit(samples: np.ndarray) -> np.ndarray:
    """Round uint16 samples to uint8; uint8 ones pass."""
    if samples.dtype == np.uint8:
        return samples
    return np.take(np.round(np.arange(65536) / 257).astype(np.uint8), samples)
