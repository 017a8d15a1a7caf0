"""Figure 3: where a network is uncertain, what the palette offers there, and what each colour does."""

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from torch import nn

from ipycolorize.analysis.reproduce import Request, maker
from ipycolorize.analysis.suggestions import ambiguous_place, draw, entropy_map, suggest
from ipycolorize.baselines.gray import Gray
from ipycolorize.hints import HintError
from ipycolorize.models.base import Network, Prediction
from ipycolorize.session import Session


class Uncertain(Network):
    """Certain of one bin everywhere but in two places, where each bin is likely: one small, one large."""

    def __init__(self, places=((6, 6, 1), (20, 24, 4))):
        super().__init__()
        self.name, self.places = "uncertain", places
        self.unused = nn.Parameter(torch.zeros(1))

    def encode(self, lightness):
        return lightness

    def decode(self, features, hints, global_hints=None):
        ab = torch.zeros(len(features), 2, *features.shape[-2:])
        for (a, b), weight in zip(hints.ab[0], hints.weight[0], strict=True):
            ab[:, 0], ab[:, 1] = a * weight, b * weight
        logits = torch.zeros(1, 313, features.shape[-2] // 2, features.shape[-1] // 2)
        logits[:, 100] = 50.0
        for row, col, half in self.places:
            logits[..., row - half : row + half, col - half : col + half] = 0.0
        return Prediction(ab, lambda: logits)


@pytest.fixture
def gray_photo():
    return np.full((64, 96, 3), 128, np.uint8)


def session(photo, network):
    return Session(photo, network, device="cpu", short_side=64)


def test_entropy_is_0_where_one_colour_is_certain_and_log2_of_the_bins_where_all_are_likely(gray_photo):
    entropy = entropy_map(session(gray_photo, Uncertain()))
    assert entropy.shape == (32, 48)
    assert entropy[0, 0] == pytest.approx(0, abs=1e-4)
    assert entropy[20, 24] == pytest.approx(math.log2(313), abs=1e-4)


def test_entropy_is_that_of_the_palettes_distribution(small, tiny):
    asked = session(small, tiny)
    entropy = entropy_map(asked)
    height, width = entropy.shape
    row, col = round(10.5 * small.shape[0] / height - 0.5), round(20.5 * small.shape[1] / width - 0.5)
    likely = asked.painter.likely_at((), asked.mood, row, col)
    assert entropy[10, 20] == pytest.approx(-(likely * np.log2(likely)).sum(), abs=0.05)


def test_the_place_lies_in_the_larger_uncertain_thing(gray_photo):
    row, col = ambiguous_place(session(gray_photo, Uncertain()))
    assert abs(row - 40) <= 6 and abs(col - 48) <= 6, "twice the logits' (20, 24)"


def test_neither_border_nor_black_nor_white_is_a_place(gray_photo):
    gray_photo[32:, :] = 2
    row, col = ambiguous_place(session(gray_photo, Uncertain(((20, 24, 4), (2, 24, 2), (8, 30, 2)))))
    assert abs(row - 16) <= 4 and abs(col - 60) <= 4
    gray_photo[:] = 255
    row, col = ambiguous_place(session(gray_photo, Uncertain()))
    assert abs(row - 40) <= 6, "everything is white: then somewhere"


def test_each_result_has_its_colour_at_the_place(small, tiny):
    found = suggest(small, tiny, name="china", place=(80, 40), short_side=64)
    assert (found.row, found.col) == (80, 40)
    assert 1 <= len(found.results) <= 6
    session_ = session(small, tiny)
    assert found.swatches == session_.palette(80, 40)
    assert np.array_equal(found.automatic, session_.rgb(session_.frame.grid))
    assert np.array_equal(found.gray, session_.gray(session_.frame.grid))
    session_.add(80, 40, ab=found.swatches[1].ab)
    assert np.array_equal(found.results[1], session_.rgb(session_.frame.grid))


def test_change_is_the_mean_distance_in_ab(gray_photo):
    found = suggest(gray_photo, Uncertain(), place=(40, 48), short_side=64)
    for change, result in zip(found.changes(), found.results, strict=True):
        ab = rgb2lab(result)[..., 1:] - rgb2lab(found.automatic)[..., 1:]
        assert change == pytest.approx(np.linalg.norm(ab, axis=-1).mean(), abs=0.1)
    assert found.entropy == pytest.approx(math.log2(313), abs=1e-3)


def test_a_network_that_reads_no_points_and_a_place_outside_are_refused(small, tiny):
    gray = Gray()
    gray.reads_points = False
    with pytest.raises(ValueError, match="reads points, got gray"):
        suggest(small, gray)
    with pytest.raises(HintError, match="inside the photograph"):
        suggest(small, tiny, place=(999, 0), short_side=64)
    with pytest.raises(ValueError, match="at least one photograph"):
        draw([])


def test_figure_3_has_a_row_for_each_photograph_and_its_table_says_what_is_shown(small, crop, tiny, tmp_path):
    report = maker("figure3")(Request(["china", "crop"], [small, crop], {"tiny": tiny}, tmp_path))
    assert report.name == "figure3" and "tiny" in report.note
    assert {row["photograph"] for row in report.rows} == {"china", "crop"}
    axes = report.figure.get_axes()
    pictures = [each for each in axes if each.images]
    assert len(pictures) == 2 + len(report.rows), "the grey ones, and a result for each row of the table"
    china = [row for row in report.rows if row["photograph"] == "china"]
    assert [row["rank"] for row in china] == [*range(1, len(china) + 1)]
    assert [row["share"] for row in china] == sorted((row["share"] for row in china), reverse=True)
    shares = {text.get_text() for each in axes for text in each.texts}
    assert f"{100 * china[0]['share']:.0f} %" in shares
