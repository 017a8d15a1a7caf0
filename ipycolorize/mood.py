"""Mood: what a person asks of a picture's colours as a whole, as an immutable value and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from .color import rgb_to_lab
from .documents import SHOWN, brief, printable
from .families import with_share
from .gamut import NUM_BINS, AbBins
from .global_hints import GlobalHints, ab_histogram

GREY = 2.0  # ab units: a picture with less mean chroma has no colours to transfer
USUAL_VIVIDNESS = 0.3  # of the pad and of `colorize`: what looks calm, and nowhere patchy, on photographs
MAX_NAME = 255  # characters of a reference's name
REFERENCE_SIDE = 256  # a reference is looked at with this short side, as photographs are


class MoodError(ValueError):
    """A mood that cannot be."""


@dataclass(frozen=True)
class Mood:
    """A histogram, a saturation, both or neither; changing one gives a new value.

    Attributes:
        histogram: 313 shares of the ab bins, summing to 1; None: the photograph's own colours. All in one
            colour means: everything as near to it as the photograph allows.
        saturation: wanted mean S of HSV, in [0, 1]; None: whatever comes.
        strength: how much of the way from the network's own statistics to these, in [0, 1].
        source: name of the photograph that the histogram came from, for people; "" if it was made by hand.
        vividness: how lively colours are that nobody asked for, in [0, 1]; 0: the mean of all that are
            likely, which errs least and looks dull.
    """

    histogram: tuple[float, ...] | None = None
    saturation: float | None = None
    strength: float = 1.0
    source: str = ""
    vividness: float = 0.0

    def __post_init__(self) -> None:
        if self.histogram is not None:
            _check_histogram(self.histogram)
        for name, value in (
            ("saturation", self.saturation),
            ("strength", self.strength),
            ("vividness", self.vividness),
        ):
            if value is not None and not 0 <= value <= 1:
                raise MoodError(f"expected a {name} within 0..1, got {brief(value)}")

    def __bool__(self) -> bool:
        """Whether it asks for statistics."""
        return self.strength > 0 and (self.histogram is not None or self.saturation is not None)

    @property
    def plain(self) -> bool:
        """Whether nothing is asked for, vividness aside: that is how a picture is shown."""
        return replace(self, vividness=0.0) == Mood()

    @classmethod
    def of_shares(cls, shares: Any, **rest: Any) -> Mood:
        """A mood with a histogram of any 313 weights, which are made to sum to 1."""
        weights = np.asarray(shares, dtype=np.float64)
        if weights.shape != (NUM_BINS,):
            raise MoodError(f"expected {NUM_BINS} weights, one for each ab bin, got shape {weights.shape}")
        if not np.isfinite(weights).all() or weights.min() < 0:
            raise MoodError("expected weights that are finite and not negative")
        if weights.sum() <= 0:
            raise MoodError("expected weights of which some are positive, got a sum of zero")
        total = weights.sum()
        if not math.isclose(
            total, 1, abs_tol=1e-12
        ):  # else they are a histogram already: to be kept to the bit
            weights = weights / total
        return cls(histogram=tuple(weights.tolist()), **rest)

    @classmethod
    def of_picture(cls, rgb: np.ndarray, *, source: str = "") -> Mood:
        """The histogram and the saturation of a picture ``(H, W, 3)`` uint8, to be asked for elsewhere.

        Raises:
            MoodError: the picture is grey.
        """
        lab = _seen(rgb)
        if float(lab[:, 1:].norm(dim=1).mean()) < GREY:
            raise MoodError("expected a reference photograph with colours, got a grey one; use another")
        return replace(cls._of_lab(lab), source=source)

    @classmethod
    def measured(cls, rgb: np.ndarray) -> Mood:
        """What a picture ``(H, W, 3)`` uint8 is like, be it grey: where changes by hand begin."""
        return cls._of_lab(_seen(rgb))

    @classmethod
    def _of_lab(cls, lab: torch.Tensor) -> Mood:
        hints = GlobalHints.of_pictures(lab)
        return cls.of_shares(hints.histogram[0].numpy(), saturation=float(hints.saturation[0]))

    def with_family(self, family: int, share: float) -> Mood:
        """The same with another share of one colour family (see `families`).

        Raises:
            MoodError: there is no histogram to change, or the family or share cannot be.
        """
        if self.histogram is None:
            raise MoodError("expected a mood with a histogram; begin with that of the picture as it is")
        try:
            changed = with_share(np.array(self.histogram), family, share)
        except ValueError as error:
            raise MoodError(str(error)) from None
        return replace(self, histogram=tuple(changed.tolist()), source="")

    def global_hints(self) -> GlobalHints:
        """The mood of one picture as networks take it."""
        shares = self.histogram or (1 / NUM_BINS,) * NUM_BINS
        return GlobalHints(
            torch.tensor([shares]).float(),
            torch.tensor([self.saturation or 0.0]).float(),  # somebody may have asked for the integer 1
            torch.tensor([0.0 if self.histogram is None else self.strength]).float(),
            torch.tensor([0.0 if self.saturation is None else self.strength]).float(),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data for `json.dump`; only bins that have a share are written, by their centres.

        Nothing is rounded, so that the same picture comes back.
        """
        data: dict[str, Any] = {"strength": self.strength}
        if self.vividness:
            data["vividness"] = round(self.vividness, 4)
        if self.saturation is not None:
            data["saturation"] = self.saturation
        if self.histogram is not None:
            centers = AbBins().centers.int().tolist()
            data["source"] = self.source
            data["histogram"] = [
                [*center, share] for center, share in zip(centers, self.histogram, strict=True) if share > 0
            ]
        return data

    @classmethod
    def from_json(cls, data: Any) -> Mood:
        """Read what `to_json` wrote.

        Raises:
            MoodError: naming what is wrong.
        """
        try:
            saturation, strength = data.get("saturation"), 0.0 + data.get("strength", 1.0)
            rest = {
                "saturation": None if saturation is None else 0.0 + saturation,
                "strength": strength,
                "vividness": 0.0 + data.get("vividness", 0.0),
            }
            if "histogram" not in data:
                return cls(**rest)
            index = {tuple(center): number for number, center in enumerate(AbBins().centers.int().tolist())}
            shares = np.zeros(NUM_BINS)
            if len(data["histogram"]) > NUM_BINS:
                raise MoodError(f"expected at most {NUM_BINS} bins, got {len(data['histogram']):,}")
            for a, b, share in data["histogram"]:
                shares[index[a, b]] = 0.0 + share
            return cls.of_shares(shares, source=printable(str(data.get("source", ""))[:MAX_NAME]), **rest)
        except MoodError as error:
            raise MoodError(f"mood: {error}") from None
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise MoodError(
                'mood: expected {"histogram": [[a, b, share], ...], "saturation": S, "strength": number}, '
                f"got something else ({type(error).__name__}: {str(error)[:SHOWN]})"
            ) from None


