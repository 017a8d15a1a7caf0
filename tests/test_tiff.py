"""TIFFs of several pages: the photograph is found among its thumbnails, and raw files are told."""

import io

import numpy as np
import pytest
import tifffile
from test_image import DEEP, FLOWER

from ipycolorize import corpus
from ipycolorize.image import PhotoError, read_photo

THUMBNAIL = np.ascontiguousarray(FLOWER[::4, ::4])


def written(*pages, bigtiff=False, byteorder="<"):
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=bigtiff, byteorder=byteorder) as writer:
        for samples, options in pages:
            writer.write(samples, **{"photometric": "rgb", **options})
    return file.getvalue()


@pytest.mark.parametrize("large", [FLOWER, DEEP], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize(
    ("bigtiff", "byteorder"), [(False, "<"), (False, ">"), (True, "<")]
)  # Pillow: no other
@pytest.mark.parametrize("below", [False, True], ids=["after it", "below it"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}], ids=["plain", "packed"])
def test_a_thumbnail_that_comes_first_is_passed_over(tmp_path, large, bigtiff, byteorder, below, options):
    first = {"subfiletype": 1, **({"subifds": 1} if below else {})}
    data = written((THUMBNAIL, first), (large, options), bigtiff=bigtiff, byteorder=byteorder)
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    expected = np.round(large / 257) if large is DEEP else large
    for read in (read_photo(data).rgb, read_photo(path).rgb, corpus.decode(data)):
        assert np.array_equal(read, expected)


def test_a_thumbnail_by_the_old_mark_is_passed_over():
    old = [(255, 3, 1, 2, True)]  # SubfileType: reduced
    pages = ((THUMBNAIL, {"extratags": old}), (FLOWER, {}), (FLOWER[::-1], {}))
    assert np.array_equal(read_photo(written(*pages)).rgb, FLOWER)


def test_the_first_of_several_whole_pages_counts_and_so_does_a_lone_reduced_one():
    assert np.array_equal(read_photo(written((FLOWER, {}), (FLOWER[::-1], {}))).rgb, FLOWER)
    smaller = ((FLOWER, {"subifds": 1}), (THUMBNAIL, {"subfiletype": 1}))
    assert np.array_equal(read_photo(written(*smaller)).rgb, FLOWER)
    assert np.array_equal(read_photo(written((FLOWER, {"subfiletype": 1}))).rgb, FLOWER)


@pytest.mark.parametrize("photometric", ["cfa", 34892])
def test_raw_files_are_refused_by_their_name(photometric):
    sensor = (DEEP[..., 0] if photometric == "cfa" else DEEP, {"photometric": photometric})
    data = written((THUMBNAIL, {"subfiletype": 1, "subifds": 1}), sensor)
    with pytest.raises(PhotoError, match="is a camera's raw file: export it as JPEG, PNG or TIFF first"):
        read_photo(data)
    marked = written((FLOWER, {"extratags": [(50706, 1, 4, b"\1\4\0\0", True)]}))
    with pytest.raises(PhotoError, match="raw file"):
        read_photo(marked)


def test_pages_in_a_circle_come_to_an_end():
    data = bytearray(written((THUMBNAIL, {"subfiletype": 1})))
    start = int.from_bytes(data[4:8], "little")
    tags = int.from_bytes(data[start : start + 2], "little")
    end = start + 2 + 12 * tags
    data[end : end + 4] = data[4:8]
    assert np.array_equal(read_photo(bytes(data)).rgb, THUMBNAIL)
