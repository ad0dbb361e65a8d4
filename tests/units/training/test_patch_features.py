"""The independent eye: it knows digits without training, and its measures have the values that they must have."""

from __future__ import annotations

import pytest
import torch

from belamy.data import open_data, to_float
from belamy.data.dataset import Dataset, Memory
from belamy.training.watch.observe import LEARNED
from belamy.training.watch.patch_features import PatchFeatures, compared, nearest, pairwise, spectrum


def seen_in(data: Dataset, count: int) -> PatchFeatures:
    return PatchFeatures(data, *compared(data, count))


@pytest.fixture(scope="module")
def patch_features() -> PatchFeatures:
    return seen_in(open_data("mnist"), LEARNED)


def test_it_knows_digits(patch_features: PatchFeatures) -> None:
    data = open_data("mnist")
    assert data.labels is not None
    test = data.splits["test"]
    _, scores = patch_features.features(to_float(data.images(test)))
    assert scores is not None
    accuracy = float((scores.argmax(1) == data.labels[test]).float().mean())
    assert accuracy >= 0.97
    assert patch_features.accuracy == pytest.approx(accuracy, abs=0.03)


def test_it_is_the_same_each_time() -> None:
    data = open_data("avatars-16")
    first, second = seen_in(data, 300), seen_in(data, 300)
    assert torch.equal(first.reference, second.reference) and first.spread == second.spread


def test_held_out_images_measure_as_data_do(patch_features: PatchFeatures) -> None:
    data = open_data("mnist")
    features, _ = patch_features.features(to_float(data.images(data.splits["test"][-64:])))
    assert float(pairwise(features).mean()) / patch_features.spread == pytest.approx(1, abs=0.1)
    assert patch_features.coverage(features, 0) > 0.85
    assert patch_features.precision(features) > 0.5
    assert float(nearest(features, patch_features.reference).median()) / patch_features.usual == pytest.approx(
        1, abs=0.2
    )


def test_noise_one_image_and_copies_do_not(patch_features: PatchFeatures) -> None:
    data = open_data("mnist")
    noise = torch.rand(64, 1, 28, 28) * 2 - 1
    assert (
        patch_features.precision(patch_features.features(noise)[0]) < 0.05
        and patch_features.coverage(patch_features.features(noise)[0], 0) < 0.2
    )
    one = to_float(data.images(data.splits["test"][:1])).repeat(64, 1, 1, 1)
    assert patch_features.coverage(patch_features.features(one)[0], 0) < 0.2
    assert float(pairwise(patch_features.features(one)[0]).mean()) < 0.01 * patch_features.spread
    copies = to_float(data.images(patch_features.indices[:64]))
    assert (
        float(nearest(patch_features.features(copies)[0], patch_features.reference).median())
        < 0.01 * patch_features.usual
    )


def test_nearest_can_leave_itself_out() -> None:
    points = torch.tensor([[0.0], [1.0], [3.0]])
    assert nearest(points, points).tolist() == [0, 0, 0]
    assert nearest(points, points, itself=True).tolist() == [1, 1, 2]


def test_a_chequered_pattern_stands_out_at_its_period() -> None:
    noise = torch.randn(32, 3, 16, 16)
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    usual = spectrum(noise)
    assert set(usual) == {2, 4}
    for period in (2, 4):
        wave = torch.cos(2 * torch.pi * rows / period) * torch.cos(2 * torch.pi * columns / period)
        stands = spectrum(noise + 4 * wave)
        assert stands[period] > 10 * usual[period]
        assert stands[6 - period] < 3 * usual[6 - period]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 9), (1, 5, 40), (3, 70, 66)])
def test_images_of_any_size_can_be_seen(shape: tuple[int, int, int]) -> None:
    pixels = torch.randint(0, 256, (80, *shape), dtype=torch.uint8)
    data = Dataset("noise", Memory(pixels), labels=torch.arange(80) % 3, classes=["a", "b", "c"])
    patch_features = seen_in(data, 64)
    features, scores = patch_features.features(to_float(data.images(torch.arange(10))))
    assert features.shape == (10, 64) and scores is not None and scores.shape == (10, 3)
    assert torch.isfinite(features).all() and torch.isfinite(scores).all()
    assert 0 <= patch_features.coverage(features, 3) <= 1
