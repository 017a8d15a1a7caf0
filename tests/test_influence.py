"""Which hint coloured what, how far it reaches, how it is obeyed: against sums and differences done here."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ipycolorize import Hint, Session
from ipycolorize.analysis.influence import agree, change_panel, hinted, survey, thing_at
from ipycolorize.analysis.response import HINT, circle, report, respond, straight
from ipycolorize.baselines.gray import Gray
from ipycolorize.color import rgb_to_lab
from ipycolorize.frame import Frame
from ipycolorize.influence import NOTICED, Influence, influence, owner_map, reach, tint, trust
from ipycolorize.mood import Mood

COLOURS = ((60.0, 40.0), (-40.0, 30.0), (10.0, -50.0))
PLACES = ((20, 30), (80, 40), (60, 130))


@pytest.fixture
def session(small, tiny):
    """Three points on 107 x 160 pixels, and one whose colour nobody has chosen."""
    session = Session(small, tiny, device="cpu", short_side=48)
    for (row, col), ab in zip(PLACES, COLOURS, strict=True):
        session.add(row, col, ab=ab, size=9)
    session.add(100, 100)
    return session


def decoded(session, hints, **told):
    """ab ``(2, h, w)`` of a network asked directly."""
    network, painter = session.network, session.painter
    with torch.inference_mode():
        return network.decode(network.encode(painter.lightness), painter.batch(hints), **told).ab[0]


def test_leaving_a_hint_out_is_what_the_network_says_without_it(session):
    found = influence(session, "leave-one-out")
    assert [hint.ab for hint in found.hints] == list(COLOURS), "what nobody has chosen cannot be left out"
    hints = found.hints
    full = decoded(session, hints)
    for number, change in enumerate(found.maps):
        without = decoded(session, tuple(hint for hint in hints if hint is not hints[number]))
        assert change == pytest.approx((full - without).square().sum(0).sqrt().numpy(), abs=1e-3)
        assert change.max() > NOTICED
    assert (found.null == NOTICED).all()


def test_weights_are_shares_and_mix_the_colours_of_plain_propagation(small, make_live, first_round):
    session = Session(small, make_live(answers=False), device="cpu", short_side=48)
    for (row, col), ab in zip(PLACES, COLOURS, strict=True):
        session.add(row, col, ab=ab, size=1)
    found = influence(session)
    assert found.kind == "weights"
    assert found.maps.sum(0) + found.null == pytest.approx(1.0)
    assert found.maps.min() >= 0
    mixed = np.einsum("khw,kc->chw", found.maps, np.array(COLOURS))
    outside = session.painter.batch(found.hints).mask[0, 0].numpy() == 0
    assert decoded(session, found.hints).numpy()[:, outside] == pytest.approx(mixed[:, outside], abs=1e-3)


def test_a_mood_is_heeded(session):
    plain = {kind: influence(session, kind).maps for kind in ("weights", "leave-one-out")}
    shares = np.zeros(313)
    shares[:20] = 0.05
    mood = Mood(histogram=tuple(shares.tolist()))
    session.set_mood(mood)
    hints = influence(session).hints
    told = mood.global_hints()
    full, without = decoded(session, hints, global_hints=told), decoded(session, hints[1:], global_hints=told)
    change = influence(session, "leave-one-out").maps
    assert change[0] == pytest.approx((full - without).norm(dim=0).numpy(), abs=1e-3)
    assert np.abs(change - plain["leave-one-out"]).max() > 0.1
    assert np.abs(influence(session, "weights").maps - plain["weights"]).max() > 1e-4


def test_asking_changes_neither_hints_nor_picture(session):
    before, hints = session.rgb(), session.hints
    influence(session)
    influence(session, "leave-one-out")
    trust(session)
    respond(session, 1, straight((0, 0), (20, 20), 3), {})
    assert session.hints is hints
    assert (session.rgb() == before).all()
    assert not session.can_redo


def test_networks_without_weights_are_asked_by_leaving_out(small):
    session = Session(small, Gray(), device="cpu", short_side=32)
    assert influence(session).maps.shape == (0, *session.frame.grid)
    session.add(20, 20, ab=(30, 30))
    found = influence(session)
    assert found.kind == "leave-one-out"
    assert (found.owner == -1).all(), "gray listens to nobody"
    assert reach(found)[0].farthest == reach(found)[0].share == 0
    with pytest.raises(ValueError, match=r"expected live.*got gray; ask for leave-one-out"):
        influence(session, "weights")


@pytest.fixture
def known():
    """Two hints on a photograph of 40 x 60 pixels, seen at 4 x 6: the second changes two pixels."""
    maps = np.zeros((2, 4, 6), np.float32)
    maps[1, 0, 0], maps[1, 3, 5], maps[0, 3, 5] = 5.0, 2.4, 2.2
    hints = (Hint(3, 5, 5, 1, 2, 5), Hint(7, 35, 55, 3, 4, 5))
    return Influence("leave-one-out", hints, maps, np.full((4, 6), NOTICED), Frame((40, 60), (4, 6)))


def test_owners_are_found_at_pixels_of_the_photograph(known):
    assert known.owner_at(0, 9).id == 7
    assert known.owner_at(0, 10) is None
    assert known.owner_at(39, 59).id == 7
    ranked = known.at(39, 59)
    assert [hint and hint.id for hint, _ in ranked] == [7, None, 3]
    assert [value for _, value in ranked] == pytest.approx([2.4, 2.3, 2.2])


def test_reach_is_measured_in_the_photograph(known):
    first, second = reach(known)
    assert first.farthest == first.diagonal == first.share == 0, "2.2 is not noticed"
    assert second.farthest == pytest.approx(math.hypot(35 - 4.5, 55 - 4.5)), "to the middle of 10 x 10 pixels"
    assert second.diagonal == pytest.approx(second.farthest / math.hypot(40, 60))
    assert second.share == pytest.approx(2 / 24)


def test_reach_is_not_read_off_weights(session):
    with pytest.raises(ValueError, match="expected influence by leave-one-out"):
        reach(influence(session))


def test_trust_is_the_distance_on_the_own_patch_that_is_seen(session, small):
    ab = decoded(session, influence(session).hints)
    for answer, (row, col) in zip(trust(session), PLACES, strict=True):
        here = [round(place) for place in session.frame.to_grid(row, col)]
        near = (ab[:, *here] - torch.tensor(answer.hint.ab)).norm().item()
        assert answer.distance == pytest.approx(near, abs=12), (
            "a patch of 4 pixels, and the one in its middle"
        )
    gray = Session(small, Gray(), device="cpu", short_side=48)
    for ab in ((30, 40), (6, 8)):
        gray.add(50, 50, ab=ab, size=9)
    covered, seen = trust(gray)
    assert math.isnan(covered.distance)
    assert seen.distance == pytest.approx(10)
    gray.add(54, 50, ab=(5, 12), size=9)
    assert [answer.distance for answer in trust(gray)[1:]] == pytest.approx([10, 13])


def test_a_map_shows_each_owner_in_its_tint_and_the_photograph_in_grey(session):
    height, width = session.frame.grid
    maps = np.zeros((2, height, width), np.float32)
    maps[0, :, : width // 3] = maps[1, :, -(width // 3) :] = 1
    hints = influence(session).hints[:2]
    found = Influence("weights", hints, maps, np.full((height, width), 0.5), session.frame)
    picture = owner_map(session, found)
    assert picture.shape == (*session.photo.shape, 3)
    lab = rgb_to_lab(torch.from_numpy(picture).permute(2, 0, 1)).numpy()
    for number, part in ((0, lab[:, :, :40]), (1, lab[:, :, -40:])):
        wanted, mean = np.array(tint(number)), part[1:].mean(axis=(1, 2))
        assert mean @ wanted / np.linalg.norm(mean) / np.linalg.norm(wanted) > 0.97, "its hue"
        assert np.linalg.norm(mean) > 25
    assert np.abs(lab[1:, :, 65:95]).max() < 2
    assert owner_map(session, found, (30, 44)).shape == (30, 44, 3)


@pytest.mark.parametrize(("count", "degrees"), [(2, 180), (4, 90), (8, 45), (16, 22.5)])
def test_tints_share_the_circle_evenly(count, degrees):
    tints = np.array([tint(number) for number in range(count)])
    hues = np.sort(np.degrees(np.arctan2(tints[:, 1], tints[:, 0])))
    assert np.diff(hues) == pytest.approx(degrees)
    assert np.hypot(*tints.T) == pytest.approx(np.hypot(*tints[0]))


def test_plain_propagation_follows_a_path_evenly(small, make_live):
    session = Session(small, make_live(answers=False), device="cpu", short_side=48)
    session.add(*PLACES[0], ab=COLOURS[0], size=9)
    session.add(*PLACES[2], ab=COLOURS[2], size=9)
    left = np.zeros(session.frame.grid, bool)
    left[:, : left.shape[1] // 2] = True
    path = straight((0, 0), (60, -30), 7)
    response = respond(session, 1, path, {"left": left, "right": ~left})
    assert response.moved("left")[0] == pytest.approx(
        np.linalg.norm(response.shown["left"][0] - response.start["left"])
    )
    for region in ("left", "right", HINT):
        gain = response.gain(region)
        assert gain == pytest.approx(gain[0], rel=1e-3), "weights know nothing of colours before training"
    assert response.gain(HINT)[0] > response.gain("left")[0] > response.gain("right")[0]
    state = session.hints.recolor(1, tuple(path[-1].tolist()))
    patch = session.painter.batch(tuple(state)[:1]).mask[0, 0].numpy() > 0
    ab = decoded(session, tuple(state)).numpy()
    assert response.shown["left"][-1] == pytest.approx(ab[:, left & ~patch].mean(axis=1), abs=1e-3)


def test_gain_tells_a_jump(session):
    response = respond(session, 2, circle(40, 8), {})
    assert response.path == pytest.approx(
        40 * np.array([[math.cos(t), math.sin(t)] for t in np.linspace(0, 2 * math.pi, 9)])
    )
    steps = [math.dist(one, two) for one, two in zip(response.path[:-1], response.path[1:], strict=True)]
    moved = [
        math.dist(one, two)
        for one, two in zip(response.shown[HINT][:-1], response.shown[HINT][1:], strict=True)
    ]
    assert response.gain(HINT) == pytest.approx(np.array(moved) / np.array(steps))
    assert response.shown[HINT][0] == pytest.approx(response.shown[HINT][-1], abs=1e-3), "once around"


def test_the_report_has_a_row_for_each_network_and_region(session):
    response = respond(session, 1, straight((0, 0), (50, 0), 3), {"all": np.ones(session.frame.grid, bool)})
    made = report({"one": response, "two": response})
    assert [(row["network"], row["region"]) for row in made.rows] == [
        ("one", HINT), ("one", "all"), ("two", HINT), ("two", "all"),
    ]  # fmt: skip
    assert made.rows[1]["moved at the end"] == pytest.approx(response.moved("all")[-1])
    with pytest.raises(ValueError, match="at least one response"):
        report({})


def test_what_cannot_be_followed_is_refused(session):
    grid = session.frame.grid
    with pytest.raises(ValueError, match="expected the id of a hint"):
        respond(session, 9, straight((0, 0), (1, 1), 2), {})
    for path in (np.zeros((1, 2)), np.zeros((3, 2)), np.zeros((3, 3))):
        with pytest.raises(ValueError, match="at least 2 colours"):
            respond(session, 1, path, {})
    for mask in (np.zeros(grid, bool), np.ones((2, 2), bool)):
        with pytest.raises(ValueError, match="expected region 'here' as a mask"):
            respond(session, 1, straight((0, 0), (1, 1), 2), {"here": mask})


def test_enlarged_weights_lie_where_the_colours_lie(session):
    """Half the resolution enlarged as the network enlarges its colours, cut to the picture."""
    found = influence(session)
    network, painter = session.network, session.painter
    with torch.inference_mode():
        shares = network.weights(network.encode(painter.lightness), painter.batch(found.hints))
    large = F.interpolate(shares, scale_factor=2, mode="bilinear")[0, :, : session.frame.grid[0]]
    assert found.maps == pytest.approx(large[:, :, : session.frame.grid[1]].numpy(), abs=1e-5)


def test_agreement_counts_equal_owners_and_ranks(known):
    """By hand: 24 pixels; leave-one-out gives two of them to the second hint."""
    shares = np.zeros((2, 4, 6), np.float32)
    shares[1, 0, 0], shares[0, 3, 5] = 0.9, 0.9
    weights = Influence("weights", known.hints, shares, 1 - shares.sum(0), known.frame)
    found = agree(weights, known)
    assert found.owner == pytest.approx(23 / 24)
    assert found.hint == pytest.approx(1 / 2)
    own = agree(replace(weights, maps=known.maps), known)
    assert own.rank == pytest.approx(1)
    assert own.rank_among == pytest.approx(1)
    assert found.rank_among == pytest.approx(0), "right at one of the two pixels, turned round at the other"
    with pytest.raises(ValueError, match="same hints, at least one"):
        agree(replace(weights, hints=known.hints[::-1]), known)


def test_random_points_are_the_same_for_every_network_and_true_where_asked(small, tiny):
    def draw(network, true):
        generator = torch.Generator().manual_seed(3)
        return hinted(small, network, 4, true=true, generator=generator, short_side=32).hints

    gray = Gray()
    assert draw(gray, True) == draw(tiny, True)
    truth = rgb_to_lab(torch.from_numpy(small).permute(2, 0, 1)).numpy()
    lab = draw(gray, True)
    for hint in lab:
        half = hint.size // 2
        rows = slice(max(hint.row - half, 0), hint.row - half + hint.size)
        cols = slice(max(hint.col - half, 0), hint.col - half + hint.size)
        assert hint.ab == pytest.approx(truth[1:, rows, cols].mean(axis=(1, 2)), abs=0.01)
    assert [hint.ab for hint in draw(gray, False)] != [hint.ab for hint in lab]


def test_the_survey_has_a_row_for_each_point_of_each_network(small, tiny):
    rows = survey({"gray": Gray(), "tiny": tiny}, [small], count=3, short_side=32, progress=False)
    assert [row["network"] for row in rows] == ["gray"] * 3 + ["tiny"] * 3
    generator = torch.Generator().manual_seed(0)
    session = hinted(small, tiny, 3, true=True, generator=generator, short_side=32)
    for row, far, near in zip(
        rows[3:], reach(influence(session, "leave-one-out")), trust(session), strict=True
    ):
        assert (row["row"], row["reach"], row["share"]) == (far.hint.row, far.diagonal, far.share)
        assert row["trust"] == near.distance


def test_a_thing_is_what_the_true_colours_show(china, tiny):
    session = Session(china, tiny, device="cpu", short_side=107)
    regions = thing_at(session, 270, 450)
    lake, hill = (
        tuple(round(place) for place in session.frame.to_grid(*here)) for here in ((235, 420), (400, 60))
    )
    assert regions["the thing"][lake]
    assert not regions["elsewhere"][lake]
    assert regions["elsewhere"][hill]
    assert not (regions["the thing"] & regions["elsewhere"]).any()
    with pytest.raises(ValueError, match="evenly coloured thing"):
        thing_at(Session(np.full((60, 80, 3), 120, np.uint8), tiny, device="cpu", short_side=48), 30, 40)


def test_the_map_of_a_change_is_dark_where_nothing_changes(session, known):
    panel = change_panel(session, replace(known, frame=session.frame), 1)
    assert panel.image.shape == (*session.photo.shape, 3)
    assert panel.image[:8, :8].mean() > panel.image[40:60, 60:90].mean() + 10
    assert len(panel.marks) == 1
