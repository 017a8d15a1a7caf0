"""Photographs to learn from: found, decoded, judged, cropped."""

import io
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from ipycolorize.training.data import DataError, Photographs, chroma, decode, find_files


def encoded(rgb, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, kind)
    return file.getvalue()


def tar_of(path, members):
    with tarfile.open(path, "w") as shard:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            shard.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def crop(china):
    """(90, 120, 3): colourful."""
    return np.ascontiguousarray(china[100:190, 200:320])


def names(*sources):
    return [name for name, _ in find_files(list(sources))]


def load(*sources, **options):
    return Photographs.load(list(sources), progress=False, **options)


# --- finding -----------------------------------------------------------------------------------------------


def test_a_folder_is_searched_deeply_and_in_order(tmp_path, crop):
    (tmp_path / "b" / "deep").mkdir(parents=True)
    for name in ("c.png", "b/deep/a.JPG", "b/z.jpeg", "a.webp", "notes.txt", "b/table.csv"):
        (tmp_path / name).write_bytes(encoded(crop))
    assert names(tmp_path) == ["a.webp", "a.JPG", "z.jpeg", "c.png"]


def test_shards_are_read_alone_and_in_folders(tmp_path, crop):
    content = {"x/1.jpg": encoded(crop), "x/1.json": b"{}", "2.png": encoded(crop[::-1])}
    shard = tar_of(tmp_path / "train-000.tar", content)
    (tmp_path / "z.png").write_bytes(encoded(crop))
    assert names(shard) == ["train-000.tar/x/1.jpg", "train-000.tar/2.png"]
    assert names(tmp_path) == ["train-000.tar/x/1.jpg", "train-000.tar/2.png", "z.png"]
    assert dict(find_files([shard]))["train-000.tar/2.png"] == encoded(crop[::-1])


def test_a_single_image_and_several_sources(tmp_path, crop):
    (tmp_path / "one.png").write_bytes(encoded(crop))
    shard = tar_of(tmp_path / "t.tar", {"two.png": encoded(crop)})
    assert names(tmp_path / "one.png", shard) == ["one.png", "t.tar/two.png"]


def test_a_folder_that_is_called_like_an_image_is_read_once(tmp_path, crop):
    (tmp_path / "holiday.jpg").mkdir()
    (tmp_path / "holiday.jpg" / "a.png").write_bytes(encoded(crop))
    assert names(tmp_path) == ["a.png"]


def test_links_in_a_shard_are_passed_over(tmp_path, crop):
    path = tar_of(tmp_path / "t.tar", {"a.png": encoded(crop)})
    with tarfile.open(path, "a") as shard:
        info = tarfile.TarInfo("link.png")
        info.type, info.linkname = tarfile.SYMTYPE, "nowhere.png"
        shard.addfile(info)
    assert names(path) == ["t.tar/a.png"]


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(DataError, match=r"a folder, a tar shard or an image, but there is no .*gone\.tar"):
        load(tmp_path / "gone.tar")


@pytest.mark.parametrize("content", [b"not a tar at all" * 100, b""])
def test_a_damaged_shard_is_named(tmp_path, content):
    (tmp_path / "bad.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read .*bad\.tar"):
        load(tmp_path / "bad.tar")


def test_a_cut_off_shard_is_named(tmp_path, crop):
    whole = tar_of(tmp_path / "t.tar", {f"{k}.png": encoded(crop) for k in range(4)}).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cannot read .*cut\.tar"):
        load(tmp_path / "cut.tar")


# --- decoding ----------------------------------------------------------------------------------------------


def test_small_images_keep_their_pixels(crop):
    assert np.array_equal(decode(encoded(crop)), crop)
    assert np.array_equal(decode(encoded(crop), short_side=90), crop)
    assert np.array_equal(decode(encoded(crop), short_side=500), crop)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_large_images_are_shrunk_to_their_short_side(china, kind):
    small = decode(encoded(china, kind), short_side=100)
    assert small.shape == (100, 150, 3)
    expected = np.asarray(Image.fromarray(china).resize((150, 100), Image.Resampling.LANCZOS))
    assert np.abs(small.astype(int) - expected).mean() < 4


def test_grey_and_palette_images_become_rgb(crop):
    assert decode(encoded(crop[..., 0])).shape == (90, 120, 3)
    file = io.BytesIO()
    Image.fromarray(crop).convert("P").save(file, "PNG")
    assert decode(file.getvalue()).shape == (90, 120, 3)


def test_chroma_tells_colour_from_grey(crop):
    grey = np.repeat(crop[..., :1], 3, axis=2)
    assert chroma(grey) < 0.1
    assert chroma(crop) > 5
    red = np.zeros((40, 40, 3), np.uint8)
    red[..., 0] = 255
    assert chroma(red) == pytest.approx(104.55, abs=0.1)  # of sRGB red


def test_unusable_images_are_counted_not_fatal(tmp_path, crop):
    members = {
        "good.png": encoded(crop),
        "grey.png": encoded(np.repeat(crop[..., :1], 3, axis=2)),
        "grey2.jpg": encoded(crop[..., 0], "JPEG"),
        "tiny.png": encoded(crop[:63]),
        "text.jpg": b"this is no image",
        "empty.png": b"",
        "cut.png": encoded(crop)[:2000],
        "cut.jpg": encoded(crop, "JPEG")[:1500],
    }
    photographs = load(tar_of(tmp_path / "t.tar", members))
    assert len(photographs) == 1
    assert np.array_equal(photographs.images[0], crop)
    assert photographs.left_out == {"broken": 4, "grey": 2, "tiny": 1}


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some damage that it can go round
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
    with pytest.raises(DataError, match=rf"found none to use .*'grey': {int(make == 'only grey')}"):
        load(tmp_path)


def test_a_limit_is_kept(tmp_path, crop):
    for k in range(5):
        (tmp_path / f"{k}.png").write_bytes(encoded(np.roll(crop, k, 0)))
    photographs = load(tmp_path, limit=3)
    assert len(photographs) == 3
    assert np.array_equal(photographs.images[2], np.roll(crop, 2, 0))


# --- batches -----------------------------------------------------------------------------------------------


@pytest.fixture
def photographs(china, crop):
    return Photographs((china[::3, ::3].copy(), crop), {})


def test_a_batch_has_its_shape_and_range(photographs):
    batch = photographs.batch(16, crop=48, generator=torch.Generator().manual_seed(0))
    assert batch.shape == (16, 3, 48, 48)
    assert batch.dtype == torch.float32
    assert batch.min() >= -1e-6
    assert batch.max() <= 1 + 1e-6
    assert batch.std() > 0.1
    assert len({tuple(image.flatten()[:50].tolist()) for image in batch}) == 16


def test_the_same_seed_gives_the_same_batch(photographs):
    one, two, other = (
        photographs.batch(4, crop=32, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_crops_are_windows_at_many_scales_some_mirrored():
    """Of a picture whose red is the column and whose green is the row, a crop tells where it came from."""
    rows, cols = np.mgrid[:100, :150]
    picture = np.stack([cols, rows, np.zeros_like(rows)], -1).astype(np.uint8)
    batch = Photographs((picture,), {}).batch(300, crop=32, generator=torch.Generator().manual_seed(0)) * 255
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
