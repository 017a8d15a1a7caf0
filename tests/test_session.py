"""A session as a person drives it: hints, undo, colours, files, errors, threads."""

import json
import resource
import threading
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from ipycolorize.color import lab_to_rgb, rgb_to_lab, to_uint8
from ipycolorize.gamut import displayed, in_gamut
from ipycolorize.hints import HintError
from ipycolorize.image import PhotoError, read_photo
from ipycolorize.models.base import Network, Prediction
from ipycolorize.models.device import DeviceError
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.models.weights import WeightsError
from ipycolorize.session import Session

FLAT = np.full((107, 160, 3), 128, np.uint8)  # nothing but distance decides where colours go


@pytest.fixture
def session(small, tiny):
    return Session(small, tiny, device="cpu", short_side=64)


def state(session):
    return [(hint.id, hint.row, hint.col, hint.ab, hint.size) for hint in session.hints]


def difference(one, two):
    return np.abs(one.astype(int) - two)


class Constant(Network):
    """Paints everything with one colour; every hint is ignored."""

    name = "constant"

    def __init__(self, ab=(20.0, -30.0)):
        super().__init__()
        self.config, self.ab, self.encoded = {}, ab, 0

    def encode(self, lightness):
        self.encoded += 1
        return lightness

    def decode(self, features, hints):
        self.hints = hints
        count, _, height, width = features.shape
        ab = torch.tensor(self.ab).view(1, 2, 1, 1).expand(count, 2, height, width)
        return Prediction(ab, lambda: torch.zeros(count, 313, 2, 2))


# --- hints -------------------------------------------------------------------------------------------------


def test_a_hint_colours_its_place_and_leaves_far_places(session, small):
    before = session.rgb()
    hint = session.add(50, 80, ab=(70.0, 40.0))
    after = session.rgb()
    assert session.hints[hint.id].ab == (70.0, 40.0)
    aimed = rgb2lab(after)[50, 80, 1:] - rgb2lab(before)[50, 80, 1:]
    assert aimed @ [70, 40] > 0
    assert difference(before, after)[45:56, 75:86].mean() > 2 * difference(before, after)[:15, :15].mean()
    lightness = rgb2lab(small)[..., 0]
    assert np.abs(rgb2lab(after)[..., 0] - lightness).max() < 0.6


def test_hints_are_in_photo_pixels_at_any_scale_of_the_network(make_live):
    network = make_live(answers=False)
    with torch.no_grad():
        network.to_gates.bias.copy_(
            torch.tensor([0.0, -20, -20, -20, 0])
        )  # only the head of the shortest reach
    for short_side in (32, 96, 130):
        session = Session(FLAT, network, device="cpu", short_side=short_side)
        before = session.rgb()
        session.add(80, 120, ab=(60.0, 60.0), size=9)
        change = difference(session.rgb(), before).sum(-1)
        row, col = (index[change >= 0.9 * change.max()].mean() for index in np.indices(change.shape))
        assert abs(row - 80) < 2
        assert abs(col - 120) < 2


def test_the_network_sees_hints_in_its_own_pixels():
    network = Constant()
    session = Session(FLAT, network, device="cpu", short_side=54)
    hint = session.add(60, 101, ab=(3.0, 4.0), size=20)
    session.rgb()
    seen = network.hints
    assert seen.mask.shape == (1, 1, 54, 81)
    assert seen.row.item() == pytest.approx((60.5 * 54 / 107) - 0.5)
    assert seen.col.item() == pytest.approx((101.5 * 81 / 160) - 0.5)
    assert seen.size.item() == pytest.approx(20 * 54 / 107, rel=0.01)
    assert 80 < seen.mask.sum() < 125  # some 10 x 10 of 20 x 20
    assert seen.ab.flatten().tolist() == [3, 4]
    session.resize(hint.id, 1)
    session.rgb()
    assert network.hints.mask.sum() == 1  # a hint never vanishes


def test_a_new_hint_takes_the_present_colour_and_hardly_shows(small, make_live):
    session = Session(small, make_live(answers=False), device="cpu", short_side=64)
    before = session.rgb()
    session.add(30, 40)
    session.add(80, 20)
    assert difference(session.rgb(), before).max() <= 1