def picture_histogram(rgb: np.ndarray) -> np.ndarray:
    """Histogram ``(313,)`` of a picture ``(H, W, 3)`` uint8; grey ones have one too."""
    return ab_histogram(_seen(rgb)[:, 1:], AbBins())[0].double().numpy()


def _seen(rgb: np.ndarray) -> torch.Tensor:
    """Lab ``(1, 3, h, w)`` of a picture at the size that photographs are colorized at."""
    image = torch.tensor(rgb).permute(2, 0, 1)[None]
    shrink = min(rgb.shape[:2]) / REFERENCE_SIDE
    if shrink > 1:
        size = tuple(round(side / shrink) for side in rgb.shape[:2])
        small = F.interpolate(image.float(), size=size, mode="bilinear", antialias=True)
        image = small.round().clamp(0, 255).to(torch.uint8)
    return rgb_to_lab(image)


def _check_histogram(histogram: tuple[float, ...]) -> None:
    if len(histogram) != NUM_BINS:
        raise MoodError(f"expected {NUM_BINS} shares, one for each ab bin, got {len(histogram)}")
    if not all(math.isfinite(share) and share >= 0 for share in histogram):
        raise MoodError("expected shares that are finite and not negative")
    if abs(sum(histogram) - 1) > 1e-3:
        raise MoodError(
            f"expected shares that sum to 1, got {sum(histogram):.4g}; `Mood.of_shares` does that"
        )
