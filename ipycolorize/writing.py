"""A photo's new colours, to a file that keeps what the first one had: size, EXIF, colour profile, alpha."""

from __future__ import annotations

import io
import json
import os
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from .files import check_free, replacing
from .image import Photo, PhotoError, read_photo
from .origin import path_of
from .pipes import is_stream
from .profiles import from_srgb

_WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {"compress_level": 2}),  # a tenth larger than the best, several times faster
    ".jpg": ("JPEG", {"subsampling": "4:4:4"}),  # colour is what this package makes: not to be halved
    ".jpeg": ("JPEG", {"subsampling": "4:4:4"}),
    ".tif": ("TIFF", {}),  # uncompressed: Pillow's compressed TIFFs cannot hold EXIF
    ".tiff": ("TIFF", {}),
}
_MAX_JPEG_EXIF = 65_533  # bytes of one segment


def is_own_file(path: str | os.PathLike[str], photo: Photo) -> bool:
    """Whether a file is the one that a photo was read from, moved, linked or copied as it may be.

    A photo that never was in a file, such as an array, is compared with what the file shows.
    """
    path = Path(path).expanduser()
    if is_stream(path) or not path.is_file():
        return False
    if photo.origin is not None:
        return photo.origin.is_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shown = read_photo(path).rgb
    except PhotoError:
        return False
    return np.array_equal(shown, photo.rgb)


def write_photo(
    path: str | os.PathLike[str] | BinaryIO,
    rgb: np.ndarray,
    *,
    photo: Photo,
    quality: int = 95,
    format: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write new colours of a photo to a file; it appears whole or, if anything fails, stays as it was.

    The photo's EXIF is kept. If it had an RGB profile, the colours are converted back to it and it is
    embedded; otherwise they are sRGB without a profile. PNG and TIFF keep alpha; JPEG has none, so it is
    dropped, not blended.

    Args:
        path: ends in .png, .jpg, .jpeg, .tif or .tiff; or a file open for writing bytes.
        rgb: (H, W, 3) uint8, sRGB, of the photo's size.
        photo: where the rest comes from.
        quality: of JPEG, 1 to 100; colour is stored at full resolution (4:4:4).
        format: "png", "jpg" or "tif", for an open file or a pipe, whose name does not say it.
        overwrite: replace a file that is there. The photograph's own is never replaced.

    Raises:
        FileExistsError: a file is there, and `overwrite` is false.
        PhotoError: another extension or another size, no such folder, the photograph's own file, or the
            system refuses (disk full, no permission).
    """
    suffix = check_target(path, photo, format=format, overwrite=overwrite)
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8 or rgb.shape != (*photo.shape, 3):
        came = f"{rgb.dtype} {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise PhotoError(f"expected uint8 {(*photo.shape, 3)}, got {came}: render at the photo's size")
    if not 1 <= quality <= 100:
        raise PhotoError(f"expected a JPEG quality from 1 to 100, got {quality}: 95 is a good one")
    if not isinstance(path, str | os.PathLike):
        _write_open(path, _encode(suffix, rgb, photo, quality))
        return
    target = Path(path).expanduser()
    try:
        with replacing(target, overwrite=overwrite) as part:
            part.write_bytes(_encode(suffix, rgb, photo, quality))
    except FileExistsError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise PhotoError(
            f"expected to write {target}, but: {reason}; nothing was changed, try another place"
        ) from error


def check_target(
    path: str | os.PathLike[str] | BinaryIO,
    photo: Photo,
    *,
    format: str | None = None,
    overwrite: bool = False,
    remedy: str = "overwrite=True",
) -> str:
    """Make sure that a picture can be written, before there is one; returns its extension.

    Args:
        path, photo, format, overwrite: as `write_photo` takes them.
        remedy: how whoever asked can say `overwrite`.

    Raises:
        FileExistsError, PhotoError: as `write_photo`.
    """
    target = Path(path).expanduser() if isinstance(path, str | os.PathLike) else None
    suffix = _suffix_of(target, format)
    own = path_of(path) if target is None else target
    if own is not None and is_own_file(own, photo):
        raise PhotoError(f"expected another name than the photograph's own, got {own}: it is never replaced")
    if target is not None:
        if not target.parent.is_dir():
            raise PhotoError(f"expected an existing folder, but there is no {target.parent}: create it first")
        try:
            check_free(target, overwrite=overwrite, remedy=remedy)
        except IsADirectoryError as error:
            raise PhotoError(str(error)) from error
    return suffix


def _write_open(file: Any, data: bytes) -> None:
    rest = memoryview(data)
    while rest:  # a raw file may take a part at a time
        taken = file.write(rest)
        rest = rest[len(rest) if taken is None else taken :]


def _suffix_of(target: Path | None, format: str | None) -> str:
    """The extension that says what to write."""
    stream = target is None or is_stream(target)
    suffix = "" if target is None else target.suffix.lower()
    wanted = "" if format is None else f".{format.lower().removeprefix('.')}"
    if wanted and wanted not in _WRITERS:
        raise PhotoError(f"expected a format png, jpg or tif, got {format!r}: choose one of these")
    if stream and (wanted or suffix not in _WRITERS):
        if not wanted:
            raise PhotoError(
                "expected the format of what goes to a stream (format, --format), got none: "
                "say png, jpg or tif"
            )
        return wanted
    if target is not None and suffix not in _WRITERS:
        raise PhotoError(
            f"expected a name ending in {', '.join(_WRITERS)}, got {target.name!r}: choose one of these"
        )
    if wanted and _WRITERS[wanted][0] != _WRITERS[suffix][0]:
        raise PhotoError(f"expected a name that ends in {wanted}, got one in {suffix}: leave the format out")
    return suffix


def _encode(suffix: str, rgb: np.ndarray, photo: Photo, quality: int) -> bytes:
    """Encode in memory, so that the disk sees one plain write, whose failure has a plain reason."""
    kind, options = _WRITERS[suffix]
    image = Image.fromarray(rgb)
    if photo.icc:
        image = from_srgb(image, photo.icc)
    exif = photo.exif
    if kind == "JPEG":
        options = {**options, "quality": quality}
        if exif and len(exif) > _MAX_JPEG_EXIF:
            warnings.warn(f"EXIF of {len(exif)} bytes is too long for JPEG and left out", stacklevel=3)
            exif = None
    elif photo.alpha is not None:
        image.putalpha(Image.fromarray(photo.alpha))
    if exif:
        options = {**options, "exif": exif}
    file = io.BytesIO()
    image.save(file, kind, icc_profile=photo.icc, **options)
    return file.getvalue()


def write_json(path: Path, data: Any, *, overwrite: bool = False) -> None:
    """Write plain data as JSON, whole or not at all.

    Raises:
        FileExistsError: a file is there, and `overwrite` is false.
        OSError: the system refuses.
    """
    with replacing(path, overwrite=overwrite) as part:
        part.write_text(json.dumps(data, indent=1), encoding="utf-8")