def test_a_new_hint_without_a_colour_changes_nothing_until_it_gets_one(session):
    session.add(50, 80, ab=(60.0, 30.0))
    before = session.rgb()
    hint = session.add(55, 95)
    assert np.array_equal(session.rgb(), before)
    assert session.color_of(hint) == pytest.approx(before[55, 95].tolist(), abs=3)
    session.move(hint.id, 20, 30)
    assert np.array_equal(session.rgb(), before)
    assert session.present_ab(session.hints[hint.id]) == pytest.approx(session.ab_at(20, 30))
    session.recolor(hint.id, session.ab_at(20, 30))
    assert session.hints[hint.id].weight == 1
    session.recolor(hint.id, (-40.0, 40.0))
    assert difference(session.rgb(), before).max() > 10


def test_a_hint_without_a_colour_is_saved_and_loaded_as_such(session):
    session.add(50, 80)
    session.add(20, 20, ab=(10.0, 10.0))
    data = session.to_json()
    session.load(data)
    assert [hint.weight for hint in session.hints] == [0, 1]
    assert [point.get("weight", 1) for point in data["hints"]] == [0, 1]


def test_a_new_hint_survives_a_network_that_exaggerates(small):
    session = Session(small, Constant((150.0, -400.0)), device="cpu", short_side=32)
    assert session.add(5, 5).ab == (128.0, -128.0)


def test_each_change_is_a_step(session):
    hint = session.add(10, 10, ab=(1.0, 2.0))
    session.move(hint.id, 20, 30)
    session.recolor(hint.id, (3.0, 4.0))
    session.resize(hint.id, 9)
    assert state(session) == [(hint.id, 20, 30, (3.0, 4.0), 9)]
    session.remove(hint.id)
    seen = []
    while session.undo():
        seen.append(state(session))
    assert seen == [
        [(1, 20, 30, (3.0, 4.0), 9)],
        [(1, 20, 30, (3.0, 4.0), session.default_size)],
        [(1, 20, 30, (1.0, 2.0), session.default_size)],
        [(1, 10, 10, (1.0, 2.0), session.default_size)],
        [],
    ]
    steps = 0
    while session.redo():
        steps += 1
    assert steps == 5
    assert state(session) == []


def test_undo_brings_the_picture_back(session):
    before = session.rgb()
    session.add(50, 80, ab=(70.0, 40.0))
    after = session.rgb()
    session.undo()
    assert np.array_equal(session.rgb(), before)
    session.redo()
    assert np.array_equal(session.rgb(), after)


def test_a_drag_is_one_step(session):
    hint = session.add(10, 10, ab=(1.0, 2.0))
    for place in range(11, 20):
        session.move(hint.id, place, place, record=False)
    assert session.can_undo
    session.commit()
    session.commit()  # twice is once
    assert session.hints[hint.id].row == 19
    assert session.undo()
    assert session.hints[hint.id].row == 10
    assert session.redo()
    assert session.hints[hint.id].row == 19


def test_undo_during_a_drag_takes_the_drag_back(session):
    hint = session.add(10, 10, ab=(1.0, 2.0))
    session.move(hint.id, 30, 30, record=False)
    assert session.undo()
    assert session.hints[hint.id].row == 10
    assert session.redo()
    assert session.hints[hint.id].row == 30


def test_redo_during_a_drag_loses_nothing(session):
    hint = session.add(10, 10, ab=(1.0, 2.0))
    session.recolor(hint.id, (50.0, 50.0))
    session.undo()
    session.move(hint.id, 30, 30, record=False)
    assert not session.can_redo
    assert not session.redo()
    assert session.hints[hint.id].row == 30


def test_a_change_that_is_taken_back_is_no_step(session):
    hint = session.add(10, 10, ab=(1.0, 2.0))
    session.recolor(hint.id, (5.0, 5.0))
    session.undo()
    session.move(hint.id, 30, 30, record=False)
    session.move(hint.id, 10, 10, record=False)
    session.commit()
    assert session.can_redo


