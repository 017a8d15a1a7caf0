"""CIEDE2000: Sharma's pairs, a reference of 40 digits, and hues that are exactly opposed."""

import numpy as np
import pytest
import torch
from mpmath import mp, mpf

from ipycolorize.ciede2000 import ciede2000

# Sharma, Wu and Dalal 2005, table 1: L1 a1 b1 L2 a2 b2 and the difference
SHARMA = np.array(
    [
        [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
        [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
        [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
        [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
        [50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461],
        [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
        [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
        [50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977],
        [50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030],
        [50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


def reference(first, second):
    """The formula line by line in 40 digits; equality to 180 degrees is that of 30 of them."""
    with mp.workdps(40):
        l1, a1, b1, l2, a2, b2 = (mpf(float(value)) for value in (*first, *second))
        mean = (mp.hypot(a1, b1) + mp.hypot(a2, b2)) / 2
        stretch = 1 + (1 - mp.sqrt(mean**7 / (mean**7 + mpf(25) ** 7))) / 2
        a1, a2 = stretch * a1, stretch * a2
        c1, c2 = mp.hypot(a1, b1), mp.hypot(a2, b2)
        h1, h2 = (
            mpf(0) if a == 0 == b else mp.degrees(mp.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2))
        )
        turn, total = h2 - h1, h1 + h2
        far = abs(turn) - 180 > mpf(10) ** -30
        if c1 * c2 == 0:
            turn, hue = mpf(0), total
        elif far:
            turn, hue = turn - 360 * mp.sign(turn), (total + (360 if total < 360 else -360)) / 2
        else:
            hue = total / 2
        lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2

        def cos(degrees):
            return mp.cos(mp.radians(degrees))

        weight = (
            1
            - mpf("0.17") * cos(hue - 30)
            + mpf("0.24") * cos(2 * hue)
            + mpf("0.32") * cos(3 * hue + 6)
            - mpf("0.20") * cos(4 * hue - 63)
        )
        off = (lightness - 50) ** 2
        dl = (l2 - l1) / (1 + mpf("0.015") * off / mp.sqrt(20 + off))
        dc = (c2 - c1) / (1 + mpf("0.045") * chroma)
        dh = 2 * mp.sqrt(c1 * c2) * mp.sin(mp.radians(turn) / 2) / (1 + mpf("0.015") * chroma * weight)
        strength = 2 * mp.sqrt(chroma**7 / (chroma**7 + mpf(25) ** 7))
        rotation = -strength * mp.sin(mp.radians(60 * mp.exp(-(((hue - 275) / 25) ** 2))))
        return float(mp.sqrt(dl**2 + dc**2 + dh**2 + rotation * dc * dh))


def ours(first, second, dtype=torch.float64):
    """Of (M, 3) arrays."""
    planes = (torch.tensor(np.asarray(lab).T[..., None], dtype=dtype) for lab in (first, second))
    return ciede2000(*planes)[:, 0].numpy()


def test_sharmas_34_pairs_both_ways():
    first, second, wanted = SHARMA[:, :3], SHARMA[:, 3:6], SHARMA[:, 6]
    np.testing.assert_allclose(ours(first, second), wanted, atol=1e-4)
    np.testing.assert_allclose(ours(second, first), wanted, atol=1e-4)
    np.testing.assert_allclose(list(map(reference, first, second)), wanted, atol=1e-4)


def test_exactly_opposed_hues_in_whole_numbers():
    draw = np.random.default_rng(0)
    ab = draw.integers(-100, 101, (1500, 2))
    ab = np.concatenate([ab, [[1, 0], [0, 1], [-1, 0], [0, -1], [7, 7], [-100, 100], [64, -3]]])
    lightness = draw.integers(0, 101, (len(ab), 2))
    first = np.column_stack([lightness[:, 0], ab])
    second = np.column_stack([lightness[:, 1], -ab])
    wanted = list(map(reference, first, second))
    np.testing.assert_allclose(ours(first, second), wanted, atol=1e-4)
    np.testing.assert_allclose(ours(second, first), wanted, atol=1e-4)


def test_opposed_hues_of_other_chromas():
    """(a, b) against (-k a, -k b): on one line through grey as well."""
    draw = np.random.default_rng(1)
    ab, scale = draw.integers(-40, 41, (400, 2)), draw.integers(2, 4, (400, 1))
    first, second = (np.column_stack([np.full(400, 60), colours]) for colours in (ab, -scale * ab))
    np.testing.assert_allclose(ours(first, second), list(map(reference, first, second)), atol=1e-4)


def test_hues_that_are_opposed_but_for_a_little_keep_their_side():
    first = np.array([[50, 100.0, -99.0]] * 2)
    second = np.array([[50, -100.0, 99.0 + 1e-6], [50, -100.0, 99.0 - 1e-6]])
    found = ours(first, second)
    np.testing.assert_allclose(found, list(map(reference, first, second)), atol=1e-4)
    assert abs(found[0] - found[1]) > 1  # here the formula itself jumps


def test_any_colours_equal_the_reference():
    draw = np.random.default_rng(2)
    first, second = (draw.uniform([0, -100, -100], [100, 100, 100], (400, 3)) for _ in range(2))
    np.testing.assert_allclose(ours(first, second), list(map(reference, first, second)), atol=1e-8)
    greys = first * [1, 0, 0]
    np.testing.assert_allclose(ours(greys, second), list(map(reference, greys, second)), atol=1e-8)
    assert ours(first, first).max() == 0
    assert ours(first, second, torch.float32) == pytest.approx(ours(first, second), abs=1e-4)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"of one shape, got \(3, 4, 4\) and \(3, 4, 5\)"):
        ciede2000(torch.zeros(3, 4, 4), torch.zeros(3, 4, 5))
    with pytest.raises(ValueError, match=r"\(\.\.\., 3, H, W\)"):
        ciede2000(torch.zeros(4, 4), torch.zeros(4, 4))
