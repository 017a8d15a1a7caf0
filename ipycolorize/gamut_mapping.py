"""The way back into sRGB that an eye calls straight: gamut mapping at constant L.

At one L the colours of sRGB form a patch of the ab plane around grey. Cutting chroma along a straight line
towards grey keeps Lab's hue, which is not what an eye sees: light blues turn lilac (Abney's effect; Lab is
known for it). OkLab's hue is better, but that of an (a, b) which sRGB does not have at this L must come from
somewhere, and it is the one that (a, b) has where sRGB does have it, at another L. So

    t = (C - R) / (C* - R)  clipped to [0, 1],     hue' = hue + t turn

where C and hue are those of (a, b) in Lab, R(L, hue) is the chroma of the border there, C*(hue) the largest
that sRGB has at any L, and turn(L, hue) leads to the Lab hue whose border colour has at this L the OkLab hue
of that most saturated colour. Just outside the border nothing turns, a colour that only exists at one L keeps
the hue it has there, and all between is continuous. Then the chroma is cut to the border, exactly.

Where the border is a cliff, nearly parallel to the way to grey (light yellows end so towards orange), a cut
along that way would jump. There the colour goes aside first, along the cliff's slope. R without cliffs, C*,
turn and the way aside are one smooth table.

OkLab: Ottosson 2020, https://bottosson.github.io/posts/oklab/.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .color import lab_to_linear, linear_to_oklab, rgb_to_lab
from .gamut_border import legs, reach, share_inside

CHUNK = 1 << 15  # colours at a time: they stay in the processor's cache
STEPS_L, STEPS_HUE = 200, 720  # of the table: half a unit, half a degree
STEP = 2 * np.pi / STEPS_HUE
STEEPEST = 8.0  # that the logarithm of R changes in a radian of hue, else it is a cliff
WIDEST = 0.2  # radians that a cliff is looked for
SOFT = 12.0  # ab units that a turn takes at least
MARGIN = 4.0  # ab units that the table may be below the border
BLUR = 5  # steps of hue
SLOWEST = 0.3  # of OkLab's hue along the border of dark blues, where it hardly moves: else `turn` would jump


def cut(colors: Tensor) -> Tensor:
    """The colour at the border of sRGB that stands for each colour outside: same L, same hue to an eye.

    Args:
        colors: ``(3, M)`` Lab, none of which sRGB has.

    Returns:
        The same shape; L is the one given.
    """
    return torch.cat([_cut(part) for part in colors.split(CHUNK, dim=1)], dim=1)


def _cut(colors: Tensor) -> Tensor:
    lightness, ab = colors[0], colors[1:]
    chroma, hue = torch.hypot(*ab), torch.atan2(ab[1], ab[0])
    border, highest, turn, _ = _look_up(lightness, hue)
    hue = hue + turn * ((chroma - border) / (highest - border).clamp(min=SOFT)).clamp(0, 1)
    border, _, _, aside = _look_up(lightness, hue)
    chroma = torch.minimum(chroma, border + MARGIN)
    start, corner = (chroma * torch.stack([angle.cos(), angle.sin()]) for angle in (hue, hue + aside))
    share = share_inside(lightness, start, corner)
    to_corner, from_corner = legs(share)
    return torch.cat([colors[:1], to_corner * corner + from_corner * (start - corner)])


def _look_up(lightness: Tensor, hue: Tensor) -> Tensor:
    """Values ``(4, M)`` between those of the table."""
    place = torch.stack([torch.remainder(hue, 2 * torch.pi) / torch.pi - 1, lightness / 50 - 1], dim=-1)
    place = place.nan_to_num()[None, None]  # (1, 1, M, 2)
    found = F.grid_sample(_table().to(hue)[None], place, padding_mode="border", align_corners=True)
    return found[0, :, 0]


@lru_cache(maxsize=1)
@torch.inference_mode(False)  # whoever asks first: training wants it too
def _table() -> Tensor:
    """``(4, L, hue)`` float32: R without cliffs, C*, and turn and the way aside in radians."""
    hue = np.linspace(0, 2 * np.pi, STEPS_HUE + 1)
    lightness = np.linspace(0, 100, STEPS_L + 1).clip(0.5, 99.5)  # black and white have no hue
    shape = (len(lightness), len(hue))
    flat_l = torch.from_numpy(lightness.repeat(len(hue)))
    cos, sin = (torch.from_numpy(np.tile(f(hue), len(lightness))) for f in (np.cos, np.sin))
    border = reach(flat_l, cos, sin)
    seen = _ok_hue(torch.stack([flat_l, border * cos, border * sin])).reshape(shape)
    seen = _rising(np.unwrap(seen - hue, axis=1) + hue)

    full, full_hue = _most_saturated()
    highest = np.interp(hue, full_hue, np.hypot(*full[1:].numpy()), period=2 * np.pi)
    wanted = hue + np.interp(hue, full_hue, _wrapped(_ok_hue(full) - full_hue), period=2 * np.pi)
    turn = np.empty(shape)
    for row, line in zip(turn, seen, strict=True):
        line += 2 * np.pi * np.round((wanted - line).mean() / (2 * np.pi))
        row[:] = np.interp(wanted, _thrice(line), _thrice(hue)) - hue
    for _ in range(2):  # the corners of the cube make kinks, which would be seen as bands
        turn = _blurred(turn)
    smooth, aside = _without_cliffs(border.numpy().reshape(shape))
    values = np.stack([smooth, np.broadcast_to(highest, shape), turn, aside])
    return torch.from_numpy(values).float()


def _thrice(angle: np.ndarray) -> np.ndarray:
    """Angles of one round, the rounds before and after it included."""
    return np.concatenate([angle[:-1] - 2 * np.pi, angle[:-1], angle + 2 * np.pi])


def _without_cliffs(border: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least border ``(L, hue)`` above the given one that is nowhere steep, and the way to where it leans.

    Light yellows: within half a degree of hue the chroma falls from 93 to 59.
    """
    once = np.log(border[:, :-1].clip(min=1e-3))
    best, aside = once.copy(), np.zeros_like(once)
    for shift in range(1, round(WIDEST / STEP)):
        for side in (-shift, shift):
            leaning = np.roll(once, side, axis=1) - STEEPEST * shift * STEP
            better = leaning > best
            best[better], aside[better] = leaning[better], -side * STEP
    smooth, turned = (np.concatenate([part, part[:, :1]], axis=1) for part in (np.exp(best), aside))
    return smooth, turned


