"""What is asked of a photograph on the command line: one recipe, and one function that follows it."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RequestError

if TYPE_CHECKING:
    from ..models.base import Network
    from ..mood import Mood
    from ..session import Session

Point = tuple[int, int, tuple[int, int, int], int | None]  # row, col, sRGB, size of the patch


@dataclass(frozen=True)
class Recipe:
    """How to colour photographs, all of them alike; pickles, for other processes.

    Attributes:
        model: name of shipped weights, or path of a weights file.
        device: as `pick_device` takes it.
        points: colours at pixels of the photograph.
        reference: mood of a photograph whose histogram to ask for.
        saturation: mean S of HSV to ask for, in [0, 1].
        strength: of these two, in [0, 1].
    """

    model: str = "live"
    device: str = "auto"
    points: tuple[Point, ...] = ()
    reference: Mood | None = None
    saturation: float | None = None
    strength: float | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> Recipe:
        """What the arguments ask for; the reference is read here, once for all photographs.

        Raises:
            PhotoError, MoodError: the reference cannot be read, or is grey.
        """
        reference = None
        if args.histogram_of is not None:
            from ..image import read_photo
            from ..mood import Mood

            photo = read_photo(args.histogram_of)
            reference = Mood.of_picture(photo.rgb, source=photo.name)
        named = Path(args.model).expanduser()  # a process elsewhere has another working folder
        model = str(named.resolve()) if named.suffix and named.is_file() else args.model
        return cls(model, args.device, tuple(args.point), reference, args.saturation, args.strength)

    def fingerprint(self) -> dict[str, Any]:
        """Everything that decides the colours, as JSON; equal for equal recipes and equal weights.

        Raises:
            WeightsError: there are no such weights.
        """
        from ..models.weights import digest_of

        histogram = json.dumps(self.reference.histogram) if self.reference is not None else ""
        return {
            "weights": digest_of(self.model),
            "points": [list(point) for point in self.points],
            "histogram": hashlib.sha256(histogram.encode()).hexdigest() if histogram else None,
            "saturation": self.saturation,
            "strength": self.strength,
        }


def check_network(network: Network, name: str, *, points: bool) -> None:
    """Refuse points for a network that takes no notice of them.

    Raises:
        RequestError: it reads none.
    """
    if points and not network.reads_points:
        raise RequestError(
            f"expected a network that reads points, got {name}, which reads the photograph alone: leave the "
            "points out, or use --model live"
        )


def colorize(
    photo: Any, recipe: Recipe, *, hints: str | Path | bytes | None = None, network: Network | None = None
) -> Session:
    """Open a photograph and set everything that the recipe asks for.

    Args:
        photo: as a `Session` takes it.
        recipe: what to ask for.
        hints: saved by a pad, a file or its bytes; points and mood of the recipe are added to them.
        network: of the recipe, where it is loaded already.

    Raises:
        PhotoError, HintError, MoodError, WeightsError, DeviceError: as a session does.
        RequestError: points for a network that reads none; a strength of nothing.
    """
    from ..session import Session

    session = Session(photo, network or recipe.model, device=recipe.device)
    if hints is not None:
        session.load(hints)
    for row, col, rgb, size in recipe.points:
        session.add(row, col, ab=session.ab_of(rgb), size=size)
    told = any(hint.weight > 0 for hint in session.hints)
    check_network(session.network, session.network_name, points=told)
    session.set_mood(_mood(session, recipe))
    return session


def _mood(session: Session, recipe: Recipe) -> Mood:
    """The mood of the saved hints, with what the recipe names in the place of its own."""
    mood = session.mood
    if recipe.reference is not None:
        mood = replace(mood, histogram=recipe.reference.histogram, source=recipe.reference.source)
    if recipe.saturation is not None:
        mood = replace(mood, saturation=recipe.saturation)
    if recipe.strength is not None:
        if mood.histogram is None and mood.saturation is None:
            raise RequestError(
                "expected something that --strength is the strength of: --histogram-of, --saturation, or "
                "--hints with a mood"
            )
        mood = replace(mood, strength=recipe.strength)
    return mood


def in_words(session: Session) -> str:
    """What was asked for, and of whom."""
    mood, words = session.mood, []
    if mood.histogram is not None:
        words.append(f"histogram of {mood.source}" if mood.source else "a histogram")
    if mood.saturation is not None:
        words.append(f"saturation {mood.saturation:.2f}")
    if words and mood.strength < 1:
        words.append(f"strength {mood.strength:.2f}")
    return ", ".join([f"{len(session.hints)} hints", *words, f"{session.network_name} on {session.device}"])
