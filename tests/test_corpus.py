"""Image files: found in folders and shards, decoded, and judged."""

import io
import os
import tarfile

import numpy as np
import pytest
from PIL import Image
from shards import encoded, tar_of
from skimage.color import deltaE_ciede2000, rgb2lab
from sklearn.datasets import load_sample_image
from test_image import DEEP, FLOWER, GREY_18, WIDE, camera_exif, tiff

from ipycolorize import corpus
from ipycolorize.corpus import (
    DataError,
    chroma,
    coarse_lab,
    colour_spread,
    decode,
    find_images,
    judge,
)
from ipycolorize.image import read_photo
from ipycolorize.opener import TooLargeError

HAS_AVIF = "AVIF" in Image.registered_extensions().values()  # Pillow before 11.3 has none


def names(*sources):
    return [image.name for image in find_images(list(sources))]


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


def test_what_is_found_is_read_byte_by_byte(tmp_path, crop):
    content = {"1.jpg": encoded(crop, "JPEG"), "x/2.png": encoded(crop[::-1]), "3.bmp": b"", "4.png": b"end"}
    (tmp_path / "one.png").write_bytes(encoded(crop))
    found = find_images([tar_of(tmp_path / "t.tar", content), tmp_path / "one.png"])
    assert [image.read() for image in found] == [*content.values(), encoded(crop)]


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_in_shards_of_every_layout(tmp_path, layout):
    long = "ä" * 40 + "/" + "b" * 90 + ".png"
    with tarfile.open(tmp_path / "t.tar", "w", format=layout) as shard:
        for name in (long, "short.png"):
            info = tarfile.TarInfo(name)
            info.size = 600
            shard.addfile(info, io.BytesIO(name[:1].encode() * 600))
    found = find_images([tmp_path / "t.tar"])
    assert [image.name for image in found] == [f"t.tar/{long}", "t.tar/short.png"]
    assert found[1].read() == b"s" * 600


def test_a_single_image_and_several_sources(tmp_path, crop):
    (tmp_path / "one.png").write_bytes(encoded(crop))
    shard = tar_of(tmp_path / "t.tar", {"two.png": encoded(crop)})
    assert names(tmp_path / "one.png", shard) == ["one.png", "t.tar/two.png"]


def test_sources_that_overlap_are_read_once(tmp_path, crop):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.png").write_bytes(encoded(crop))
    assert names(tmp_path, tmp_path / "deep", tmp_path) == ["one.png"]


def test_a_folder_that_is_called_like_an_image_is_read_once(tmp_path, crop):
    (tmp_path / "holiday.jpg").mkdir()
    (tmp_path / "holiday.jpg" / "a.png").write_bytes(encoded(crop))
    assert names(tmp_path) == ["a.png"]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links")
def test_links_to_folders_are_followed_and_loops_end(tmp_path, crop):
    album, disk = tmp_path / "album", tmp_path / "disk"
    (album / "year").mkdir(parents=True)
    disk.mkdir()
    (album / "year" / "a.png").write_bytes(encoded(crop))
    (disk / "b.png").write_bytes(encoded(crop[::-1]))
    (album / "disk").symlink_to(disk)
    (album / "year" / "up").symlink_to(album)
    (disk / "back").symlink_to(album / "year")
    (album / "gone").symlink_to(tmp_path / "nowhere")
    assert sorted(names(album)) == ["a.png", "b.png"]


def test_every_kind_that_a_pad_reads_is_found(tmp_path, crop):
    kinds = {
        "jfif": "JPEG",
        "jpe": "JPEG",
        "avif": "AVIF",
        "jp2": "JPEG2000",
        "gif": "GIF",
        "ppm": "PPM",
        "mpo": "MPO",
    }
    if not HAS_AVIF:  # Pillow before 11.3 has none
        del kinds["avif"]
    for suffix, kind in kinds.items():
        (tmp_path / f"a.{suffix}").write_bytes(encoded(crop, kind))
    found = find_images([tmp_path])
    assert sorted(image.path.suffix[1:] for image in found) == sorted(kinds)
    for image in found:
        assert np.array_equal(decode(image.read()), read_photo(image.path).rgb)


def test_links_in_a_shard_are_passed_over(tmp_path, crop):
    path = tar_of(tmp_path / "t.tar", {"a.png": encoded(crop)})
    with tarfile.open(path, "a") as shard:
        info = tarfile.TarInfo("link.png")
        info.type, info.linkname = tarfile.SYMTYPE, "nowhere.png"
        shard.addfile(info)
    assert names(path) == ["t.tar/a.png"]


