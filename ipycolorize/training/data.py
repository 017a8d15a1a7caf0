"""Photographs to learn from: decoded once and kept as uint8; of more than memory holds, a changing part."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from ..corpus import REASONS, DataError, ImageFile, find_images, in_words, look

CROPS = 8  # that a streamed photograph gives on average before it makes room for another


def free_memory() -> float:
    """GB of memory that nobody uses; where the system does not tell, all that it has, or a modest 8."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024 / 1e9
    except (OSError, StopIteration):  # not Linux
        known = "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {})
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9 if known else 8.0


@dataclass(frozen=True)
class Collection:
    """Image files, and which of them have turned out to be of no use.

    Attributes:
        files: all of them.
        short_side: larger photographs are shrunk to it.
        smallest: short side below which a photograph is left out.
        unusable: those that were left out so far.
        left_out: how many, by reason.
    """

    files: list[ImageFile]
    short_side: int
    smallest: int
    unusable: set[ImageFile] = field(default_factory=set)
    left_out: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))

    @property
    def usable(self) -> list[ImageFile]:
        """All that have not been left out."""
        return [file for file in self.files if file not in self.unusable]

    def read(self, file: ImageFile) -> np.ndarray | None:
        """Decode to ``(H, W, 3)`` uint8; None for a photograph that is left out, and counted."""
        found = look(file, short_side=self.short_side, smallest=self.smallest)
        if not isinstance(found, str):
            return found
        self.unusable.add(file)
        self.left_out[found] += 1
        return None


@dataclass(frozen=True)
class Photographs:
    """Decoded photographs.

    Attributes:
        images: ``(H, W, 3)`` uint8 each, of any size.
        left_out: how many were left out and why.
    """

    images: Sequence[np.ndarray]
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(self.images)

    def summary(self) -> str:
        """How many there are, and how many were left out, in words."""
        return f"{len(self)} photographs{in_words(self.left_out)}"

    @classmethod
    def load(
        cls,
        sources: list[Path],
        *,
        short_side: int = 200,
        smallest: int = 64,
        limit: int | None = None,
        memory: float | None = None,
        seed: int = 0,
        progress: bool = True,
    ) -> Photographs:
        """Read all photographs; broken, tiny, grey and toned ones are left out and counted.

        Args:
            sources: folders, tar shards and single images.
            short_side: larger photographs are shrunk to it.
            smallest: short side below which a photograph is left out.
            limit: the first so many are enough, and are kept whatever they take.
            memory: GB that they may take, by default half of what is free; a random part of a larger
                collection is loaded, and `StreamedPhotographs` exchanges it bit by bit.
            seed: of that part.
            progress: show a bar.

        Raises:
            DataError: if nothing is left, or a source is missing or cannot be read.
        """
        collection = Collection(find_images(sources), short_side, smallest)
        order = collection.files
        if limit is None:  # in random order, so that a part that fits stands for the whole
            shuffled = torch.randperm(len(order), generator=torch.Generator().manual_seed(seed)).tolist()
            order = [order[number] for number in shuffled]
        room = 1e9 * (free_memory() / 2 if memory is None else memory)
        kept: dict[ImageFile, np.ndarray] = {}
        for file in tqdm(order, desc="reading photographs", unit=" photos", disable=not progress):
            rgb = collection.read(file)
            if rgb is None:
                continue
            room -= rgb.nbytes
            if room < 0 and kept and limit is None:
                part = deque(kept.values(), maxlen=len(kept))
                return StreamedPhotographs(part, collection.left_out, collection)
            kept[file] = rgb
            if len(kept) == limit:
                break
        if not kept:
            raise DataError(
                f"expected photographs in {', '.join(map(str, sources))}, found none to use"
                f"{in_words(collection.left_out)}"
            )
        return cls(tuple(kept[file] for file in collection.files if file in kept), collection.left_out)

    def batch(self, size: int, *, crop: int, generator: torch.Generator) -> Tensor:
        """Random square crops, resized and mirrored: ``(size, 3, crop, crop)`` float RGB in [0, 1].

        A crop takes 45 to 100 % of the short side, so that a network meets things at several scales; but it
        is shrunk and not enlarged as long as the photograph is large enough, or a network would learn what
        blurred photographs look like.
        """
        out = torch.empty(size, 3, crop, crop)
        picks = torch.randint(len(self.images), (size,), generator=generator).tolist()
        shares = torch.rand(size, 3, generator=generator).tolist()
        flips = torch.rand(size, generator=generator) < 0.5
        for index, (pick, (zoom, down, right)) in enumerate(zip(picks, shares, strict=True)):
            rgb = self.images[pick]
            short = min(rgb.shape[:2])
            least = max(0.45 * short, min(short, crop))
            side = round(least + (short - least) * zoom)
            top, left = int(down * (rgb.shape[0] - side + 1)), int(right * (rgb.shape[1] - side + 1))
            window = (
                torch.tensor(rgb[top : top + side, left : left + side]).permute(2, 0, 1)[None].float() / 255
            )
            resized = F.interpolate(window, size=(crop, crop), mode="bilinear", antialias=side > crop)
            out[index] = resized.flip(-1) if flips[index] else resized
        return out


@dataclass(frozen=True)
class StreamedPhotographs(Photographs):
    """More photographs than fit into memory: before each batch some of those held make room for others.

    The collection is read in rounds, each in another random order, so that every photograph is held equally
    often and for equally long. The order is drawn from the generator of `batch`: the same seed gives the same
    batches, and a training that is resumed goes on with another order instead of the first again.

    Attributes:
        images: those held now, oldest first; as many as at the beginning.
        left_out: how many were left out so far, and why.
        collection: all files.
        pending: files still to be read in this round, the next one last.
    """

    images: deque[np.ndarray]
    collection: Collection
    pending: list[ImageFile] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.collection.files) - len(self.collection.unusable)

    def summary(self) -> str:
        """How many there are, how many fit into memory, and how many were left out so far, in words."""
        held = f"{len(self)} photographs, {len(self.images)} of them in memory at a time"
        return held + in_words(self.left_out).replace("left out", "left out so far")

    def batch(self, size: int, *, crop: int, generator: torch.Generator) -> Tensor:
        """As `Photographs.batch`; reads a new photograph for every `CROPS` crops first."""
        for _ in range(max(1, size // CROPS)):
            if not self.pending:
                usable = self.collection.usable
                order = torch.randperm(len(usable), generator=generator).tolist()
                self.pending.extend(usable[number] for number in order)
            rgb = self.collection.read(self.pending.pop()) if self.pending else None
            if rgb is not None:
                self.images.append(rgb)  # the oldest goes
        return super().batch(size, crop=crop, generator=generator)
