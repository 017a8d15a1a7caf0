"""The paper's test, on networks whose answers are known."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.color import rgb2hsv
from skimage.metrics import peak_signal_noise_ratio
from sklearn.datasets import load_sample_images
from torch import Tensor

from ipycolorize import arguments, protocol
from ipycolorize.analysis.methods import ALONE, GUIDED, load_method
from ipycolorize.analysis.plots import LINES
from ipycolorize.analysis.results import Case, Results, ResultsError, read_results
from ipycolorize.analysis.sweep import BATCH, CURVES, REVEALS, evaluate, measure
from ipycolorize.baselines.gray import Gray
from ipycolorize.color import lab_to_rgb, rgb_to_lab, to_uint8
from ipycolorize.gamut import AbBins
from ipycolorize.global_hints import GlobalHints, ab_histogram
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models.base import Prediction
from ipycolorize.models.live import Live
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.models.weights import WeightsError, load_model
from ipycolorize.protocol import psnr_of, reveal_points, square

IMAGES = load_sample_images().images


class Copy(Gray):
    """Shows exactly what was revealed, and grey elsewhere."""

    name = "copy"
    reads_points = True

    def decode(self, features: Tensor, hints: HintBatch) -> Prediction:
        return Prediction(hints.raster, lambda: torch.zeros(len(features), 313, 1, 1))


class Listener(Gray):
    """Shows nothing and remembers what it was told."""

    reads_points = True

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[HintBatch, GlobalHints | None]] = []

    def decode(
        self, features: Tensor, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Prediction:
        self.heard.append((hints, global_hints))
        return super().decode(features, hints)


def test_gray_is_the_lightness_alone() -> None:
    scores = evaluate({"gray": Gray()}, IMAGES, counts=(0, 5), size=64, progress=False)
    expected = []
    for image in IMAGES:
        truth = square(image, 64).permute(1, 2, 0).numpy()
        lab = rgb_to_lab(truth)
        lab[..., 1:] = 0
        expected.append(peak_signal_noise_ratio(truth, to_uint8(lab_to_rgb(lab)), data_range=255))
    for score in scores:
        assert score.psnr_mean == pytest.approx(np.mean(expected), abs=1e-3)
        assert score.psnr_se == pytest.approx(np.std(expected, ddof=1) / np.sqrt(2), abs=1e-3)
        assert score.images == 2
    assert [score.count for score in scores] == [0, 5]


def test_more_points_are_better_when_they_are_obeyed() -> None:
    scores = evaluate({"copy": Copy()}, IMAGES, counts=(0, 10, 100, 500), size=64, progress=False)
    values = [score.psnr_mean for score in scores]
    assert values == sorted(values)
    assert values[-1] > values[0] + 3


def test_everything_revealed_is_nearly_exact() -> None:
    (score,) = evaluate({"copy": Copy()}, IMAGES, counts=(), reveal="all", size=64, progress=False)
    assert score.count == -1
    assert score.psnr_mean > 50 or score.psnr_mean == float("inf")


def test_methods_get_the_same_points() -> None:
    scores = evaluate({"one": Copy(), "two": Copy()}, IMAGES, counts=(7,), size=48, progress=False)
    assert asdict(scores[0]) | {"method": "two"} == asdict(scores[1])
    json.dumps([asdict(score) for score in scores])


def test_seed_decides_the_points() -> None:
    def run(seed: int) -> float:
        return evaluate({"copy": Copy()}, IMAGES, counts=(7,), size=48, seed=seed, progress=False)[
            0
        ].psnr_mean

    assert run(1) == run(1) != run(2)


def test_the_worst_places_are_asked_of_each_method() -> None:
    scores = evaluate(
        {"copy": Copy(), "gray": Gray()}, IMAGES, counts=(0, 20), reveal="max-error", size=64, progress=False
    )
    assert [(score.method, score.count, score.reveal) for score in scores] == [
        ("copy", 0, "max-error"), ("copy", 20, "max-error"),
        ("gray", 0, "max-error"), ("gray", 20, "max-error"),
    ]  # fmt: skip
    random = evaluate({"copy": Copy()}, IMAGES, counts=(20,), size=64, progress=False)[0]
    assert scores[1].psnr_mean > random.psnr_mean > scores[0].psnr_mean == scores[2].psnr_mean
    assert scores[2].psnr_mean == scores[3].psnr_mean


def test_too_many_of_the_worst_places_are_refused_before_an_image_is_read() -> None:
    def unread() -> Iterator[np.ndarray]:
        pytest.fail("read an image")
        yield IMAGES[0]

    with pytest.raises(ValueError, match="at most 84 points, got 85"):
        evaluate({"gray": Gray()}, unread(), counts=(1, 85), reveal="max-error", size=64, progress=False)


def test_unknown_reveal_and_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one of random, max-error, entropy, all, .*\+points, got 'best'"):
        evaluate({"gray": Gray()}, IMAGES, counts=(1,), reveal="best", progress=False)
    with pytest.raises(ValueError, match="patch and size of at least 1 pixel, got 0 and 256"):
        evaluate({"gray": Gray()}, IMAGES, counts=(1,), patch=0, progress=False)
    with pytest.raises(ValueError, match="at least one image"):
        evaluate({"gray": Gray()}, [], counts=(1,), progress=False)


@pytest.mark.parametrize("reveal", ["histogram", "saturation", "histogram+saturation"])
def test_statistics_are_told_alone_and_truly(reveal: str) -> None:
    network = Listener()
    (score,) = evaluate({"it": network}, IMAGES, counts=(1, 5), reveal=reveal, size=48, progress=False)
    assert (score.reveal, score.count, score.images) == (reveal, 0, 2)
    ((hints, told),) = network.heard
    assert hints.row.shape == (2, 0)
    assert told is not None
    truth = torch.stack([square(image, 48) for image in IMAGES])
    given = (float("histogram" in reveal), float("saturation" in reveal))
    assert told.histogram_given.tolist() == [given[0]] * 2
    assert told.saturation_given.tolist() == [given[1]] * 2
    expected = [rgb2hsv(image.permute(1, 2, 0).numpy())[..., 1].mean() for image in truth]
    assert told.saturation.tolist() == pytest.approx(expected, abs=1e-3)
    shares = ab_histogram(rgb_to_lab(truth)[:, 1:], AbBins())
    torch.testing.assert_close(told.histogram, shares, atol=1e-5, rtol=0)


def test_points_beside_the_histogram_are_those_without() -> None:
    network = Listener()
    for reveal in ("random", "histogram+points"):
        scores = evaluate({"it": network}, IMAGES, counts=(0, 7), reveal=reveal, size=48, progress=False)
        assert [(score.reveal, score.count) for score in scores] == [(reveal, 0), (reveal, 7)]
    points = [hints for hints, _ in network.heard]
    for alone, beside in zip(points[:2], points[2:], strict=True):
        assert torch.equal(alone.row, beside.row)
        assert torch.equal(alone.col, beside.col)
        assert torch.equal(alone.ab, beside.ab)
    told = [global_hints for _, global_hints in network.heard]
    assert told[:2] == [None, None]
    for statistics in told[2:]:
        assert statistics is not None
        assert statistics.histogram_given.tolist() == [1, 1]
        assert statistics.saturation_given.tolist() == [0, 0]


def test_a_network_is_measured_with_what_it_is_told(tiny: Live) -> None:
    scores = evaluate(
        {"tiny": tiny}, IMAGES, counts=(), reveal="histogram+saturation", size=64, progress=False
    )
    truth = torch.stack([square(image, 64) for image in IMAGES])
    lab = rgb_to_lab(truth)
    with torch.inference_mode():
        none = HintBatch.empty(shape=(64, 64), count=2)
        told = tiny.decode(tiny.encode(lab[:, :1]), none, global_hints=GlobalHints.of_pictures(lab))
    assert scores[0].psnr_mean == pytest.approx(psnr_of(lab[:, :1], told.ab, truth).mean().item(), abs=1e-3)


def test_gray_ignores_statistics_and_who_reads_points_only_is_refused() -> None:
    methods = {"gray": Gray()}
    (plain,) = evaluate(methods, IMAGES, counts=(0,), size=48, progress=False)
    (told,) = evaluate(methods, IMAGES, counts=(), reveal="histogram", size=48, progress=False)
    assert told.psnr_mean == plain.psnr_mean
    local = {"gray": Gray(), "local": SIGGRAPH17(width=1).eval()}
    for reveal in ("histogram", "saturation", "histogram+saturation", "histogram+points"):
        with pytest.raises(ValueError, match="got local, which reads points only; leave it out"):
            evaluate(local, [], counts=(1,), reveal=reveal, progress=False)


def test_every_reveal_is_known_everywhere() -> None:
    assert arguments.REVEALS == REVEALS
    assert {*protocol.REVEALS} == {*CURVES} - {"histogram+points"}
    assert set(LINES) == set(CURVES) < set(REVEALS)


@pytest.mark.parametrize("name", GUIDED)
def test_peers_change_the_automatic_result(name: str, tiny_path: Path) -> None:
    method = load_method(name, device="cpu", automatic=str(tiny_path))
    assert (method.name, method.reads_global_hints, method.training) == (name, True, False)
    lab = rgb_to_lab(torch.stack([square(image, 32) for image in IMAGES]))
    lightness, none = lab[:, :1], HintBatch.empty(shape=(32, 32), count=2)
    told = GlobalHints.of_pictures(lab)
    with torch.inference_mode():
        features = method.encode(lightness)
        plain, changed = method.decode(features, none).ab, method.decode(features, none, global_hints=told).ab
        tiny = load_model(tiny_path)
        automatic = tiny.decode(tiny.encode(lightness), none).ab
    torch.testing.assert_close(plain, automatic, atol=1e-3, rtol=0)
    assert (changed - plain).abs().max() > 5


@pytest.mark.parametrize("name", ALONE)
def test_who_has_learned_nothing_shows_grey_without_hints(name: str) -> None:
    method = load_method(name, device="cpu")
    assert (method.name, method.training, method.knows_distribution) == (name, False, False)
    assert method.reads_points == (name != "gray")
    lightness = rgb_to_lab(torch.stack([square(image, 32) for image in IMAGES]))[:, :1]
    with torch.inference_mode():
        shown = method.decode(method.encode(lightness), HintBatch.empty(shape=(32, 32), count=2))
    assert shown.ab.eq(0).all()
    assert shown.logits.eq(0).all()


def test_methods_compute_what_their_weights_do_in_the_quickest_order(tiny_path: Path) -> None:
    method, plain = load_method(str(tiny_path), device="cpu"), load_model(tiny_path)
    kernels = [weight for weight in method.parameters() if weight.ndim == 4 and weight.shape[2] > 1]
    assert kernels
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in kernels)
    lab = rgb_to_lab(square(IMAGES[0], 40)[None])
    hints = reveal_points(lab[:, 1:], torch.tensor([[9, 30]]), torch.tensor([[12, 5]]))
    with torch.inference_mode():
        one, other = (network.decode(network.encode(lab[:, :1]), hints) for network in (method, plain))
        torch.testing.assert_close(one.ab, other.ab, atol=1e-3, rtol=0)
        torch.testing.assert_close(one.logits, other.logits, atol=1e-3, rtol=0)


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        WeightsError,
        match=r"shipped weights \(live.*gray, levin, .*, reinhard and larsson-matching are known",
    ):
        load_method("nobody", device="cpu")


def crops(count: int) -> list[np.ndarray]:
    """Photographs of all colours, in two batches and a bit."""
    generator = np.random.default_rng(0)
    corners = zip(generator.integers(0, 300, count), generator.integers(0, 500, count), strict=True)
    return [IMAGES[number % 2][row : row + 60, col : col + 70] for number, (row, col) in enumerate(corners)]


PHOTOGRAPHS = crops(2 * BATCH + 3)
NAMES = [f"photos/{number}.jpg" for number in range(len(PHOTOGRAPHS))]


def sweep(networks: dict[str, Gray], **changes: object) -> Results:
    given = {"counts": (0, 3), "size": 24, "names": NAMES, "progress": False, **changes}
    return measure(networks, given.pop("images", PHOTOGRAPHS), **given)  # type: ignore[arg-type]


def test_a_photograph_gets_its_points_whoever_is_beside_it() -> None:
    everybody = sweep({"copy": Copy()}).psnr[Case("copy", "random", 3)]
    order = [5, 17, 2]
    some = sweep(
        {"copy": Copy()},
        images=[PHOTOGRAPHS[n] for n in order],
        names=[NAMES[n] for n in order],
        counts=(3, 8),
    ).psnr[Case("copy", "random", 3)]
    assert some == {NAMES[number]: everybody[NAMES[number]] for number in order}
    assert len(set(everybody.values())) == len(NAMES)


def counting(network: Gray, *, stop: int = -1) -> tuple[Gray, list[int]]:
    """A network, and the sizes of the batches that it has encoded; stops in one of them as Ctrl-C does."""
    batches: list[int] = []
    encode = network.encode

    def counted(lightness: Tensor) -> Tensor:
        if len(batches) == stop:
            raise KeyboardInterrupt
        batches.append(len(lightness))
        return encode(lightness)

    network.encode = counted  # type: ignore[method-assign]
    return network, batches


@pytest.mark.parametrize("reveal", ["random", "max-error"])
def test_an_interrupted_sweep_goes_on(reveal: str, tmp_path: Path) -> None:
    whole, kept = tmp_path / "whole.csv", tmp_path / "kept.csv"
    expected = sweep({"copy": Copy()}, reveal=reveal, patch=5, file=whole)
    stopped, _ = counting(Copy(), stop=1)
    with pytest.raises(KeyboardInterrupt):
        sweep({"copy": stopped}, reveal=reveal, patch=5, file=kept)
    lines = kept.read_text().splitlines()
    assert len(lines) == 1 + 2 * BATCH
    kept.write_text("\n".join(lines) + "\nphotos/8.jpg,co")  # torn
    network, batches = counting(Copy())
    assert sweep({"copy": network}, reveal=reveal, patch=5, file=kept) == expected
    assert batches == [BATCH, 3]
    assert kept.read_bytes() == whole.read_bytes()
    assert read_results(kept) == expected
    again, none = counting(Copy())
    assert sweep({"copy": again}, reveal=reveal, patch=5, file=kept) == expected
    assert none == []


def test_more_counts_methods_and_photographs_join_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    sweep({"copy": Copy()}, images=PHOTOGRAPHS[:BATCH], names=NAMES[:BATCH], file=file)
    network, batches = counting(Copy())
    found = sweep({"gray": Gray(), "copy": network}, counts=(3, 0, 7), file=file)
    assert batches == [BATCH, BATCH, 3]  # the first only for 7 points
    assert found == sweep({"gray": Gray(), "copy": Copy()}, counts=(3, 0, 7))
    assert [(score.method, score.count) for score in found.scores()] == [
        (name, count) for name in ("gray", "copy") for count in (3, 0, 7)
    ]


def test_other_settings_and_other_weights_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    sweep({"copy": Copy()}, file=file)
    before = file.read_bytes()
    for change, text in (({"patch": 5}, "patch 5"), ({"size": 32}, "size 32"), ({"seed": 1}, "seed 1")):
        with pytest.raises(
            ResultsError, match=rf"results\.csv: expected results of .*{text}.*another folder"
        ):
            sweep({"copy": Copy()}, file=file, **change)
    with pytest.raises(ResultsError, match="one copy, got results of two that have different weights"):
        sweep({"copy": Gray()}, file=file)
    assert file.read_bytes() == before


def test_photographs_are_read_a_few_at_a_time() -> None:
    class Shelf(list):  # type: ignore[type-arg]
        held: list[int] = []  # noqa: RUF012

        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            self.held.append(len(range(*index.indices(len(self)))))
            return super().__getitem__(index)

    shelf = Shelf(PHOTOGRAPHS)
    sweep({"copy": Copy(), "gray": Gray()}, images=shelf)
    assert shelf.held == [BATCH, BATCH, 3]  # once for all methods


def test_names_must_tell_photographs_apart() -> None:
    with pytest.raises(ValueError, match="expected 19 names that differ, got 1"):
        sweep({"gray": Gray()}, names=["same"] * 19)


def test_entropy_needs_a_distribution(tiny: Live) -> None:
    with pytest.raises(ValueError, match="how sure they are of their colours, got gray, which has no dist"):
        evaluate({"tiny": tiny, "gray": Gray()}, [], counts=(1,), reveal="entropy", progress=False)
    scores = evaluate({"tiny": tiny}, IMAGES, counts=(0, 4), reveal="entropy", size=48, progress=False)
    assert [(score.count, score.reveal, score.images) for score in scores] == [
        (0, "entropy", 2),
        (4, "entropy", 2),
    ]
    assert scores[0].psnr_mean != scores[1].psnr_mean


@pytest.mark.parametrize(
    ("reveal", "most"), [("random", 576), ("histogram+points", 576), ("max-error", 12), ("entropy", 12)]
)
def test_more_points_than_the_picture_holds_are_refused_first(reveal: str, most: int, tiny: Live) -> None:
    with pytest.raises(ValueError, match=f"at most {most} points, got {most + 1}"):
        evaluate({"tiny": tiny}, [], counts=(0, most + 1), reveal=reveal, size=24, progress=False)
