"""A session's files: its hints as JSON, and the picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .documents import read_document
from .hints import VERSION, HintError, Hints, parse_json
from .mood import Mood
from .sharing import Shared, locked
from .writing import check_target, is_own_file, write_json, write_photo


class Filed(Shared):
    """What a session saves, loads and exports."""

    network_name: str

    def rgb(self, shape: tuple[int, int] | None = None) -> np.ndarray:
        """The colorized photograph; see `Session.rgb`."""
        raise NotImplementedError

    def set_mood(self, mood: Mood, *, record: bool = True) -> None:
        """See `Session.set_mood`."""
        raise NotImplementedError

    def _change(self, hints: Hints, record: bool) -> None:
        raise NotImplementedError

    @locked
    def to_json(self) -> dict[str, Any]:
        """The hints and the mood, and what they were set on."""
        data = self.hints.to_json(shape=self.photo.shape)
        # an older program would leave out without a word what it does not know: the version stops it
        if self.mood != Mood():
            version = VERSION if self.mood.vividness else max(2, data["version"])
            data = {**data, "mood": self.mood.to_json(), "version": version}
        return {**data, "name": self.photo.name, "network": self.network_name}

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
                source = read_document(source)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", error)
                raise HintError(f"expected a file of hints, cannot read {source!r}: {reason}") from None
        data = parse_json(source)
        hints = Hints.from_json(data, shape=self.photo.shape, first_id=self.hints.next_id)
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
