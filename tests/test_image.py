"""Reading and writing photographs, and the coordinates between a photograph and the network's grid."""

import io
import math
import resource
import struct
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
import torch.nn.functional as F
from PIL import ExifTags, Image, ImageCms, ImageOps, TiffImagePlugin
from skimage.color import rgb2lab
from sklearn.datasets import load_sample_image

from ipycolorize.image import (
    Frame,
    Photo,
    PhotoError,
    read_photo,
    resize_lightness,
    sample_photo,
)
from ipycolorize.writing import write_photo

FLOWER = load_sample_image("flower.jpg")[60:108, 260:324].copy()  # (48, 64, 3): petals before leaves
DEEP = (FLOWER.astype(np.uint16) << 8) + np.arange(64, dtype=np.uint16)[:, None]  # 16 bits, low bytes in use


# --- files made here, independently of the code under test -------------------------------------------------


def encoded(image, kind, **options):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def png(samples, *, width, height, depth, colour, **chunks):
    """A PNG of the bytes of its pixels, which may be too few; colour: 0 grey, 2 RGB."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = max(1, len(samples) // height)
    rows = b"".join(b"\0" + samples[start : start + row] for start in range(0, len(samples), row))
    body = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body += b"".join(chunk(name.encode(), data) for name, data in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(samples, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


def icc_profile(space, gamma, primaries=()):
    """A minimal matrix or grey ICC profile; primaries: XYZ columns, adapted to D50."""

    def fixed(*values):
        return b"".join(struct.pack(">i", round(65536 * value)) for value in values)

    white = (0.9642, 1.0, 0.8249)
    curve = b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(256 * gamma))
    name = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(79)
    tags = [(b"desc", name), (b"wtpt", b"XYZ " + bytes(4) + fixed(*white))]
    tags += [
        (c + b"XYZ", b"XYZ " + bytes(4) + fixed(*xyz))
        for c, xyz in zip(b"r g b".split(), primaries, strict=False)
    ]
    tags += [(c + b"TRC", curve) for c in (b"r g b".split() if primaries else [b"k"])]
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for signature, data in tags:
        table += signature + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x", start + len(body), 0x02100000, b"mntr", space, b"XYZ ", b"acsp"
    )
    header += fixed(*white) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body


ADOBE_PRIMARIES = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
WIDE = icc_profile(b"RGB ", 2.19921875, ADOBE_PRIMARIES)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_18 = icc_profile(b"GRAY", 1.8)


def linear(rgb):
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def companded(light):
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light.clip(0) ** (1 / 2.4) - 0.055)


def camera_exif(orientation=1):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Leica"
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] = TiffImagePlugin.IFDRational(1, 125)
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = b"maker\0\1\2"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif.tobytes()


def close(a, b, tolerance=1):
    return np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int)).max() <= tolerance


# --- lightness ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["china", "flower"])
def test_lightness_of_sample_equals_scikit_image(name):
    photo = sample_photo(name)
    assert photo.lightness.dtype == np.float32
    assert np.abs(photo.lightness - rgb2lab(photo.rgb)[..., 0]).max() < 1e-3


def test_lightness_of_all_greys_and_primaries_equals_color():
    color = pytest.importorskip("ipycolorize.color")
    ramp = np.arange(256, dtype=np.uint8)
    zero = np.zeros_like(ramp)
    rgb = np.stack(
        [
            np.stack(c, -1)
            for c in [(ramp,) * 3, (ramp, zero, zero), (zero, ramp, zero), (zero, zero, ramp)] * 2
        ]
    )
    assert np.abs(read_photo(rgb).lightness - color.rgb_to_lab(rgb)[..., 0]).max() < 1e-3


def test_lightness_of_16_bit_is_deeper_than_8():
    ramp = np.tile(np.arange(20000, 20512, dtype=np.uint16), (8, 1))
    lightness = read_photo(ramp).lightness
    assert len(np.unique(lightness)) == 512
    assert np.abs(lightness - rgb2lab(np.repeat(ramp[..., None] / 65535, 3, -1))[..., 0]).max() < 1e-3


def test_lightness_of_wide_photo_equals_its_strips():
    rgb = np.random.default_rng(0).integers(0, 256, (9, 300_000, 3), dtype=np.uint8)
    assert np.array_equal(read_photo(rgb).lightness[:, :500], read_photo(rgb[:, :500]).lightness)


# --- reading -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_read_path_bytes_and_image_agree(tmp_path, kind):
    data = encoded(FLOWER, kind)
    path = tmp_path / f"roof.{kind.lower()}"
    path.write_bytes(data)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    with Image.open(path) as image:
        for source in (path, str(path), data, memoryview(data), image):
            assert np.array_equal(read_photo(source).rgb, expected)
        assert read_photo(image).name == "roof"
    assert read_photo(path).name == "roof"
    assert read_photo(data).name == "photo"
    assert read_photo(path).shape == (48, 64)


def test_read_array_copies_and_photo_passes_through():
    array = FLOWER.copy()
    photo = read_photo(array)
    array[:] = 0
    assert np.array_equal(photo.rgb, FLOWER)
    assert photo.rgb.flags.writeable  # torch warns about arrays that are not
    assert read_photo(photo) is photo


def test_read_array_grey_rgba_and_16_bit():
    grey = read_photo(FLOWER[..., 0])
    assert np.array_equal(grey.rgb, np.repeat(FLOWER[..., :1], 3, 2))
    rgba = read_photo(np.concatenate([FLOWER, FLOWER[..., :1]], 2))
    assert np.array_equal(rgba.rgb, FLOWER)
    assert np.array_equal(rgba.alpha, FLOWER[..., 0])
    for deep in (DEEP, DEEP.astype(">u2")):
        assert np.array_equal(read_photo(deep).rgb, np.round(DEEP / 257))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_read_orientation_is_applied_and_reset(orientation, kind):
    data = encoded(FLOWER, kind, exif=camera_exif(orientation))
    photo = read_photo(data)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.array_equal(photo.rgb, expected)
    assert photo.lightness.shape == photo.shape == expected.shape[:2]
    exif = Image.Exif()
    exif.load(photo.exif)
    assert exif[ExifTags.Base.Orientation] == 1


def test_read_orientation_turns_16_bit_and_alpha_too():
    options = {"photometric": "rgb", "extrasamples": ["unassalpha"], "metadata": None}
    rgba = np.concatenate([DEEP, DEEP[..., :1]], 2)
    upright = read_photo(tiff(rgba, **options))
    turned = read_photo(tiff(rgba, extratags=[(274, "H", 1, 6, True)], **options))
    assert np.array_equal(turned.lightness, np.rot90(upright.lightness, -1))
    assert np.array_equal(turned.alpha, np.rot90(upright.alpha, -1))


def test_read_damaged_exif_is_left_out_with_a_warning():
    good = camera_exif()
    data = encoded(FLOWER, "JPEG", exif=good[:14] + b"\xff" * (len(good) - 14))
    with pytest.warns(UserWarning):
        photo = read_photo(data)
    assert photo.shape == (48, 64)


def test_read_user_image_is_not_changed():
    image = Image.open(io.BytesIO(encoded(FLOWER, "JPEG", exif=camera_exif(6))))
    read_photo(image)
    assert image.size == (64, 48)
    assert image.getexif()[ExifTags.Base.Orientation] == 6


@pytest.mark.parametrize("order", ["<", ">"])
def test_read_16_bit_grey_keeps_depth(order):
    grey = DEEP[..., 0]
    expected = rgb2lab(np.repeat(grey[..., None] / 65535, 3, -1))[..., 0]
    inverted = tiff(~grey, byteorder=order, photometric="miniswhite")
    sources = [
        png(grey.astype(">u2").tobytes(), width=64, height=48, depth=16, colour=0),
        tiff(grey, byteorder=order),
        encoded(Image.fromarray(grey), "TIFF", compression="tiff_lzw"),
        *([inverted] if order == "<" else []),  # Pillow does not know the other one
    ]
    for source in sources:
        photo = read_photo(source)
        assert np.abs(photo.lightness - expected).max() < 1e-3
        assert np.array_equal(photo.rgb[..., 1], np.round(grey / 257))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", ["contig", "separate", "zlib", "tiled"])
def test_read_16_bit_rgb_tiff_keeps_depth(order, layout):
    options = {
        "contig": {},
        "separate": {"planarconfig": "separate"},
        "zlib": {"compression": "zlib", "rowsperstrip": 8},
        "tiled": {"tile": (16, 16)},
    }[layout]
    samples = np.moveaxis(DEEP, -1, 0) if layout == "separate" else DEEP
    photo = read_photo(tiff(samples, byteorder=order, photometric="rgb", **options))
    assert np.abs(photo.lightness - rgb2lab(DEEP / 65535)[..., 0]).max() < 1e-3
    assert np.array_equal(photo.rgb, np.round(DEEP / 257))


def lzw(data):
    """Valid LZW without any dictionary: after each code word to clear it, at most 200 literals of 9 bits."""
    codes = [code for i in range(0, len(data), 200) for code in (256, *data[i : i + 200])] + [257]
    bits = "".join(f"{code:09b}" for code in codes)
    return int(bits.ljust(-len(bits) % 8 + len(bits), "0"), 2).to_bytes(math.ceil(len(bits) / 8), "big")


@pytest.mark.skipif(find_spec("imagecodecs") is not None, reason="imagecodecs lets tifffile read LZW")
def test_read_16_bit_rgb_tiff_in_lzw_falls_back_to_8_bits_with_a_warning():
    values = {256: 64, 257: 48, 259: 5, 262: 2, 273: 0, 277: 3, 278: 48, 279: 0, 284: 1}
    data = lzw(DEEP.astype("<u2").tobytes())
    start = 8 + 2 + 12 * (len(values) + 1) + 4
    values[273], values[279] = start + 6, len(data)
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items()]
    entries.insert(2, struct.pack("<HHII", 258, 3, 3, start))
    file = b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4)
    file += struct.pack("<HHH", 16, 16, 16) + data
    with pytest.warns(UserWarning, match="8 bits"):
        photo = read_photo(file)
    assert close(photo.rgb, DEEP >> 8, 0)


def test_read_16_bit_rgb_png_at_8_bits():
    photo = read_photo(png(DEEP.astype(">u2").tobytes(), width=64, height=48, depth=16, colour=2))
    assert close(photo.rgb, np.round(DEEP / 257))


def test_read_alpha_of_every_kind():
    alpha = FLOWER[..., 2]
    grey = Image.fromarray(FLOWER[..., 0])
    la = grey.convert("LA")
    la.putalpha(Image.fromarray(alpha))
    photo = read_photo(encoded(la, "PNG"))
    assert np.array_equal(photo.rgb[..., 0], FLOWER[..., 0])
    assert np.array_equal(photo.alpha, alpha)
    rgba = Image.fromarray(np.dstack([FLOWER, alpha]))
    for kind in ("PNG", "TIFF"):
        photo = read_photo(encoded(rgba, kind))
        assert np.array_equal(photo.rgb, FLOWER)
        assert np.array_equal(photo.alpha, alpha)
    assert read_photo(encoded(FLOWER, "PNG")).alpha is None


@pytest.mark.parametrize("transparency", [3, bytes(range(255, -1, -1))])
def test_read_palette_with_transparency(transparency):
    image = Image.fromarray(FLOWER).quantize(256)
    index = np.asarray(image)
    photo = read_photo(encoded(image, "PNG", transparency=transparency))
    assert np.array_equal(photo.rgb, np.asarray(image.convert("RGB")))
    expected = np.where(index == 3, 0, 255) if transparency == 3 else 255 - index.astype(int)
    assert np.array_equal(photo.alpha, expected)


def test_read_16_bit_grey_with_a_transparent_value():
    grey = DEEP[..., 0]
    source = png(
        grey.astype(">u2").tobytes(), width=64, height=48, depth=16, colour=0, tRNS=grey[0, 0].tobytes()[::-1]
    )
    assert np.array_equal(read_photo(source).alpha, np.where(grey == grey[0, 0], 0, 255))


def test_read_1_bit_is_black_and_white():
    image = Image.fromarray(FLOWER).convert("1")
    photo = read_photo(encoded(image, "PNG"))
    assert np.array_equal(photo.rgb[..., 0], np.where(np.asarray(image), 255, 0))
    assert set(np.unique(photo.lightness)) == {0, 100}


def test_read_first_of_several_frames():
    frames = [Image.fromarray(FLOWER), Image.fromarray(255 - FLOWER)]
    for kind in ("TIFF", "PNG", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert np.array_equal(read_photo(data).rgb, FLOWER)


# --- colour profiles ---------------------------------------------------------------------------------------


def test_read_wide_profile_is_converted_and_kept():
    stored = encoded(FLOWER // 2 + 60, "PNG", icc_profile=WIDE)  # muted, so that nothing leaves sRGB
    xyz_d50 = ((FLOWER // 2 + 60) / 255) ** 2.19921875 @ np.array(ADOBE_PRIMARIES)
    srgb_d50 = np.array(
        [[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.7141]]
    )
    expected = 255 * companded(xyz_d50 @ np.linalg.inv(srgb_d50))
    photo = read_photo(stored)
    assert np.abs(photo.rgb - expected).max() < 2
    assert photo.icc == WIDE
    assert np.abs(photo.lightness - rgb2lab(photo.rgb)[..., 0]).max() < 1e-3


def test_read_srgb_profile_changes_nothing_and_is_not_kept():
    photo = read_photo(encoded(FLOWER, "PNG", icc_profile=SRGB))
    assert np.array_equal(photo.rgb, FLOWER)
    assert photo.icc is None
    deep = read_photo(tiff(DEEP, photometric="rgb", iccprofile=SRGB))
    assert np.abs(deep.lightness - rgb2lab(DEEP / 65535)[..., 0]).max() < 1e-3


def test_read_grey_profile_is_converted():
    photo = read_photo(encoded(FLOWER[..., 0], "PNG", icc_profile=GREY_18))
    expected = 255 * companded((FLOWER[..., :1] / 255) ** 1.8)
    assert np.abs(photo.rgb - expected).max() <= 2
    assert photo.icc is None


def test_read_16_bit_with_profile_is_converted():
    photo = read_photo(tiff(DEEP, photometric="rgb", iccprofile=WIDE))
    assert np.array_equal(
        photo.rgb, read_photo(encoded(np.round(DEEP / 257).astype(np.uint8), "PNG", icc_profile=WIDE)).rgb
    )
    assert photo.icc == WIDE


def test_read_grey_image_with_rgb_profile_is_converted():
    ramp = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    photo = read_photo(encoded(ramp, "PNG", icc_profile=WIDE))
    expected = 255 * companded((ramp / 255) ** 2.19921875)
    assert np.abs(photo.rgb - expected[..., None]).max() < 2
    assert np.abs(photo.rgb - ramp[..., None].astype(int)).max() > 3


def test_read_cmyk_without_profile():
    image = Image.fromarray(FLOWER).convert("CMYK")
    for kind, tolerance in (("TIFF", 0), ("JPEG", 40)):
        photo = read_photo(encoded(image, kind))
        assert close(photo.rgb, FLOWER, tolerance)
        assert photo.icc is None


@pytest.mark.parametrize("profile", [b"no profile at all", WIDE[:200], GREY_18])
def test_read_unusable_profile_is_ignored_with_a_warning(profile):
    with pytest.warns(UserWarning, match="profile"):
        photo = read_photo(encoded(FLOWER, "PNG", icc_profile=profile))
    assert np.array_equal(photo.rgb, FLOWER)
    assert photo.icc is None


# --- what cannot be read -----------------------------------------------------------------------------------


def refused(source, *words):
    with pytest.raises(PhotoError) as caught:
        read_photo(source)
    text = str(caught.value)
    for word in ("expected", *words):
        assert word in text, text
    assert text[-1].isalnum() or text[-1] in ")'"


def test_read_missing_file_and_folder_and_text(tmp_path):
    refused(tmp_path / "none.jpg", "there is no", "none.jpg")
    refused(tmp_path, "folder")
    (tmp_path / "notes.jpg").write_text("not a photograph")
    refused(tmp_path / "notes.jpg", "notes.jpg", "not a photo")
    (tmp_path / "empty.jpg").touch()
    refused(tmp_path / "empty.jpg", "0 bytes")
    refused(b"", "0 bytes")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_read_truncated_file_is_refused(kind, share):
    data = encoded(load_sample_image("china.jpg"), kind)
    refused(data[: int(share * len(data))])


def test_read_truncated_progressive_jpeg_and_16_bit_tiff_and_image():
    data = encoded(FLOWER, "JPEG", progressive=True)
    refused(data[:-300], "cut off")
    refused(Image.open(io.BytesIO(data[:-300])), "cut off")
    refused(tiff(DEEP, photometric="rgb", compression="zlib")[:-2000])


def test_read_too_small_is_refused():
    refused(np.zeros((1, 1, 3), np.uint8), "1 x 1", "enlarge")
    refused(encoded(FLOWER[:7], "PNG"), "7 x 64")
    assert read_photo(FLOWER[:8]).shape == (8, 64)


@pytest.mark.parametrize("side", [10_001, 12_000, 100_000])
def test_read_decompression_bomb_is_refused_before_decoding(side):
    before = Image.MAX_IMAGE_PIXELS
    promise = png(b"few", width=side, height=side, depth=8, colour=2)
    refused(promise, "100 megapixels", "smaller")  # decoding would have said "cut off"
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.slow
def test_read_60_megapixels():
    photo = read_photo(encoded(Image.new("L", (10_000, 6_000), 119), "PNG"))
    assert photo.shape == (6_000, 10_000)
    assert photo.lightness[-1, -1] == pytest.approx(50, abs=0.1)


def test_read_floats_and_strange_depths_are_refused():
    refused(FLOWER / 255, "float64", "255")
    refused(FLOWER.astype(bool), "bool")
    refused(FLOWER.astype(np.int32), "int32")
    refused(tiff(FLOWER[..., 0].astype(np.float32)), "floats")
    refused(tiff((FLOWER / 255).astype(np.float32), photometric="rgb"))
    refused(Image.fromarray(FLOWER[..., 0].astype(np.float32)), "floats")
    refused(Image.fromarray(np.full((9, 9), 70_000, np.int32)), "70000")
    refused(tiff(FLOWER.astype(np.uint32), photometric="rgb"))


@pytest.mark.parametrize("shape", [(48,), (48, 64, 2), (48, 64, 5), (1, 48, 64, 3), (3, 48, 64)])
def test_read_wrong_array_shape_is_refused(shape):
    refused(np.zeros(shape, np.uint8), str(shape))


def test_read_other_objects_and_formats_are_refused():
    refused(None, "NoneType")
    refused([1, 2], "list")
    refused(encoded(Image.fromarray(FLOWER), "EPS"), "EPS")


# --- writing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.tif", "a.tiff", "a.jpg", "a.jpeg"])
def test_write_keeps_size_colours_and_exif(tmp_path, name):
    photo = read_photo(encoded(FLOWER, "JPEG", exif=camera_exif(6)))
    rgb = np.ascontiguousarray(np.rot90(FLOWER, -1))
    write_photo(tmp_path / name, rgb, photo=photo)
    again = read_photo(tmp_path / name)
    assert again.shape == photo.shape
    assert np.abs(again.rgb.astype(float) - rgb).mean() < (1.5 if ".j" in name else 1e-9)
    exif = Image.Exif()
    exif.load(again.exif)
    assert exif[ExifTags.Base.Make] == "Leica"
    assert exif[ExifTags.Base.Orientation] == 1
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == 1 / 125
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] == b"maker\0\1\2"
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_write_tiff_metadata_hands_on_facts_and_not_the_layout(tmp_path):
    options = {
        "photometric": "rgb",
        "compression": "zlib",
        "planarconfig": "separate",
        "software": "scanner 1",
    }
    photo = read_photo(tiff(np.moveaxis(DEEP, -1, 0), **options))
    for name in ("a.tif", "a.png", "a.jpg"):
        write_photo(tmp_path / name, FLOWER, photo=photo)
        again = read_photo(tmp_path / name)
        assert close(again.rgb, FLOWER, 30 if name == "a.jpg" else 0)
        exif = Image.Exif()
        exif.load(again.exif)
        assert exif[ExifTags.Base.Software] == "scanner 1"
        assert not {ExifTags.Base.StripOffsets, ExifTags.Base.BitsPerSample} & set(exif)


def test_write_alpha_is_kept_in_png_and_tiff_and_dropped_in_jpeg(tmp_path):
    photo = read_photo(np.dstack([FLOWER, FLOWER[..., 2]]))
    for name in ("a.png", "a.tif"):
        write_photo(tmp_path / name, FLOWER, photo=photo)
        again = read_photo(tmp_path / name)
        assert np.array_equal(again.alpha, photo.alpha)
        assert np.array_equal(again.rgb, FLOWER)
    write_photo(tmp_path / "a.jpg", FLOWER, photo=photo, quality=100)
    again = read_photo(tmp_path / "a.jpg")
    assert again.alpha is None
    assert np.abs(again.rgb.astype(float) - FLOWER).mean() < 1


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg"])
def test_write_converts_back_to_the_profile(tmp_path, name):
    stored = FLOWER // 2 + 60
    photo = read_photo(encoded(stored, "PNG", icc_profile=WIDE))
    write_photo(tmp_path / name, photo.rgb, photo=photo, quality=100)
    with Image.open(tmp_path / name) as image:
        assert image.info["icc_profile"] == WIDE
        assert np.abs(np.asarray(image).astype(float) - stored).mean() < 1
    assert np.abs(read_photo(tmp_path / name).rgb.astype(float) - photo.rgb).mean() < 1


def test_write_srgb_embeds_no_profile(tmp_path):
    photo = read_photo(encoded(FLOWER, "PNG", icc_profile=SRGB))
    write_photo(tmp_path / "a.png", FLOWER, photo=photo)
    with Image.open(tmp_path / "a.png") as image:
        assert "icc_profile" not in image.info


def test_write_jpeg_stores_colour_at_full_resolution(tmp_path):
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[:, ::2, 0] = 200
    write_photo(tmp_path / "a.jpg", stripes, photo=read_photo(stripes), quality=100)
    assert close(read_photo(tmp_path / "a.jpg").rgb, stripes, 8)


def test_write_exif_too_long_for_jpeg_is_left_out_with_a_warning(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "x" * 70_000
    photo = Photo(rgb=FLOWER, lightness=read_photo(FLOWER).lightness, exif=exif.tobytes())
    with pytest.warns(UserWarning, match="too long"):
        write_photo(tmp_path / "a.jpg", FLOWER, photo=photo)
    assert read_photo(tmp_path / "a.jpg").exif is None


def test_write_refuses_what_is_not_the_photo(tmp_path):
    photo = read_photo(FLOWER)
    for rgb in (FLOWER[:-1], FLOWER[..., 0], FLOWER / 255, np.dstack([FLOWER, FLOWER[..., 0]]), None):
        with pytest.raises(PhotoError, match=r"\(48, 64, 3\)"):
            write_photo(tmp_path / "a.png", rgb, photo=photo)
    for name in ("a.gif", "a", "a.png.txt"):
        with pytest.raises(PhotoError, match=r"\.png"):
            write_photo(tmp_path / name, FLOWER, photo=photo)
    with pytest.raises(PhotoError, match="folder"):
        write_photo(tmp_path / "none" / "a.png", FLOWER, photo=photo)
    with pytest.raises(PhotoError, match="quality"):
        write_photo(tmp_path / "a.jpg", FLOWER, photo=photo, quality=101)
    assert not list(tmp_path.iterdir())


def test_write_onto_a_folder_is_refused(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(PhotoError, match=r"a\.png"):
        write_photo(tmp_path / "a.png", FLOWER, photo=read_photo(FLOWER))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_write_to_a_full_disk_keeps_the_old_file(tmp_path):
    target = tmp_path / "a.png"
    target.write_bytes(b"the old picture")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(PhotoError, match="File too large"):
            write_photo(target, FLOWER, photo=read_photo(FLOWER), overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_bytes() == b"the old picture"
    assert list(tmp_path.iterdir()) == [target]


def test_write_through_a_link_keeps_the_link(tmp_path):
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    write_photo(tmp_path / "link.png", FLOWER, photo=read_photo(FLOWER), overwrite=True)
    assert (tmp_path / "link.png").is_symlink()
    assert np.array_equal(read_photo(tmp_path / "real.png").rgb, FLOWER)


# --- resampling --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(64, 96), (201, 300), (427, 640), (500, 700), (800, 300)])
def test_resize_lightness_equals_torch_antialiased(shape):
    lightness = sample_photo().lightness
    resized = resize_lightness(lightness, shape)
    given = torch.from_numpy(lightness)[None, None]
    expected = F.interpolate(given, shape, mode="bilinear", antialias=True)[0, 0].numpy()
    assert resized.dtype == np.float32
    assert resized.shape == shape
    assert np.abs(resized - expected).max() < 5e-3  # torch rounds positions to float32


def test_resize_lightness_of_stripes_does_not_alias():
    stripes = np.tile(np.array([[0, 100]], np.float32), (512, 256))
    assert np.abs(resize_lightness(stripes, (60, 60))[:, 2:-2] - 50).max() < 3


def test_resize_lightness_refuses_wrong_shapes():
    with pytest.raises(ValueError, match="expected"):
        resize_lightness(np.zeros((8, 8, 3), np.float32), (4, 4))
    with pytest.raises(ValueError, match="expected"):
        resize_lightness(np.zeros((8, 8), np.float32), (0, 4))


# --- coordinates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("photo", "limits", "grid"),
    [
        ((427, 640), {"short_side": 256}, (256, 384)),
        ((3000, 4000), {"short_side": 256}, (256, 341)),
        ((4000, 3000), {"short_side": 256}, (341, 256)),
        ((20, 30), {"short_side": 256}, (256, 384)),
        ((100, 10_000), {"short_side": 256, "max_side": 1024}, (10, 1024)),
        ((100, 10_000), {"short_side": 256, "max_pixels": 65_536}, (26, 2520)),
        ((8, 100_000), {"short_side": 256, "max_side": 512}, (1, 512)),
        ((100, 100), {"short_side": 256, "max_side": 1024, "max_pixels": 10**6}, (256, 256)),
    ],
)
def test_frame_fit(photo, limits, grid):
    frame = Frame.fit(photo, **limits)
    assert frame.grid == grid
    assert frame.photo == photo
    assert grid[0] * grid[1] <= limits.get("max_pixels", math.inf)
    assert max(grid) <= limits.get("max_side", math.inf)


def test_frame_corners_map_to_corners():
    frame = Frame(photo=(427, 641), grid=(256, 385))
    assert frame.to_grid(-0.5, -0.5) == (-0.5, -0.5)
    assert frame.to_grid(426.5, 640.5) == pytest.approx((255.5, 384.5), abs=1e-9)
    assert frame.to_photo(-0.5, -0.5) == (0, 0)
    assert frame.to_photo(255.49, 384.49) == (426, 640)
    assert frame.to_photo(-7, 1000) == (0, 640)


def test_frame_centre_convention_agrees_with_resampling():
    frame = Frame(photo=(60, 90), grid=(20, 30))
    assert frame.to_grid(1, 1) == (0, 0)  # the middle of the 3 x 3 pixels that grid pixel 0 shows
    assert frame.to_photo(19, 29) == (58, 88)
    rows = np.tile(np.arange(60, dtype=np.float32)[:, None], (1, 90))
    seen = resize_lightness(rows, frame.grid)
    for row in (3, 10, 16):
        assert frame.to_grid(float(seen[row, 15]), 0)[0] == pytest.approx(row, abs=1e-4)


@pytest.mark.parametrize("grid", [(20, 31), (48, 64), (100, 133)])
def test_frame_round_trip_stays_within_a_pixel_of_the_coarser(grid):
    frame = Frame(photo=(48, 64), grid=grid)
    for row in range(48):
        for col in range(64):
            assert frame.to_photo(*frame.to_grid(row, col)) == (row, col)
            assert frame.contains(row, col)
    for row in range(grid[0]):
        back = frame.to_grid(*frame.to_photo(row, 0))[0]
        assert abs(back - row) <= 0.5 * grid[0] / 48 + 1e-9


def test_frame_scale_and_sizes():
    frame = Frame(photo=(100, 200), grid=(50, 102))
    assert frame.scale == pytest.approx(math.sqrt(0.5 * 0.51))
    assert frame.size_to_grid(10) == pytest.approx(10 * frame.scale)


def test_frame_contains_the_photo_only():
    frame = Frame(photo=(48, 64), grid=(24, 32))
    assert frame.contains(0, 0)
    assert frame.contains(47, 63)
    for point in [(-1, 0), (0, -1), (48, 0), (0, 64), (math.nan, 0)]:
        assert not frame.contains(*point)


def test_frame_refuses_empty_sides():
    with pytest.raises(ValueError, match="at least 1"):
        Frame(photo=(0, 4), grid=(1, 1))
    with pytest.raises(ValueError, match="at least 1"):
        Frame.fit((4, 4), short_side=0)
    with pytest.raises(ValueError, match="at least 1"):
        Frame.fit((4, 4), short_side=4, max_pixels=0)


# --- samples -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("china", (427, 640)),
        ("flower", (427, 640)),
        ("astronaut", (512, 512)),
        ("coffee", (400, 600)),
        ("cat", (300, 451)),
    ],
)
def test_sample_photo(name, shape):
    photo = sample_photo(name)
    assert (photo.name, photo.shape) == (name, shape)


def test_sample_photo_unknown_lists_the_known():
    with pytest.raises(PhotoError, match="china, flower, astronaut, coffee or cat"):
        sample_photo("dog")


def test_read_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_photo("~/a.png", FLOWER, photo=read_photo(FLOWER))
    assert Path(tmp_path / "a.png").is_file()
    assert read_photo("~/a.png").name == "a"