def test_reset_is_one_step_and_can_be_undone(session):
    session.add(10, 10, ab=(1.0, 2.0))
    session.add(20, 20, ab=(1.0, 2.0))
    before = state(session)
    session.reset()
    assert len(session.hints) == 0
    assert session.undo()
    assert state(session) == before


def test_reset_of_nothing_is_no_step(session):
    session.reset()
    assert not session.can_undo
    assert not session.undo()
    assert not session.redo()


def test_ids_stay_new_after_undo_and_reset(session):
    first = session.add(10, 10, ab=(1.0, 2.0))
    session.undo()
    second = session.add(10, 10, ab=(1.0, 2.0))
    session.reset()
    third = session.add(10, 10, ab=(1.0, 2.0))
    assert len({first.id, second.id, third.id}) == 3


@pytest.mark.parametrize(("row", "col"), [(-1, 0), (0, -1), (107, 0), (0, 160), (float("nan"), 3)])
def test_a_place_outside_is_refused_and_nothing_is_lost(session, row, col):
    hint = session.add(10, 10, ab=(1.0, 2.0))
    before = state(session)
    text = rf"row 0\.\.106 and col 0\.\.159, got row {row}, col {col}"
    for attempt in (
        lambda: session.add(row, col),
        lambda: session.add(row, col, ab=(1.0, 1.0)),
        lambda: session.move(hint.id, row, col),
        lambda: session.lightness_at(row, col),
        lambda: session.ab_at(row, col),
        lambda: session.palette(row, col),
    ):
        with pytest.raises(HintError, match=text):
            attempt()
    assert state(session) == before


def test_the_border_is_inside(session):
    for row, col in ((0, 0), (0, 159), (106, 0), (106, 159)):
        session.add(row, col)
    assert session.rgb().shape == (107, 160, 3)


def test_an_unknown_hint_or_colour_is_refused_and_nothing_is_lost(session):
    hint = session.add(10, 10, ab=(1.0, 2.0))
    before = state(session)
    for attempt in (
        lambda: session.move(99, 1, 1),
        lambda: session.recolor(99, (0, 0)),
        lambda: session.resize(99, 3),
        lambda: session.remove(99),
    ):
        with pytest.raises(HintError, match=r"no hint 99; present: \[1\]"):
            attempt()
    with pytest.raises(HintError, match="within -128"):
        session.recolor(hint.id, (0, 300))
    with pytest.raises(HintError, match="at least 1 pixel"):
        session.resize(hint.id, 0)
    assert state(session) == before
    assert not (session.undo() and session.undo())


def test_a_patch_larger_than_the_photograph_is_the_photograph(session):
    session.add(50, 80, ab=(10.0, 10.0), size=10**9)
    large = session.rgb()
    session.resize(1, 1000)
    assert np.array_equal(session.rgb(), large)


def test_the_default_patch_is_the_papers_in_the_network(session, small, tiny):
    assert session.default_size == round(7 * 107 / 64)
    assert Session(small, tiny, device="cpu", short_side=2000).default_size >= 1


# --- colours -----------------------------------------------------------------------------------------------


def test_rgb_has_the_photos_size_or_the_one_asked_for(session):
    assert session.rgb().shape == (107, 160, 3)
    assert session.rgb().dtype == np.uint8
    for shape in ((50, 75), (200, 300), (107, 160), [30, 45]):
        assert session.rgb(shape).shape == (*shape, 3)
        assert session.gray(shape).shape == (*shape, 3)


def test_rgb_is_computed_once_and_handed_out_afresh(session):
    first = session.rgb().copy()
    took = session.timings["render_ms"]
    again = session.rgb()
    assert np.array_equal(first, again)
    assert session.timings["render_ms"] == took  # the very same number: nothing ran
    again[:] = 0
    assert np.array_equal(session.rgb(), first)


def test_a_photograph_is_encoded_once(small):
    network = Constant()
    session = Session(small, network, device="cpu", short_side=64)
    for row in range(3):
        session.add(row, row)
        session.rgb()
    session.undo()
    session.palette(3, 3)
    session.rgb((20, 30))
    assert network.encoded == 1


