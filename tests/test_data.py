"""Photographs to learn from: loaded, left out with a count, cropped, streamed."""

import io
import os

import numpy as np
import pytest
import torch
from PIL import Image
from shards import encoded, tar_of

from ipycolorize.corpus import DataError
from ipycolorize.training.data import CROPS, Photographs, StreamedPhotographs, free_memory


def load(*sources, **options):
    return Photographs.load(list(sources), progress=False, **options)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# --- loading -----------------------------------------------------------------------------------------------


def test_all_that_fits_is_kept_in_the_order_of_the_files(tmp_path, crop):
    turned = [np.ascontiguousarray(np.roll(crop, 9 * k, 1)) for k in range(5)]
    tar_of(tmp_path / "b.tar", {f"{k}.png": encoded(turned[k]) for k in (2, 3, 4)})
    for k in (0, 1):
        (tmp_path / f"a{k}.png").write_bytes(encoded(turned[k]))
    photographs = load(tmp_path)
    assert type(photographs) is Photographs
    assert len(photographs) == 5
    for image, expected in zip(photographs.images, turned, strict=True):
        assert np.array_equal(image, expected)
    assert photographs.summary() == "5 photographs"


def test_unusable_images_are_counted_not_fatal(tmp_path, crop):
    huge = io.BytesIO()
    Image.new("1", (10_001, 10_000)).save(huge, "PNG")
    sepia = (crop.mean(-1, keepdims=True) * [1, 0.85, 0.6]).astype(np.uint8)
    members = {
        "good.png": encoded(crop),
        "grey.png": encoded(np.repeat(crop[..., :1], 3, axis=2)),
        "grey2.jpg": encoded(crop[..., 0], "JPEG"),
        "tiny.png": encoded(crop[:63]),
        "sepia.png": encoded(sepia),
        "text.jpg": b"this is no image",
        "empty.png": b"",
        "cut.png": encoded(crop)[:2000],
        "cut.jpg": encoded(crop, "JPEG")[:1500],
        "huge.png": huge.getvalue(),
    }
    photographs = load(tar_of(tmp_path / "t.tar", members))
    assert len(photographs) == 1
    assert np.array_equal(photographs.images[0], crop)
    assert photographs.left_out == {"broken": 4, "too large": 1, "tiny": 1, "grey": 2, "toned": 1}
    assert photographs.summary() == "1 photographs; left out: 4 broken, 1 too large, 1 tiny, 2 grey, 1 toned"


def test_a_file_that_cannot_be_read_is_counted(tmp_path, crop):
    (tmp_path / "good.png").write_bytes(encoded(crop))
    os.mkfifo(tmp_path / "pipe.png")  # no file: passed over
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    assert len(load(tmp_path)) == 1


