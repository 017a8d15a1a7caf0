"""The one door for image files: which formats come in, how large they may be, and how they are opened.

Pillow opens some forty formats by their content, whatever the name says; of PostScript it starts an
interpreter. Everything here that comes from a file goes through `open_image`, which knows photographs only
and asks the header for the size before a decoder makes room for it.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from PIL import Image, ImageFile

MIN_SIDE = 8  # pixels
MAX_PIXELS = 100_000_000
# Some decoders take the whole file into memory first. 16 bits of red, green, blue and alpha of the largest
# photograph are 0.8 GB; TIFF, which is read piece by piece, may hold any number of further pages.
MAX_BYTES = 1 << 30

FORMATS = (  # Pillow's names. HEIF comes with a plug-in; MPO, of 3D cameras, is opened as JPEG
    *("JPEG", "MPO", "PNG", "TIFF", "WEBP", "GIF", "BMP", "PPM", "JPEG2000", "AVIF", "HEIF"),
)
SUFFIXES = {  # of files in folders that are photographs
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".tif", ".tiff", ".webp", ".gif", ".bmp"),
    *(".ppm", ".pgm", ".pnm", ".jp2", ".j2k", ".avif", ".heic", ".heif"),
}

_OTHERS = {  # how files begin that people take for photographs: what they are
    b"%!PS": "PostScript (EPS)",
    b"\xc5\xd0\xd3\xc6": "PostScript (EPS)",
    b"%PDF": "a PDF",
    b"8BPS": "a Photoshop document",
    b"\0\0\1\0": "an icon",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML document",
    b"\xd7\xcd\xc6\x9a": "a Windows metafile",
}


class PhotoError(ValueError):
    """A photograph that cannot be read or written; says what was expected, what came and what to do."""


class TooSmallError(PhotoError):
    """A picture with sides too short for a photograph."""


class TooLargeError(PhotoError):
    """A photograph with more pixels or bytes than can be handled."""


def open_image(file: BinaryIO, label: str) -> Image.Image:
    """Open an image file without decoding its pixels; its size has been checked.

    Args:
        file: seekable, at its beginning.
        label: what errors call it.

    Raises:
        PhotoError: another format, or too small or too large.
        UnidentifiedImageError: nothing that is known.
        Exception: of a dozen kinds, for files that are damaged.
    """
    start = file.read(64)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    for beginning, kind in _OTHERS.items():
        if start.startswith(beginning):
            raise PhotoError(f"expected a photo, but {label} is {kind}: save it as PNG or JPEG first")
    if size > MAX_BYTES and start[:2] not in (b"II", b"MM"):
        raise TooLargeError(too_large(f"{label} of {size / 1e9:.1f} GB", f"{MAX_BYTES / 1e9:.1f} GB"))
    if shape := _webp_shape(start):
        check_size(*shape)
    Image.init()
    image = Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN])
    check_size(image.height, image.width)
    return image


def check_image(image: Image.Image) -> None:
    """Refuse an image that somebody opened, but did not load, in a format that would not have come in here.

    Raises:
        PhotoError: saying so.
    """
    waiting = bool(getattr(image, "tile", None)) or isinstance(image, ImageFile.StubImageFile)
    if waiting and image.format not in FORMATS:
        raise PhotoError(
            f"expected a photo, but the PIL image is an opened {image.format} file: call its load() first, "
            "if you trust the file"
        )


def check_size(height: int, width: int) -> None:
    """Refuse what is too small to be a photograph or too large to be handled, before it is decoded.

    Raises:
        TooSmallError, TooLargeError: which it is.
    """
    if min(height, width) < MIN_SIDE:
        raise TooSmallError(
            f"expected sides of {MIN_SIDE} pixels or more, got {height} x {width}: enlarge it first"
        )
    if height * width > MAX_PIXELS:
        raise TooLargeError(too_large(f"{height} x {width}, which is {height * width / 1e6:.0f}"))


def too_large(came: str, most: str = f"{MAX_PIXELS // 10**6} megapixels") -> str:
    """The sentence of a `TooLargeError`."""
    return f"expected at most {most}, got {came}: make it smaller first"


def _webp_shape(start: bytes) -> tuple[int, int] | None:
    """Height and width from the header of an extended WebP, whose decoder makes room before it tells them.

    Source: RFC 9649, section 2.7.
    """
    if not (start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X" and len(start) >= 30):
        return None
    width, height = (int.from_bytes(start[at : at + 3], "little") + 1 for at in (24, 27))
    return height, width
