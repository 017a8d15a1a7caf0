"""A session: a photograph, its hints, a network, and the colours that follow. Nothing here knows Jupyter."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .color import rgb_to_lab
from .gamut import displayed
from .hints import MAX_AB, VERSION, Hint, HintError, Hints, parse_json
from .history import History
from .image import Frame, Photo, read_photo
from .models.base import Network
from .models.device import pick_device
from .models.weights import load_model
from .mood import Mood, MoodError, picture_histogram
from .painter import Painter
from .palette import Swatch, modes
from .sharing import Shared, locked
from .writing import check_target, is_own_file, write_json, write_photo

SHORT_SIDE = 256  # of the network's grid: the size that the paper's network is made for
MAX_GRID = 1024 * 512  # pixels: a long panorama is seen at a smaller scale instead of filling the memory
MAX_SIDE = 2048
PATCH = 7  # default side of a hint in grid pixels, as in the paper's experiments


class Session(Shared):
    """Colorize one photograph.

    A copy (`copy.copy`, `copy.deepcopy`) has hints, undo steps and a lock of its own, and shares photograph
    and network. A pickle carries photograph, hints and mood, the network's name or path, no undo steps.

    Args:
        photo: a path, bytes, an open file, PIL image, array or `Photo`.
        network: name of a shipped network, path of a weights file, or a network itself (moved to the device).
        device: "auto" (cuda, then mps, then cpu) or one of them.
        short_side: of the network's grid in pixels; the aspect ratio is kept.

    Raises:
        PhotoError, WeightsError, DeviceError: saying what was expected, what came, and what to do.

    Attributes:
        hints: the present state; changed only by the methods below.
        mood: what is asked of the colours as a whole; changed by `set_mood`.
        painter: what the network knows of the photograph; to be asked under `lock`.
        lock: held by every method; hold it yourself around steps that belong together.
    """

    def __init__(
        self,
        photo: Any,
        network: str | Path | Network = "live",
        *,
        device: str = "auto",
        short_side: int = SHORT_SIDE,
    ) -> None:
        self._own_lock()
        self.photo: Photo = read_photo(photo)
        self._given = (network, device, short_side)
        self._device = pick_device(device)
        if isinstance(network, Network):
            self.network = network.to(self._device).eval()
            self.network_name = network.name
        else:
            self.network = load_model(network, device=self._device)
            self.network_name = Path(network).stem
        self.frame = Frame.fit(
            self.photo.shape, short_side=short_side, max_pixels=MAX_GRID, max_side=MAX_SIDE
        )
        self.default_size = max(1, round(PATCH / self.frame.scale))
        self.hints, self.mood = Hints(), Mood()
        self._history = History((self.hints.items, self.mood))
        self.painter = Painter(self.photo, self.network, self.frame)

    @property
    def timings(self) -> dict[str, float]:
        """Milliseconds of the last encode, edit (decode) and render; 0 before the first."""
        return self.painter.timings

    @property
    def device(self) -> str:
        """Where the network runs: "cpu", "cuda" or "mps"."""
        return self._device.type

    # -- hints ---------------------------------------------------------------------------------------

    def _inside(self, row: int, col: int) -> None:
        height, width = self.photo.shape
        if not (0 <= row < height and 0 <= col < width):
            raise HintError(
                f"expected a place inside the photograph, row 0..{height - 1} and col 0..{width - 1}, "
                f"got row {row}, col {col}"
            )

    def _present(self, id: int) -> None:
        if id not in self.hints:
            raise HintError(f"there is no hint {id}; present: {[hint.id for hint in self.hints]}")

    def _change(self, hints: Hints, record: bool) -> None:
        self.hints = hints
        if record:
            self.commit()

    @locked
    def add(
        self,
        row: int,
        col: int,
        *,
        ab: tuple[float, float] | None = None,
        size: int | None = None,
        record: bool = True,
    ) -> Hint:
        """Reveal a colour at a place of the photograph.

        Args:
            row, col: pixels of the photograph.
            ab: Lab units; None waits for `recolor` with weight 0: the hint shows the present colour of its
                place, wherever it is moved, and the picture stays exactly as it is.
            size: side of the patch in photo pixels; None is `default_size`.
            record: make it a step of undo at once; False for live feedback, then `commit`.

        Raises:
            HintError: outside the photograph, or a colour or size that cannot be.
        """
        self._inside(row, col)
        size = self.default_size if size is None else size
        weight = 0.0 if ab is None else 1.0
        hints, hint = self.hints.add(
            row, col, self._hintable(row, col) if ab is None else ab, size=size, weight=weight
        )
        self._change(hints, record)
        return hint

    @locked
    def move(self, id: int, row: int, col: int, *, record: bool = True) -> None:
        """Put a hint at another place."""
        self._present(id)
        self._inside(row, col)
        self._change(self.hints.move(id, row, col), record)

    @locked
    def recolor(self, id: int, ab: tuple[float, float], *, record: bool = True) -> None:
        """Give a hint another colour."""
        self._present(id)
        self._change(self.hints.recolor(id, ab), record)

    @locked
    def resize(self, id: int, size: int, *, record: bool = True) -> None:
        """Give a hint another patch size in photo pixels."""
        self._present(id)
        self._change(self.hints.resize(id, size), record)

    @locked
    def remove(self, id: int, *, record: bool = True) -> None:
        """Take a hint away."""
        self._present(id)
        self._change(self.hints.remove(id), record)

    @locked
    def reset(self) -> None:
        """Take all hints and the mood away; one step of undo."""
        self.mood = Mood()
        self._change(replace(self.hints, items=()), True)

    # -- mood ----------------------------------------------------------------------------------------

    @locked
    def set_mood(self, mood: Mood, *, record: bool = True) -> None:
        """Ask for statistics of the colours as a whole; ``Mood()`` asks for nothing.

        Raises:
            MoodError: the network reads points only.
        """
        if mood and not self.network.reads_global_hints:
            raise MoodError(
                f"expected a network that reads a histogram and a saturation, got {self.network_name}, which "
                "reads points only; open the photograph with live"
            )
        self.mood = mood
        if record:
            self.commit()

    def mood_of(self, reference: Any) -> Mood:
        """The histogram and saturation of a reference, to be given to `set_mood`.

        Args:
            reference: a photograph as the first argument of a session, or another session: the picture that
                it makes.

        Raises:
            PhotoError: it cannot be read.
            MoodError: it has no colours.
        """
        if isinstance(reference, Session):
            return Mood.of_picture(reference.rgb(reference.frame.grid), source=reference.photo.name)
        photo = read_photo(reference)
        return Mood.of_picture(photo.rgb, source=photo.name)

    @locked
    def histogram(self) -> np.ndarray:
        """Of the picture as it is now: ``(313,)`` shares of the ab bins."""
        return picture_histogram(self.rgb(self.frame.grid))

    # -- undo ----------------------------------------------------------------------------------------

    @locked
    def commit(self) -> None:
        """Make one undo step of everything since the last recorded state."""
        self._history.record((self.hints.items, self.mood))

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._history.can_undo or (self.hints.items, self.mood) != self._history.present

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to take again; a change since the last recorded state takes its place."""
        return self._history.can_redo and (self.hints.items, self.mood) == self._history.present

    @locked
    def undo(self) -> bool:
        """Go back one step; False if there is none."""
        self.commit()
        return self._go(self._history.undo())

    @locked
    def redo(self) -> bool:
        """Go forward one step; False if there is none."""
        self.commit()
        return self._go(self._history.redo())

    def _go(self, state: tuple[tuple[Hint, ...], Mood]) -> bool:
        before = (self.hints.items, self.mood)
        self.hints = replace(self.hints, items=state[0])  # next_id stays: no id is used twice
        self.mood = state[1]
        return state != before

    # -- colours -------------------------------------------------------------------------------------

    @locked
    def rgb(self, shape: tuple[int, int] | None = None) -> np.ndarray:
        """The colorized photograph, ``(H, W, 3)`` uint8: at its own size, or at any other given."""
        return self.painter.rgb(self.hints, self.mood, shape)

    @locked
    def gray(self, shape: tuple[int, int] | None = None) -> np.ndarray:
        """The photograph's lightness alone, ``(H, W, 3)`` uint8, neutral."""
        return self.painter.gray(shape)

    def lightness_at(self, row: int, col: int) -> float:
        """L of a pixel of the photograph."""
        self._inside(row, col)
        return float(self.photo.lightness[row, col])

    @locked
    def ab_at(self, row: int, col: int) -> tuple[float, float]:
        """Present colour of a pixel of the photograph, Lab units."""
        self._inside(row, col)
        return self.painter.ab_at(self.hints, self.mood, row, col)

    def _hintable(self, row: int, col: int) -> tuple[float, float]:
        """The present colour, within what a hint can hold: a network may leave even that."""
        a, b = self.ab_at(row, col)
        return min(max(a, -MAX_AB), MAX_AB), min(max(b, -MAX_AB), MAX_AB)

    def present_ab(self, hint: Hint) -> tuple[float, float]:
        """(a, b) of a hint: its own or, while nobody has chosen one, the present colour of its place."""
        return hint.ab if hint.weight > 0 else self._hintable(hint.row, hint.col)

    def ab_of(self, rgb: tuple[int, int, int]) -> tuple[float, float]:
        """(a, b) of a colour given as sRGB 0..255; its lightness is dropped."""
        _, a, b = rgb_to_lab(np.array(rgb, np.uint8)).tolist()
        return a, b

    def color_of(self, hint: Hint) -> tuple[int, int, int]:
        """How a screen shows a hint: its colour at the photograph's lightness there."""
        return displayed(self.lightness_at(hint.row, hint.col), self.present_ab(hint))[0]

    @locked
    def palette(self, row: int, col: int) -> tuple[Swatch, ...]:
        """Colours likely at a place, given all present hints: at most nine, the likeliest first."""
        lightness = self.lightness_at(row, col)
        likely = self.painter.likely_at(self.hints, self.mood, row, col)
        swatches = []
        for a, b, share in modes(likely, self.network.bin_centers.cpu().numpy()):
            rgb, ab = displayed(lightness, (a, b))
            swatches.append(Swatch(rgb, ab, share))
        return tuple(swatches)

    # -- files ---------------------------------------------------------------------------------------

    @locked
    def to_json(self) -> dict[str, Any]:
        """The hints and the mood, and what they were set on."""
        data = self.hints.to_json(shape=self.photo.shape)
        # an older program would leave the mood out without a word: the version stops it
        mood = {"mood": self.mood.to_json(), "version": VERSION} if self.mood != Mood() else {}
        return {**data, **mood, "name": self.photo.name, "network": self.network_name}

    @locked
    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the hints as JSON, whole or not at all.

        Args:
            path: ends in .json.
            overwrite: replace a file that is there. The photograph's own is never replaced.

        Raises:
            FileExistsError: a file is there, and `overwrite` is false.
            HintError: another extension, the photograph's own file, or the system refuses.
        """
        path = Path(path).expanduser()
        if is_own_file(path, self.photo):
            raise HintError(f"expected another name than the photograph's own, got {path}")
        if path.suffix.lower() != ".json":
            raise HintError(f"expected a name ending in .json for hints, got {path.name!r}")
        try:
            write_json(path, self.to_json(), overwrite=overwrite)
        except FileExistsError:
            raise
        except OSError as error:
            reason = error.strerror or error
            raise HintError(f"expected to write {path}, but: {reason}; try another place") from error

    @locked
    def load(self, source: str | os.PathLike[str] | bytes | dict[str, Any]) -> None:
        """Replace the hints and the mood by saved ones, as one step of undo.

        Hints that were set on the same photograph at another resolution are scaled.

        Args:
            source: path of a JSON file, its bytes, or the data.

        Raises:
            HintError, MoodError: naming what is wrong; the present state is kept.
        """
        if isinstance(source, str | os.PathLike):
            try:
                source = Path(source).expanduser().read_bytes()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", error)
                raise HintError(f"expected a file of hints, cannot read {source!r}: {reason}") from None
        hints = replace(self.hints, items=())
        data = parse_json(source)
        for hint in Hints.from_json(data, shape=self.photo.shape):
            hints, _ = hints.add(hint.row, hint.col, hint.ab, size=hint.size, weight=hint.weight)
        mood = Mood.from_json(data["mood"]) if "mood" in data else Mood()
        self.set_mood(mood, record=False)
        self._change(hints, True)

    @locked
    def export(
        self,
        path: str | os.PathLike[str] | BinaryIO,
        *,
        quality: int = 95,
        format: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write the picture at full size (PNG, JPEG or TIFF), with the photo's EXIF, profile and alpha.

        Args:
            path: of the file, or a file open for writing bytes.
            quality: of JPEG, 1 to 100.
            format: "png", "jpg" or "tif", for an open file or a pipe.
            overwrite: replace a file that is there. The photograph's own is never replaced.

        Raises:
            FileExistsError: a file is there, and `overwrite` is false.
            PhotoError: where `write_photo` does, and for the photograph's own file.
        """
        check_target(path, self.photo, format=format, overwrite=overwrite)  # before the work
        write_photo(path, self.rgb(), photo=self.photo, quality=quality, format=format, overwrite=overwrite)