def test_no_old_picture_is_shown_again(session):
    """Every state and size looks as in a session that never saw another."""

    def fresh(shape):
        other = Session(session.photo, session.network, device="cpu", short_side=64)
        for hint in session.hints:
            other.add(hint.row, hint.col, ab=hint.ab, size=hint.size)
        return other.rgb(shape)

    shapes = [None, (40, 60), None, (40, 60), (41, 61)]
    for step, shape in enumerate(shapes):
        session.add(10 + 15 * step, 20 + 20 * step, ab=(50.0 - 20 * step, 30.0))
        session.rgb()
        assert np.array_equal(session.rgb(shape), fresh(shape))
    session.undo()
    assert np.array_equal(session.rgb((40, 60)), fresh((40, 60)))


def test_gray_is_neutral_and_has_the_photos_lightness(session, small):
    gray = session.gray()
    assert (gray == gray[..., :1]).all()
    assert np.abs(rgb2lab(gray)[..., 0] - rgb2lab(small)[..., 0]).max() < 0.5


def test_the_preview_is_the_export_reduced(session):
    session.add(50, 80, ab=(50.0, 30.0))
    full = Image.fromarray(session.rgb())
    reduced = np.array(full.resize((80, 53), Image.Resampling.BILINEAR))
    gap = difference(session.rgb((53, 80)), reduced)
    assert gap.mean() < 3
    assert np.abs((session.rgb((53, 80)).astype(int) - reduced).mean()) < 1.5


def test_ab_at_is_what_the_picture_shows(session):
    session.add(50, 80, ab=(15.0, 10.0))
    painted = rgb_to_lab(session.rgb())
    for row, col in ((50, 80), (0, 0), (100, 150), (20, 70)):
        assert session.lightness_at(row, col) == pytest.approx(painted[row, col, 0], abs=0.6)
        shown = rgb_to_lab(
            np.array(displayed(session.lightness_at(row, col), session.ab_at(row, col))[0], np.uint8)
        )
        np.testing.assert_allclose(shown[1:], painted[row, col, 1:], atol=1.5)
        if in_gamut(torch.tensor([session.lightness_at(row, col), *session.ab_at(row, col)]).view(3, 1, 1)):
            np.testing.assert_allclose(session.ab_at(row, col), painted[row, col, 1:], atol=1.5)


def test_colours_go_to_ab_and_back(session):
    for rgb in ((200, 60, 40), (12, 90, 200), (128, 128, 128)):
        lightness = float(rgb2lab(np.array(rgb, np.uint8))[0])
        np.testing.assert_allclose(session.ab_of(rgb), rgb2lab(np.array(rgb, np.uint8))[1:], atol=0.01)
        assert displayed(lightness, session.ab_of(rgb))[0] == rgb


def test_shown_takes_whole_numbers_too():
    assert displayed(50, (20, -20)) == displayed(50.0, (20.0, -20.0))


def test_color_of_a_hint_is_at_the_photos_lightness(session):
    hint = session.add(50, 80, ab=(10.0, 12.0))
    lab = rgb_to_lab(np.array(session.color_of(hint), np.uint8))
    np.testing.assert_allclose(lab, [session.lightness_at(50, 80), 10, 12], atol=1.5)


def test_palette_can_be_shown_and_is_the_same_each_time(session):
    palette = session.palette(50, 80)
    assert 1 <= len(palette) <= 9
    assert session.palette(50, 80) == palette
    shares = [swatch.share for swatch in palette]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1 + 1e-5
    lightness = session.lightness_at(50, 80)
    for swatch in palette:
        lab = rgb_to_lab(np.array(swatch.rgb, np.uint8))
        assert lab[0] == pytest.approx(lightness, abs=2)
        np.testing.assert_allclose(lab[1:], swatch.ab, atol=2)
        assert displayed(lightness, swatch.ab)[0] == pytest.approx(swatch.rgb, abs=3)


@pytest.mark.parametrize(("row", "col"), [(50, 80), (3, 3), (104, 157)])
def test_palette_follows_a_hint_where_the_hint_is(make_live, row, col):
    network = make_live()
    with torch.no_grad():
        network.to_gates.bias[0] = -4.0  # as a new network has it
    session = Session(FLAT, network, device="cpu", short_side=48)  # 48 x 72: padded inside
    hint = (40.0, -40.0)

    def share_near_the_hint(r, c):
        return sum(s.share for s in session.palette(r, c) if np.hypot(s.ab[0] - 40, s.ab[1] + 40) < 25)

    before = share_near_the_hint(row, col)
    session.add(row, col, ab=hint)
    assert share_near_the_hint(row, col) > before + 0.3