def _blurred(lines: np.ndarray) -> np.ndarray:
    """The mean over `BLUR` values around the circle."""
    around = np.concatenate([lines[:, -1 - BLUR // 2 : -1], lines[:, :-1], lines[:, : BLUR // 2]], axis=1)
    mean = np.lib.stride_tricks.sliding_window_view(around, BLUR, axis=1).mean(axis=-1)
    return np.concatenate([mean, mean[:, :1]], axis=1)


def _most_saturated() -> tuple[Tensor, np.ndarray]:
    """Lab ``(3, M)`` and hue of the edges from red over yellow, green, cyan, blue and magenta to red."""
    up = np.arange(1024) / 1024
    one, none, down = np.ones_like(up), np.zeros_like(up), 1 - up
    corners = ((one, up, none), (down, one, none), (none, one, up), (none, down, one), (up, none, one))
    edges = [np.stack(edge, axis=1) for edge in (*corners, (one, none, down))]
    lab = rgb_to_lab(np.concatenate(edges))
    hue = np.arctan2(lab[:, 2], lab[:, 1]) % (2 * np.pi)
    order = np.argsort(hue)
    return torch.from_numpy(lab[order].T.copy()), hue[order]


def _ok_hue(lab: Tensor) -> np.ndarray:
    """OkLab's hue of Lab ``(3, M)``, in radians."""
    _, a, b = linear_to_oklab(lab_to_linear(lab[..., None]))[..., 0]
    return torch.atan2(b, a).numpy()


def _wrapped(angle: np.ndarray) -> np.ndarray:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _rising(lines: np.ndarray) -> np.ndarray:
    """Lines of angles around the circle, ``(L, hue)``, so that each step is some share of the usual one."""
    steps = np.maximum(np.diff(lines, axis=1), SLOWEST * STEP)
    steps *= 2 * np.pi / steps.sum(axis=1, keepdims=True)
    rising = np.concatenate([np.zeros((len(lines), 1)), steps.cumsum(axis=1)], axis=1)
    return rising + (lines - rising).mean(axis=1, keepdims=True)
