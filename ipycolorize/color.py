"""Colour: sRGB <-> CIE Lab (D65, 2 degree observer), the place where both are computed.

Every function takes torch tensors with channels at dimension -3, ``(..., 3, H, W)``, or numpy arrays with
channels last, ``(..., 3)``, and answers in kind. (`image.lightness_of` finds L alone, of whole photographs
and without torch; a test holds the two together.)

| quantity | domain |
|---|---|
| RGB | [0, 1] as floats; uint8 0..255 is accepted where said |
| L | [0, 100] |
| a, b | Lab units, about -86..98 and -108..95 inside sRGB |

Source of the constants: IEC 61966-2-1 (sRGB) and CIE 15:2004 (Lab); the same white point as scikit-image,
which the tests compare with.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from . import forking as _forking  # noqa: F401 - whoever is forked from here shall compute

Image = TypeVar("Image", Tensor, np.ndarray)

_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
XYZ_TO_RGB = tuple(map(tuple, np.linalg.inv(np.array(_RGB_TO_XYZ)).tolist()))
WHITE = (0.95047, 1.0, 1.08883)  # D65, 2 degree observer
_LINEAR_TO_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_LMS_TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_DELTA = 6 / 29  # where the cube root of Lab turns into its linear part


def _two_doors(function: Callable[[Tensor], Tensor]) -> Callable[[Any], Any]:
    """Let a function of ``(..., 3, H, W)`` tensors also take ``(..., 3)`` arrays."""

    @wraps(function)
    def wrapper(image: Any) -> Any:
        if isinstance(image, Tensor):
            if image.ndim < 3 or image.shape[-3] != 3:
                raise ValueError(f"expected a tensor (..., 3, H, W), got shape {tuple(image.shape)}")
            return function(image)
        array = np.require(image, requirements=["C", "W"])  # torch shares no memory that it may not write
        if array.ndim < 1 or array.shape[-1] != 3:
            raise ValueError(f"expected an array with 3 channels last (..., 3), got shape {array.shape}")
        # one row of pixels is an image too: (..., 3) -> (3, 1, pixels)
        planes = torch.from_numpy(array).reshape(1, -1, 3).permute(2, 0, 1)
        return function(planes).permute(1, 2, 0).reshape(array.shape).numpy()

    return wrapper


def _as_float(rgb: Tensor) -> Tensor:
    if rgb.dtype == torch.uint8:
        return rgb.to(torch.float32) / 255
    if not rgb.is_floating_point():
        raise ValueError(f"expected RGB as uint8 or as floats in [0, 1], got {rgb.dtype}")
    return rgb


def linearize(rgb: Tensor) -> Tensor:
    """Undo the sRGB transfer curve, for values of any shape: [0, 1] -> linear light [0, 1]."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def companded(linear: Tensor) -> Tensor:
    """Apply the sRGB transfer curve, for values of any shape; below zero it goes on as a straight line."""
    return torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    )


def _mix(matrix: tuple[tuple[float, ...], ...], image: Tensor) -> Tensor:
    one, two, three = image.unbind(-3)
    return torch.stack([row[0] * one + row[1] * two + row[2] * three for row in matrix], dim=-3)


@_two_doors
def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB to Lab.

    Args:
        rgb: ``(..., 3, H, W)`` tensor or ``(..., 3)`` array; floats in [0, 1] or uint8.

    Returns:
        Lab of the same layout: L in [0, 100], a and b in Lab units.

    Raises:
        ValueError: another layout, or other integers than uint8.
    """
    xyz = _mix(_RGB_TO_XYZ, linearize(_as_float(rgb)))
    white = torch.tensor(WHITE, dtype=xyz.dtype, device=xyz.device).view(3, 1, 1)
    t = xyz / white
    f = torch.where(t > _DELTA**3, t.clamp(min=_DELTA**3) ** (1 / 3), t / (3 * _DELTA**2) + 4 / 29)
    fx, fy, fz = f.unbind(-3)
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], dim=-3)


def cubed(f: Tensor) -> Tensor:
    """The inverse of Lab's f, for values of any shape: XYZ as a share of white's."""
    return torch.where(f > _DELTA, f * f * f, 3 * _DELTA**2 * (f - 4 / 29))


def lab_to_linear(lab: Tensor) -> Tensor:
    """Convert a ``(..., 3, H, W)`` Lab tensor to linear-light sRGB; out-of-gamut colours leave [0, 1]."""
    lab = lab if lab.is_floating_point() else lab.to(torch.float32)
    lightness, a, b = lab.unbind(-3)
    fy = (lightness + 16) / 116
    f = torch.stack([fy + a / 500, fy, fy - b / 200], dim=-3)
    white = torch.tensor(WHITE, dtype=lab.dtype, device=lab.device).view(3, 1, 1)
    return _mix(XYZ_TO_RGB, cubed(f) * white)


def linear_to_oklab(linear: Tensor) -> Tensor:
    """Convert ``(..., 3, H, W)`` linear-light sRGB to OkLab (Ottosson 2020): lightness in [0, 1], a, b."""
    cones = _mix(_LINEAR_TO_LMS, linear)
    return _mix(_LMS_TO_OKLAB, cones.sign() * cones.abs() ** (1 / 3))


@_two_doors
def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert Lab to sRGB floats; nothing is clipped, so out-of-gamut colours leave [0, 1].

    Args:
        lab: ``(..., 3, H, W)`` tensor or ``(..., 3)`` array.
    """
    return companded(lab_to_linear(lab))


def saturation(rgb: Tensor) -> Tensor:
    """S of HSV, (max - min) / max: ``(..., 3, H, W)`` in [0, 1] -> ``(..., H, W)``; black has 0."""
    most, least = rgb.amax(dim=-3), rgb.amin(dim=-3)
    return torch.where(most > 0, (most - least) / most.clamp(min=1e-6), 0)


def to_uint8(rgb: Image) -> Image:
    """Clip floats to [0, 1] and round to 0..255: the only rounding to uint8 in the package."""
    if isinstance(rgb, Tensor):
        return rgb.clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def parse_hex(text: str) -> tuple[int, int, int]:
    """Read ``#rrggbb`` or ``#rgb`` (the # may be missing) as three integers 0..255.

    Raises:
        ValueError: if the text is no such colour.
    """
    digits = text.strip().removeprefix("#")
    if not re.fullmatch(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", digits):
        raise ValueError(f"expected a colour such as #d04020 or #d42, got {text!r}")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def to_hex(rgb: tuple[int, int, int]) -> str:
    """Write three integers 0..255 as ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)