def test_palette_of_the_published_bins(small):
    session = Session(small, SIGGRAPH17(width=8, head="linear529"), device="cpu", short_side=64)
    palette = session.palette(20, 30)
    assert 1 <= len(palette) <= 9
    assert sum(swatch.share for swatch in palette) <= 1 + 1e-5
    assert session.rgb().shape == (107, 160, 3)


# --- photographs and networks ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3000, 80), (80, 3000), (8, 8), (8, 500), (427, 640)])
def test_photographs_of_any_shape(tiny, china, shape):
    photo = np.resize(china, (*shape, 3))
    session = Session(photo, tiny, device="cpu", short_side=64)
    session.add(shape[0] - 1, shape[1] - 1, ab=(30.0, 30.0))
    assert session.rgb().shape == photo.shape
    assert len(session.palette(0, 0)) >= 1
    assert np.abs(rgb2lab(session.rgb())[..., 0] - rgb2lab(photo)[..., 0]).max() < 0.6


def test_a_long_panorama_is_bounded_at_the_usual_scale(tiny, china):
    session = Session(np.resize(china, (3000, 80, 3)), tiny, device="cpu")
    assert session.frame.grid == (2048, 55)
    assert session.rgb((300, 8)).shape == (300, 8, 3)


def test_a_network_of_ones_own(small):
    session = Session(small, Constant(), device="cpu", short_side=48)
    assert session.network_name == "constant"
    lab = torch.from_numpy(session.photo.lightness)[None].expand(3, -1, -1).clone()
    lab[1:] = torch.tensor([20.0, -30.0]).view(2, 1, 1)
    painted = to_uint8(lab_to_rgb(lab)).permute(1, 2, 0).numpy()
    shown = in_gamut(lab).numpy()
    assert shown.mean() > 0.3
    assert difference(session.rgb(), painted)[shown].max() <= 1
    assert session.ab_at(3, 4) == pytest.approx((20, -30), abs=1e-3)


def test_a_weights_file_by_its_path(small, tiny, tiny_path):
    session = Session(small, tiny_path, device="cpu", short_side=64)
    assert session.network_name == "tiny"
    assert session.device == "cpu"
    same = Session(small, tiny, device="cpu", short_side=64)  # the file holds half floats
    assert difference(session.rgb(), same.rgb()).mean() < 1


def test_the_network_is_used_as_trained(small, make_live):
    """Not in training mode, whatever it came in: its norms would follow the photograph."""
    expected = Session(small, make_live(), device="cpu", short_side=64).rgb()
    assert np.array_equal(Session(small, make_live().train(), device="cpu", short_side=64).rgb(), expected)


def test_a_photo_may_come_as_a_photo(small, tiny):
    photo = read_photo(small)
    assert Session(photo, tiny, device="cpu", short_side=32).photo is photo