def test_of_a_shard_that_is_cut_off_the_beginning_is_used(tmp_path, crop):
    whole = tar_of(tmp_path / "t.tar", {f"{k}.png": encoded(crop) for k in range(4)}).read_bytes()
    (tmp_path / "t.tar").write_bytes(whole[: 5 * len(whole) // 8])  # within the third
    with pytest.warns(UserWarning, match="damaged after its first 3 images"):
        photographs = load(tmp_path / "t.tar")
    assert len(photographs) == 2
    assert photographs.left_out["broken"] == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_damage_anywhere_is_counted_not_fatal(tmp_path, crop, kind):
    whole = encoded(crop, kind)
    draw = np.random.default_rng(0)
    members = {"good.png": encoded(crop)}
    for k in range(40):
        bad = bytearray(whole)
        for place in draw.integers(0, len(bad) if k % 2 else 200, 12):
            bad[place] = draw.integers(256)
        members[f"{k}.{kind.lower()}"] = bytes(bad[: len(bad) // 2] if k % 4 == 3 else bad)
    photographs = load(
        tar_of(tmp_path / "t.tar", {n.replace(".tiff", ".tif"): m for n, m in members.items()})
    )
    assert len(photographs) + sum(photographs.left_out.values()) == 41
    assert photographs.left_out["broken"] > 0 or kind == "BMP"


@pytest.mark.parametrize("make", ["nothing", "only grey"])
def test_nothing_to_learn_from_is_an_error(tmp_path, crop, make):
    if make == "only grey":
        (tmp_path / "grey.png").write_bytes(encoded(crop[..., 0]))
    end = "; left out: 1 grey$" if make == "only grey" else "found none to use$"
    with pytest.raises(DataError, match=rf"^expected photographs in .*{end}"):
        load(tmp_path)


def test_a_limit_is_kept_whatever_it_takes(tmp_path, crop):
    for k in range(5):
        (tmp_path / f"{k}.png").write_bytes(encoded(np.roll(crop, k, 0)))
    photographs = load(tmp_path, limit=3, memory=1e-9)
    assert len(photographs) == 3
    assert np.array_equal(photographs.images[2], np.roll(crop, 2, 0))


# --- batches -----------------------------------------------------------------------------------------------


@pytest.fixture
def photographs(china, crop):
    return Photographs((china[::3, ::3].copy(), crop), {})


def test_a_batch_has_its_shape_and_range(photographs):
    batch = photographs.batch(16, crop=48, generator=seeded(0))
    assert batch.shape == (16, 3, 48, 48)
    assert batch.dtype == torch.float32
    assert batch.min() >= -1e-6
    assert batch.max() <= 1 + 1e-6
    assert batch.std() > 0.1
    assert len({tuple(image.flatten()[:50].tolist()) for image in batch}) == 16


def test_the_same_seed_gives_the_same_batch(photographs):
    one, two, other = (photographs.batch(4, crop=32, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_crops_are_windows_at_many_scales_some_mirrored():
    """Of a picture whose red is the column and whose green is the row, a crop tells where it came from."""
    rows, cols = np.mgrid[:100, :150]
    picture = np.stack([cols, rows, np.zeros_like(rows)], -1).astype(np.uint8)
    batch = Photographs((picture,), {}).batch(300, crop=32, generator=seeded(0)) * 255
    red, green = batch[:, 0], batch[:, 1]
    mirrored = red[:, 0, 0] > red[:, 0, -1]
    assert 0.4 < mirrored.float().mean() < 0.6
    assert (green[:, -1] > green[:, 0]).all()  # never upside down
    side = (green[:, -1, 0] - green[:, 0, 0]) * 32 / 31
    width = (red[:, 0, -1] - red[:, 0, 0]).abs() * 32 / 31
    torch.testing.assert_close(side, width, atol=3.0, rtol=0)  # squares stay squares
    assert side.min() > 42
    assert side.max() < 104
    assert side.mean().item() == pytest.approx(72.5, abs=4)
    left = red.amin((1, 2))
    assert left.min() < 3
    assert red.max() > 145  # up to the far border


def test_read_only_arrays_serve_as_photographs(crop):
    crop = crop.copy()
    crop.setflags(write=False)
    assert Photographs((crop,), {}).batch(2, crop=32, generator=torch.Generator()).shape == (2, 3, 32, 32)


# --- more than memory holds --------------------------------------------------------------------------------

SIDE = 64
PICTURE = SIDE * SIDE * 3  # bytes


def numbered(number):
    """(64, 64, 3) in all colours; the first pixel is the number."""
    rgb = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    rgb[0, 0] = number
    return rgb


def numbers(photographs):
    return [int(image[0, 0, 0]) for image in photographs.images]


@pytest.fixture(scope="module")
def forty(tmp_path_factory):
    """A folder of forty photographs, half of them in two shards, and four files that are of no use."""
    folder = tmp_path_factory.mktemp("forty")
    for k in range(20):
        (folder / f"{k:02}.png").write_bytes(encoded(numbered(k)))
    for k in range(20, 24):
        (folder / f"no{k}.png").write_bytes(b"broken")
    for part in (20, 30):
        tar_of(folder / f"{part}.tar", {f"{k}.png": encoded(numbered(k)) for k in range(part, part + 10)})
    return folder


def test_what_does_not_fit_is_streamed_within_the_bound(forty):
    photographs = load(forty, memory=10.5 * PICTURE / 1e9)
    assert isinstance(photographs, StreamedPhotographs)
    assert len(photographs.images) == 10
    assert len(set(numbers(photographs))) == 10
    assert numbers(photographs) != sorted(numbers(photographs))
    assert max(numbers(photographs)) >= 20 > min(numbers(photographs))  # a part that stands for the whole
    assert load(forty, memory=40.5 * PICTURE / 1e9).images.__class__ is tuple  # just fits


def test_every_photograph_is_held_equally_often(forty):
    photographs, generator = load(forty, memory=10.5 * PICTURE / 1e9), seeded()
    arrived = []
    for _ in range(120):
        before = list(photographs.images)
        assert photographs.batch(2 * CROPS, crop=8, generator=generator).shape == (2 * CROPS, 3, 8, 8)
        now = list(photographs.images)
        fresh = [image for image in now if not any(image is old for old in before)]
        assert len(fresh) <= 2
        assert len(now) == 10
        assert all(map(np.array_equal, now, before[len(fresh) :] + fresh))  # the oldest went
        arrived += [int(image[0, 0, 0]) for image in fresh]
    rounds = [arrived[start : start + 40] for start in range(0, 200, 40)]
    assert all(sorted(part) == list(range(40)) for part in rounds)
    assert rounds[0] != rounds[1]
    assert photographs.left_out["broken"] == 4  # once, not in every round
    assert (
        photographs.summary() == "40 photographs, 10 of them in memory at a time; left out so far: 4 broken"
    )


def test_a_stream_repeats_with_its_seeds_alone(forty):
    def batches(seed, draw):
        photographs, generator = load(forty, memory=6 * PICTURE / 1e9, seed=seed), seeded(draw)
        return [photographs.batch(8, crop=8, generator=generator) for _ in range(20)]

    first = batches(0, 0)
    assert all(torch.equal(a, b) for a, b in zip(first, batches(0, 0), strict=True))
    assert not torch.equal(first[0], batches(1, 0)[0])  # another part to begin with
    assert not torch.equal(first[-1], batches(0, 1)[-1])  # another order


def test_small_batches_renew_too(forty):
    photographs = load(forty, memory=6 * PICTURE / 1e9)
    before = numbers(photographs)
    for _ in range(40):
        photographs.batch(1, crop=8, generator=seeded())
    assert numbers(photographs) != before


def test_files_that_vanish_while_streaming_are_counted(tmp_path):
    for k in range(8):
        (tmp_path / f"{k}.png").write_bytes(encoded(numbered(k)))
    photographs, generator = load(tmp_path, memory=3 * PICTURE / 1e9), seeded()
    for k in range(8):
        (tmp_path / f"{k}.png").unlink()
    held = numbers(photographs)
    for _ in range(20):
        photographs.batch(8, crop=8, generator=generator)
    assert numbers(photographs) == held
    assert photographs.left_out["broken"] == 8
    assert len(photographs) == 0


def test_a_bound_below_one_photograph_holds_one(forty):
    photographs = load(forty, memory=0.0)
    assert len(photographs.images) == 1
    assert photographs.batch(3, crop=8, generator=seeded()).shape == (3, 3, 8, 8)


def test_free_memory_is_some_of_what_there_is():
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    assert 0.01 < free_memory() <= total