def test_an_empty_folder_and_an_empty_shard_hold_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    assert names(tmp_path / "folder", tar_of(tmp_path / "t.tar", {})) == []


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(DataError, match=r"a folder, a tar shard or an image, but there is no .*gone\.tar"):
        find_images([tmp_path / "gone.tar"])


@pytest.mark.parametrize("content", [b"not a tar at all" * 100, b""])
def test_a_file_that_is_no_tar_is_named(tmp_path, content):
    (tmp_path / "bad.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"expected an uncompressed tar .* cannot read .*bad\.tar"):
        find_images([tmp_path])


def test_a_compressed_tar_is_named(tmp_path, crop):
    with tarfile.open(tmp_path / "t.tar", "w:gz") as shard:
        shard.addfile(tarfile.TarInfo("a.png"), io.BytesIO())
    with pytest.raises(DataError, match="expected an uncompressed tar"):
        find_images([tmp_path / "t.tar"])


MEMBER = 512 + 1024  # a header, and 1000 bytes filled up to whole blocks


@pytest.mark.parametrize(
    ("length", "left"),
    [
        (2 * MEMBER, 2),  # between two members
        (2 * MEMBER + 100, 2),  # in a header
        (2 * MEMBER + 700, 3),  # in an image, which comes out short
    ],
)
def test_of_a_shard_that_is_cut_off_the_beginning_is_used(tmp_path, length, left):
    whole = tar_of(tmp_path / "t.tar", {f"{k}.png": bytes([k]) * 1000 for k in range(4)}).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:length])
    with pytest.warns(UserWarning, match=rf"cut\.tar is damaged after its first {left} images"):
        found = find_images([tmp_path / "cut.tar"])
    assert [len(image.read()) for image in found] == [1000, 1000, 700 - 512][:left]


def test_of_a_shard_that_is_damaged_halfway_the_beginning_is_used(tmp_path):
    data = bytearray(tar_of(tmp_path / "t.tar", {f"{k}.png": b"x" * 1000 for k in range(4)}).read_bytes())
    data[2 * MEMBER : 2 * MEMBER + 512] = b"?" * 512
    (tmp_path / "t.tar").write_bytes(data)
    with pytest.warns(UserWarning, match="damaged after its first 2 images; what follows is lost"):
        assert names(tmp_path / "t.tar") == ["t.tar/0.png", "t.tar/1.png"]


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


def test_images_are_turned_upright(crop):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    assert np.array_equal(decode(encoded(crop, exif=exif)), np.rot90(crop, -1))


def test_grey_and_palette_images_become_rgb(crop):
    assert decode(encoded(crop[..., 0])).shape == (90, 120, 3)
    file = io.BytesIO()
    Image.fromarray(crop).convert("P").save(file, "PNG")
    assert decode(file.getvalue()).shape == (90, 120, 3)


