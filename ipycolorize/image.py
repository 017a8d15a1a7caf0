"""Photographs: from a file to sRGB and lightness, and back to a file that keeps what the first one had.

`read_photo` makes one thing of whatever a camera, a scanner or a phone wrote: a `Photo`, upright, sRGB, its
L computed from the deepest data at hand (see `decode` for which files keep 16 bits). `write_photo` goes
back: the same size, EXIF, colour profile and transparency.
"""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .decode import Decoded, PhotoError, decode_array, decode_file, decode_image, decode_path
from .documents import printable
from .files import replacing
from .frame import Frame
from .profiles import from_srgb

__all__ = ["Frame", "Photo", "PhotoError", "read_photo", "resize_lightness", "sample_photo", "write_photo"]

# Y of linear red, green and blue, the same as in `color`, which would bring torch along
_LUMINANCE = (0.212671, 0.715160, 0.072169)
_STRIP = 1 << 19  # pixels: temporaries of a few MiB whatever the photograph's size
_WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {"compress_level": 2}),  # a tenth larger than the best, several times faster
    ".jpg": ("JPEG", {"subsampling": "4:4:4"}),  # colour is what this package makes: not to be halved
    ".jpeg": ("JPEG", {"subsampling": "4:4:4"}),
    ".tif": ("TIFF", {}),  # uncompressed: Pillow's compressed TIFFs cannot hold EXIF
    ".tiff": ("TIFF", {}),
}
_MAX_JPEG_EXIF = 65_533  # bytes of one segment


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph in memory, as `read_photo` makes it."""

    rgb: np.ndarray  # (H, W, 3) uint8, sRGB, upright: the photograph as a screen shows it
    lightness: np.ndarray  # (H, W) float32, L in [0, 100], from the deepest data in the file
    alpha: np.ndarray | None = None  # (H, W) uint8
    exif: bytes | None = None  # says orientation 1, since `rgb` is upright
    icc: bytes | None = None  # the file's RGB profile; None for sRGB, for none, and for a grey or CMYK one
    name: str = "photo"  # the file's stem

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]


def read_photo(source: str | os.PathLike[str] | bytes | Image.Image | np.ndarray | Photo) -> Photo:
    """Read a photograph.

    EXIF orientation is applied, colour profiles (RGB, grey, CMYK) are converted to sRGB, alpha is kept
    apart and not blended; the size never changes. Of several frames or pages the first counts. The EXIF
    block loses its thumbnail, which would show the picture as it was.

    Args:
        source: a path, the bytes of a file, a PIL image, or an array of sRGB samples (H, W), (H, W, 3) or
            (H, W, 4), alpha last, uint8 or uint16. A `Photo` passes through.

    Raises:
        PhotoError: no such file; not an image; damaged or cut off; a side below 8 pixels; more than 100
            megapixels (seen before anything is decoded); samples other than integers of 8 or 16 bits.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return _photo(decode_array(source), "photo")
    if isinstance(source, Image.Image):
        filename = os.fsdecode(getattr(source, "filename", ""))
        return _photo(decode_image(source), Path(filename).stem or "photo")
    if isinstance(source, bytes | bytearray | memoryview):
        return _photo(decode_file(io.BytesIO(source), "what was given"), "photo")
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser()
        return _photo(decode_path(path), path.stem)
    came = f"{type(source).__module__}.{type(source).__qualname__}"
    raise PhotoError(f"expected a path, bytes, a PIL image or a NumPy array, got {came}: convert it first")


def _photo(decoded: Decoded, name: str) -> Photo:
    decoded = decoded.upright()
    return Photo(
        rgb=decoded.rgb(),
        lightness=_lightness(decoded.samples),
        alpha=decoded.alpha,
        exif=decoded.exif,
        icc=decoded.icc,
        name=printable(name),
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


def write_photo(path: str | os.PathLike[str], rgb: np.ndarray, *, photo: Photo, quality: int = 95) -> None:
    """Write new colours of a photo to a file; it appears whole or, if anything fails, stays as it was.

    The photo's EXIF is kept. If it had an RGB profile, the colours are converted back to it and it is
    embedded; otherwise they are sRGB without a profile. PNG and TIFF keep alpha; JPEG has none, so it is
    dropped, not blended.

    Args:
        path: ends in .png, .jpg, .jpeg, .tif or .tiff.
        rgb: (H, W, 3) uint8, sRGB, of the photo's size.
        photo: where the rest comes from.
        quality: of JPEG, 1 to 100; colour is stored at full resolution (4:4:4).

    Raises:
        PhotoError: another extension or another size, no such folder, or the system refuses (disk full, no
            permission).
    """
    target = Path(path).expanduser()
    suffix = target.suffix.lower()
    if suffix not in _WRITERS:
        raise PhotoError(
            f"expected a name ending in {', '.join(_WRITERS)}, got {target.name!r}: choose one of these"
        )
    if not target.parent.is_dir():
        raise PhotoError(f"expected an existing folder, but there is no {target.parent}: create it first")
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8 or rgb.shape != (*photo.shape, 3):
        came = f"{rgb.dtype} {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise PhotoError(f"expected uint8 {(*photo.shape, 3)}, got {came}: render at the photo's size")
    if not 1 <= quality <= 100:
        raise PhotoError(f"expected a JPEG quality from 1 to 100, got {quality}: 95 is a good one")
    try:
        with replacing(target.resolve()) as part:
            part.write_bytes(_encode(suffix, rgb, photo, quality))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise PhotoError(
            f"expected to write {target}, but: {reason}; nothing was changed, try another place"
        ) from error


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
