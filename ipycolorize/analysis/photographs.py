"""Photographs to measure on, read one at a time: folders of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from tqdm import tqdm

from ..corpus import REASONS, DataError, ImageFile, find_images, in_words, look
from ..processes import ALONE, Processes


@dataclass(frozen=True)
class FiledPhotographs(Sequence[np.ndarray]):
    """Photographs in files, decoded each time they are asked for: ``(H, W, 3)`` uint8 each.

    Attributes:
        names: where each is, from the name of the folder or shard on: "val.tar/000017.jpg".
        files: the images themselves.
        short_side: larger photographs are shrunk to it.
        left_out: how many were left out, by reason.
    """

    names: tuple[str, ...]
    files: tuple[ImageFile, ...]
    short_side: int
    left_out: dict[str, int]

    @classmethod
    def find(
        cls,
        source: Path,
        *,
        short_side: int,
        smallest: int = 64,
        limit: int | None = None,
        processes: Processes = ALONE,
        progress: bool = True,
    ) -> FiledPhotographs:
        """Look at every image once; broken, tiny, grey and toned ones are left out and counted.

        Args:
            source: a folder, a tar shard or a single image.
            short_side: larger photographs are shrunk to it.
            smallest: short side below which a photograph is left out.
            limit: the first so many are enough.
            processes: that share the looking; all of them get the same photographs.
            progress: show a bar.

        Raises:
            DataError: nothing is left, or the source is missing or cannot be read.
        """
        source = source.expanduser().resolve()
        files = find_images([source])
        mine = files if limit else files[processes.index :: processes.count]
        kept, left_out = set[ImageFile](), dict.fromkeys(REASONS, 0)
        bar = tqdm(
            mine, desc="looking at photographs", unit=" photos", disable=not (progress and processes.main)
        )
        for file in bar:
            found = look(file, short_side=short_side, smallest=smallest)
            if isinstance(found, str):
                left_out[found] += 1
                continue
            kept.add(file)
            if len(kept) == limit:
                break
        bar.close()
        if not limit:
            everybody = processes.gather((kept, left_out))
            kept = set().union(*(each for each, _ in everybody))
            left_out = {reason: sum(each[reason] for _, each in everybody) for reason in REASONS}
        if not kept:
            raise DataError(f"expected photographs in {source}, found none to use{in_words(left_out)}")
        usable = tuple(file for file in files if file in kept)
        return cls(tuple(_name(file, source) for file in usable), usable, short_side, left_out)

    def summary(self) -> str:
        """How many there are, and how many were left out, in words."""
        return f"{len(self)} photographs{in_words(self.left_out)}"

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...

    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        found = look(self.files[index], short_side=self.short_side, smallest=1)
        if isinstance(found, str):
            raise DataError(f"expected {self.names[index]} as it was a moment ago, but it is {found} now")
        return found


def _name(file: ImageFile, source: Path) -> str:
    """Its place from the source's own name on."""
    return (file.path.relative_to(source.parent).parent / file.name).as_posix()
