#!/usr/bin/env bash
# CIEDE2000 of exactly opposed hues: three libraries against a reference of 40 digits.
#
# The formula asks whether two hues are more than 180 degrees apart. For (a, b) against (-a, -b) they are at 180
# exactly, whatever the chroma correction does to a, and rounding in float64 decides the side: the mean hue then
# lies on the other side of the circle. Whole-number Lab pairs are enough to see it. Sharma's test pairs do not
# show it. Everything is installed into a temporary folder, from the package index; nothing else is needed.
#
# Fails if what was seen on 2026-11-27 changes: each library off in 3 to 15 % of the pairs, by more than 5 units
# at worst, and right (to 1e-4) on the first of Sharma's pairs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    scikit-image==0.26.0 colour-science==0.4.7 coloraide==8.13.1 mpmath==1.3.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from coloraide import Color
from colour.difference import delta_E_CIE2000
from mpmath import mp, mpf
from skimage.color import deltaE_ciede2000

mp.dps = 40


def reference(first, second):
    """Sharma, Wu and Dalal 2005, eq. 2 to 22; equal to 180 degrees is what is so to 30 digits."""
    l1, a1, b1, l2, a2, b2 = (mpf(float(value)) for value in (*first, *second))
    mean = (mp.hypot(a1, b1) + mp.hypot(a2, b2)) / 2
    stretch = 1 + (1 - mp.sqrt(mean**7 / (mean**7 + mpf(25) ** 7))) / 2
    a1, a2 = stretch * a1, stretch * a2
    c1, c2 = mp.hypot(a1, b1), mp.hypot(a2, b2)
    h1, h2 = (mpf(0) if a == 0 == b else mp.degrees(mp.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn, total = h2 - h1, h1 + h2
    if c1 * c2 == 0:
        turn, hue = mpf(0), total
    elif abs(turn) - 180 > mpf(10) ** -30:
        turn, hue = turn - 360 * mp.sign(turn), (total + (360 if total < 360 else -360)) / 2
    else:
        hue = total / 2
    cos = lambda degrees: mp.cos(mp.radians(degrees))
    t = 1 - mpf("0.17") * cos(hue - 30) + mpf("0.24") * cos(2 * hue) + mpf("0.32") * cos(3 * hue + 6) \
        - mpf("0.20") * cos(4 * hue - 63)
    off, chroma = ((l1 + l2) / 2 - 50) ** 2, (c1 + c2) / 2
    dl = (l2 - l1) / (1 + mpf("0.015") * off / mp.sqrt(20 + off))
    dc = (c2 - c1) / (1 + mpf("0.045") * chroma)
    dh = 2 * mp.sqrt(c1 * c2) * mp.sin(mp.radians(turn) / 2) / (1 + mpf("0.015") * chroma * t)
    strength = 2 * mp.sqrt(chroma**7 / (chroma**7 + mpf(25) ** 7))
    rotation = -strength * mp.sin(mp.radians(60 * mp.exp(-(((hue - 275) / 25) ** 2))))
    return float(mp.sqrt(dl**2 + dc**2 + dh**2 + rotation * dc * dh))


def by_coloraide(first, second):
    # "lab" is D50 there and would be adapted first
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return np.array([Color("lab-d65", one).delta_e(Color("lab-d65", two), method="2000", space="lab-d65")
                     for one, two in pairs])


LIBRARIES = {
    "scikit-image": deltaE_ciede2000,
    "colour-science": delta_E_CIE2000,
    "coloraide": by_coloraide,
}
SHARMA = np.array([
    [50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425], [50, 2.49, -0.001, 50, -2.49, 0.0009, 7.1792],
    [50, 2.49, -0.001, 50, -2.49, 0.0011, 7.2195], [50, 2.5, 0, 58, 24, 15, 19.4535],
    [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
])
draw = np.random.default_rng(0)
ab = draw.integers(-100, 101, (2000, 2))
ab = ab[(ab != 0).any(axis=1)].astype(float)
lightness = np.full((len(ab), 1), 50.0)
first, second = np.hstack([lightness, ab]), np.hstack([lightness, -ab])
wanted = np.array([reference(*pair) for pair in zip(first, second, strict=True)])
sharma = np.array([reference(row[:3], row[3:6]) for row in SHARMA])
assert np.abs(sharma - SHARMA[:, 6]).max() < 1e-4, "the reference itself"

changed = False
print(f"{len(ab)} pairs (50, a, b) against (50, -a, -b), whole numbers")
for name, difference in LIBRARIES.items():
    error = np.abs(np.asarray(difference(first, second)) - wanted)
    on_sharma = np.abs(np.asarray(difference(SHARMA[:, :3], SHARMA[:, 3:6])) - SHARMA[:, 6]).max()
    share, worst = (error > 1e-3).mean(), int(error.argmax())
    a, b = ab[worst].astype(int)
    print(f"{name:16} off in {share:6.1%}, at worst by {error[worst]:5.2f} at ({a}, {b}); Sharma's pairs: {on_sharma:.0e}")
    if not (0.03 < share < 0.15 and error[worst] > 5 and on_sharma < 1e-4):
        changed = True
sys.exit("what was seen has changed" if changed else 0)
PYTHON