def test_what_cannot_be_opened_says_so(small, tiny, tmp_path):
    with pytest.raises(PhotoError, match=r"there is no .*missing\.jpg"):
        Session(tmp_path / "missing.jpg", tiny)
    with pytest.raises(WeightsError, match="nosuch"):
        Session(small, "nosuch", device="cpu")
    with pytest.raises(DeviceError, match=r"expected a device of auto, .*got 'gpu'"):
        Session(small, tiny, device="gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_here_is_refused_not_replaced(small, tiny):
    with pytest.raises(DeviceError, match=r"'cuda', but torch .* finds only: .*cpu"):
        Session(small, tiny, device="cuda")
    assert Session(small, tiny).device in ("cpu", "mps")


def test_timings_are_of_the_last_run(session):
    assert session.timings == {"encode_ms": 0.0, "edit_ms": 0.0, "render_ms": 0.0}
    session.rgb()
    first = dict(session.timings)
    assert min(first.values()) > 0
    session.add(5, 5, ab=(1.0, 1.0))
    session.rgb()
    assert session.timings["encode_ms"] == first["encode_ms"]
    assert session.timings["edit_ms"] != first["edit_ms"]


# --- files -------------------------------------------------------------------------------------------------


def test_hints_survive_a_file(session, small, tiny, tmp_path):
    session.add(10, 20, ab=(30.5, -20.25), size=5)
    session.add(50, 80)
    session.save(tmp_path / "hints.json")
    other = Session(small, tiny, device="cpu", short_side=64)
    other.load(tmp_path / "hints.json")
    for mine, theirs in zip(session.hints, other.hints, strict=True):
        assert (mine.row, mine.col, mine.size) == (theirs.row, theirs.col, theirs.size)
        assert mine.ab == pytest.approx(theirs.ab, abs=1e-3)
    assert difference(session.rgb(), other.rgb()).max() <= 1
    assert [path.name for path in tmp_path.iterdir()] == ["hints.json"]
    data = json.loads((tmp_path / "hints.json").read_text())
    assert (data["name"], data["network"], data["shape"]) == ("photo", "live", [107, 160])


def test_load_is_one_step_and_gives_new_ids(session, tmp_path):
    session.add(10, 20, ab=(1.0, 1.0))
    session.add(30, 20, ab=(2.0, 2.0))
    before = state(session)
    session.save(str(tmp_path / "hints.json"))
    session.load(str(tmp_path / "hints.json"))
    assert [hint[1:] for hint in state(session)] == [hint[1:] for hint in before]
    assert not {hint[0] for hint in state(session)} & {hint[0] for hint in before}
    assert session.undo()
    assert state(session) == before


def test_load_takes_bytes_and_data(session):
    session.add(10, 20, ab=(1.0, 1.0))
    data = session.to_json()
    for source in (data, json.dumps(data).encode()):
        session.reset()
        session.load(source)
        assert [hint[1:] for hint in state(session)] == [(10, 20, (1.0, 1.0), session.default_size)]


def test_hints_of_a_reduced_photograph_fit_the_large_one(china, tiny):
    reduced = Session(
        np.ascontiguousarray(china[:424:4, ::4]), tiny, device="cpu", short_side=64
    )  # 106 x 160
    reduced.add(50, 80, ab=(30.0, 30.0), size=5)
    large = Session(china[:424], tiny, device="cpu", short_side=64)
    large.load(reduced.to_json())
    (hint,) = large.hints
    assert (hint.row, hint.col, hint.size) == (202, 322, 20)


OURS = b'{"format": "ipycolorize-hints", "version": 1'
BAD = {
    "empty": b"",
    "cut off": b"{",
    "text": b"not json",
    "a list": b"[]",
    "a photograph": b"\xff\xd8\xff\xe0",
    "deep": b"[" * 100_000,
    "no version": b'{"format": "ipycolorize-hints"}',
    "no hints": OURS + b"}",
    "of another shape": OURS + b', "shape": [160, 107], "hints": []}',
    "a place outside": OURS + b', "hints": [{"row": 500, "col": 1, "ab": [1, 1], "size": 1}]}',
    "an endless size": OURS + b', "hints": [{"row": 1, "col": 1, "ab": [1, 1], "size": Infinity}]}',
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_bad_file_of_hints_leaves_the_present_ones(session, tmp_path, content):
    session.add(10, 20, ab=(1.0, 1.0))
    before = state(session)
    path = tmp_path / "hints.json"
    path.write_bytes(content)
    with pytest.raises(HintError, match="expected"):
        session.load(path)
    with pytest.raises(HintError, match="expected"):
        session.load(content)
    assert state(session) == before
    session.undo()
    assert not session.can_undo


def test_a_file_of_hints_that_cannot_be_read_or_written(session, tmp_path):
    session.add(10, 20, ab=(1.0, 1.0))
    for path in (tmp_path / "missing.json", tmp_path, "a\0b"):
        with pytest.raises(HintError, match="expected a file of hints, cannot read"):
            session.load(path)
    with pytest.raises(HintError, match=r"expected to write .*No such file or directory"):
        session.save(tmp_path / "missing" / "hints.json")
    assert len(session.hints) == 1


def test_a_failed_save_keeps_the_old_file(session, tmp_path):
    path = tmp_path / "hints.json"
    session.save(path)
    before = path.read_bytes()
    session.add(10, 20, ab=(1.0, 1.0))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))  # as a full disk: the first bytes, then no more
    try:
        with pytest.raises(HintError, match=r"expected to write .*File too large"):
            session.save(path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_export_keeps_size_lightness_and_exif(tiny, small, tmp_path, suffix):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Leica", 6  # make; orientation: to be turned
    Image.fromarray(small).save(tmp_path / "photo.jpg", exif=exif, quality=97)
    session = Session(tmp_path / "photo.jpg", tiny, device="cpu", short_side=64)
    assert session.photo.shape == (160, 107)
    session.add(80, 50, ab=(50.0, 30.0))
    session.export(tmp_path / f"out{suffix}")
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert image.size == (107, 160)
        assert image.getexif()[0x010F] == "Leica"
        assert image.getexif().get(0x0112, 1) == 1
        out = np.asarray(image.convert("RGB"))
    assert difference(out, session.rgb()).max() <= (25 if suffix == ".jpg" else 0)
    off = np.abs(rgb2lab(out)[..., 0] - session.photo.lightness)
    assert off.mean() < (1 if suffix == ".jpg" else 0.2)


def test_export_elsewhere_than_a_picture_is_refused(session, tmp_path):
    with pytest.raises(PhotoError, match=r"\.png, \.jpg"):
        session.export(tmp_path / "out.gif")
    with pytest.raises(PhotoError, match="folder"):
        session.export(tmp_path / "missing" / "out.png")
    with pytest.raises(PhotoError, match="quality"):
        session.export(tmp_path / "out.jpg", quality=0)
    assert list(tmp_path.iterdir()) == []


# --- threads -----------------------------------------------------------------------------------------------


def test_threads_share_a_session(session):
    errors, pictures = [], []

    def guarded(work):
        try:
            with warnings.catch_warnings():
                work()
        except Exception as error:  # shown by the assertion below
            errors.append(error)

    def add(first):
        for step in range(12):
            session.add((first + 7 * step) % 107, (first + 13 * step) % 160, ab=(first - 30.0, 2.0 * step))
            if step % 4 == 3:
                session.palette(50, 80)

    def look():
        for step in range(12):
            pictures.append(session.rgb((40, 60) if step % 2 else None))
            session.ab_at(5, 5)

    threads = [
        threading.Thread(target=guarded, args=(work,))
        for work in (lambda: add(0), lambda: add(50), look, look)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(pictures) == 24
    assert len({hint.id for hint in session.hints}) == len(session.hints) == 24
    alone = Session(session.photo, session.network, device="cpu", short_side=64)
    for hint in session.hints:
        alone.add(hint.row, hint.col, ab=hint.ab, size=hint.size)
    assert np.array_equal(session.rgb(), alone.rgb())
    steps = 0
    while session.undo():
        steps += 1
    assert steps == 24


def test_the_lock_keeps_steps_together(session):
    done = threading.Event()

    def interfere():
        session.add(1, 1, ab=(0.0, 0.0))
        done.set()

    with session.lock:
        thread = threading.Thread(target=interfere)
        thread.start()
        session.add(50, 50, ab=(10.0, 10.0))
        assert not done.wait(0.2)
        assert len(session.hints) == 1
    thread.join(10)
    assert len(session.hints) == 2


def test_export_never_overwrites_the_photograph_itself(small, make_live, tmp_path, monkeypatch):
    path = tmp_path / "mine.png"
    Image.fromarray(small).save(path)
    before = path.read_bytes()
    session = Session(path, make_live(), device="cpu", short_side=32)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PhotoError, match="another name"):
        session.export("mine.png")
    with pytest.raises(HintError, match="another name"):
        session.save("mine.png")
    assert path.read_bytes() == before
    session.export("other.png")
    path.rename("moved.png")
    session.export("other.png", overwrite=True)
    with pytest.raises(PhotoError, match="another name"):
        session.export("moved.png", overwrite=True)
