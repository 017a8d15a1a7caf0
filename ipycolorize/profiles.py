"""Colour profiles (ICC): from whatever colours a file was made in to sRGB, and back."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image
from PIL.ImageCms import (
    Flags,
    ImageCmsProfile,
    ImageCmsTransform,
    Intent,
    PyCMSError,
    buildTransform,
    createProfile,
)

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}  # a profile's colour space: Pillow's mode


def to_srgb(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, bytes | None, bool]:
    """Convert an opaque 8-bit image, of any Pillow mode, to sRGB, mode RGB or L.

    Returns it with the profile that an export can convert back to (None unless it is an RGB profile other
    than sRGB), and whether its values changed on the way. A profile that is broken, or for another kind of
    image, is ignored with a warning.
    """
    if image.mode not in ("L", "CMYK", "LAB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if icc:
        try:
            return _apply(ImageCmsProfile(io.BytesIO(icc)), image, icc)
        except (OSError, ValueError, PyCMSError) as error:
            warnings.warn(f"the photo's colour profile is ignored: {error}", stacklevel=2)
    if image.mode == "LAB":
        lab = ImageCmsProfile(createProfile("LAB"))
        return _transform(lab, _srgb(), "LAB", "RGB").apply(image), None, True
    return (image.convert("RGB"), None, True) if image.mode == "CMYK" else (image, None, False)


def from_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Convert an sRGB image (mode RGB) to an RGB profile that `to_srgb` returned."""
    return _transform(_srgb(), ImageCmsProfile(io.BytesIO(icc)), "RGB", "RGB").apply(image)


def _apply(
    profile: ImageCmsProfile, image: Image.Image, icc: bytes
) -> tuple[Image.Image, bytes | None, bool]:
    space = profile.profile.xcolor_space.strip()
    mode = _MODES.get(space, "")
    if mode != image.mode and (mode, image.mode) != ("RGB", "L"):  # grey may carry its camera's RGB profile
        raise ValueError(f"it describes {space} and the image is {image.mode}")
    transform = _transform(profile, _srgb(), mode, "RGB")
    if mode in ("L", "RGB") and _keeps_values(transform, mode):
        return image, None, False
    kept = icc if mode == "RGB" and _leads_back(profile) else None
    return transform.apply(image.convert(mode)), kept, True


def _leads_back(profile: ImageCmsProfile) -> bool:
    """Whether colours can be converted to an RGB profile too; some scanners' profiles lead out only."""
    try:
        _transform(_srgb(), profile, "RGB", "RGB")
    except PyCMSError:
        return False
    return True


def _keeps_values(transform: ImageCmsTransform, mode: str) -> bool:
    """Whether a profile is sRGB, judged by what it does: sRGB profiles come by dozens of names."""
    ramp = np.arange(256, dtype=np.uint8)
    grey = np.stack([ramp, ramp, ramp], axis=-1)
    colours = np.stack([ramp, np.roll(ramp, 85), np.roll(ramp, 170)], axis=-1)
    expected = np.stack([grey, grey if mode == "L" else colours])
    given = Image.fromarray(np.ascontiguousarray(expected[..., 0]) if mode == "L" else expected)
    return int(np.abs(np.asarray(transform.apply(given)).astype(int) - expected).max()) <= 1


def _srgb() -> ImageCmsProfile:
    return ImageCmsProfile(createProfile("sRGB"))


def _transform(
    source: ImageCmsProfile, target: ImageCmsProfile, mode: str, target_mode: str
) -> ImageCmsTransform:
    transform = buildTransform(
        source,
        target,
        mode,
        target_mode,
        renderingIntent=Intent.RELATIVE_COLORIMETRIC,
        flags=Flags.BLACKPOINTCOMPENSATION,
    )
    if not isinstance(transform, ImageCmsTransform):  # for Pillow's type stubs: any point handler
        raise TypeError(f"expected a colour transform, got {transform!r}")
    return transform