KINDS = {
    "JPEG": encoded(FLOWER, "JPEG"),
    "JPEG, wide": encoded(FLOWER, "JPEG", icc_profile=WIDE),
    "JPEG, turned": encoded(FLOWER, "JPEG", exif=camera_exif(6)),
    "JPEG, CMYK": encoded(Image.fromarray(FLOWER).convert("CMYK"), "JPEG"),
    "PNG, grey of gamma 1.8": encoded(FLOWER[..., 0], "PNG", icc_profile=GREY_18),
    "PNG, 16 bits": encoded(DEEP[..., 0], "PNG"),
    "PNG, transparent": encoded(np.dstack([FLOWER, FLOWER[..., 0]]), "PNG"),
    "PNG, palette": encoded(Image.fromarray(FLOWER).quantize(9), "PNG", transparency=3),
    "TIFF, 16 bits": tiff(DEEP, photometric="rgb"),
    "TIFF, 16 bits, separate": tiff(np.moveaxis(DEEP, -1, 0), photometric="rgb", planarconfig="separate"),
    "TIFF, zero is white": tiff(DEEP[..., 0], photometric="miniswhite"),
    "TIFF, packed": tiff(FLOWER, photometric="rgb", compression="zlib"),
    "WEBP": encoded(np.dstack([FLOWER, FLOWER[..., 0]]), "WEBP"),
    **({"AVIF": encoded(FLOWER, "AVIF")} if HAS_AVIF else {}),  # Pillow before 11.3 has none
    "JPEG2000": encoded(FLOWER, "JPEG2000"),
    "GIF": encoded(FLOWER, "GIF"),
    "BMP": encoded(FLOWER, "BMP"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_learned_from_is_what_a_pad_shows(kind):
    assert np.array_equal(decode(KINDS[kind]), read_photo(KINDS[kind]).rgb)


def test_a_large_jpeg_with_a_profile_is_shrunk_after_its_colours_are_converted(china):
    data = encoded(china, "JPEG", icc_profile=WIDE, quality=95)
    small = decode(data, short_side=50)
    whole = Image.fromarray(read_photo(data).rgb).resize((75, 50), Image.Resampling.LANCZOS)
    assert deltaE_ciede2000(rgb2lab(small), rgb2lab(np.asarray(whole))).mean() < 1


def test_a_huge_image_is_refused_before_it_is_decoded():
    file = io.BytesIO()
    Image.new("1", (10_001, 10_000)).save(file, "PNG")  # some 12 kB
    with pytest.raises(TooLargeError, match="at most 100 megapixels, got 10000 x 10001"):
        decode(file.getvalue())


# --- judging -----------------------------------------------------------------------------------------------


def toned(rgb, dark, light):
    """A print whose colours run from `dark` to `light` with the grey of `rgb`."""
    grey = rgb.mean(-1, keepdims=True) / 255
    return (np.array(dark) * (1 - grey) + np.array(light) * grey).round().astype(np.uint8)


SEPIA = (40, 20, 5), (255, 240, 205)
CYANOTYPE = (5, 25, 80), (225, 240, 245)


def test_chroma_is_that_of_the_colour():
    lab = np.zeros((2, 2, 3))
    lab[0, 0, 1:] = 3, 4
    lab[1, 1, 1:] = -8, 6
    assert chroma(lab) == pytest.approx((5 + 10) / 4)
    red = np.zeros((120, 80, 3), np.uint8)
    red[..., 0] = 255
    assert chroma(coarse_lab(red)) == pytest.approx(104.55, abs=0.1)  # of sRGB red


def test_a_coarse_copy_is_small_and_keeps_the_mean(china):
    assert coarse_lab(china).shape[0] in range(50, 64)
    assert coarse_lab(china[:70, :90]).shape == (70, 90, 3)


def test_spread_is_the_distance_from_the_mean_colour_of_a_lightness():
    draw = np.random.default_rng(0)
    lightness = draw.uniform(0, 100, (200, 200))
    follows = np.stack([lightness, 0.3 * lightness, 20 - 0.2 * lightness], -1)
    assert colour_spread(follows) < 0.4  # what is left is the width of a step
    angle = draw.uniform(0, 2 * np.pi, (200, 200))
    circle = follows + 10 * np.stack([0 * angle, np.cos(angle), np.sin(angle)], -1)
    assert colour_spread(circle) == pytest.approx(10, abs=0.5)
    circle[40:] = follows[40:]  # a fifth of the picture alone
    assert colour_spread(circle) < 2.5


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_photographs_in_colour_are_used_whatever_their_size(name):
    rgb = load_sample_image(name)
    for shown in (rgb, rgb[::4, ::4], rgb[100:170, 200:300]):
        assert judge(np.ascontiguousarray(shown), smallest=64) is None


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
@pytest.mark.parametrize("tone", [SEPIA, CYANOTYPE], ids=["sepia", "cyanotype"])
def test_toned_prints_are_told_from_colour(name, tone):
    plain = toned(load_sample_image(name), *tone)
    assert judge(plain, smallest=64) == "toned"
    assert judge(decode(encoded(plain, "JPEG"), short_side=200), smallest=64) == "toned"
    stamped = plain.copy()
    stamped[-60:-20, -250:-20] = 255, 120, 0  # the date, in orange
    assert judge(stamped, smallest=64) == "toned"


def test_grey_and_tiny_are_told(crop):
    grey = np.repeat(crop[..., :1], 3, axis=2)
    assert judge(grey, smallest=64) == "grey"
    assert judge(grey + np.array([3, 0, 0], np.uint8) * (grey < 250), smallest=64) == "grey"  # a faint cast
    assert judge(crop[:63], smallest=64) == "tiny"
    assert judge(crop[:64], smallest=64) is None
    assert {"grey", "tiny", "toned"} < set(corpus.REASONS)
