"""The independent eye: it knows digits without training, and its measures have the values that they must have."""

from __future__ import annotations

import pytest
import torch

from belamy.data import open_data, to_float
from belamy.data.dataset import Dataset, Memory
from belamy.training.watch.eye import Eye, nearest, pairwise, spectrum
from belamy.training.watch.observe import LEARNED


@pytest.fixture(scope="module")
def eye() -> Eye:
    return Eye(open_data("mnist"), LEARNED)


def test_it_knows_digits(eye: Eye) -> None:
    data = open_data("mnist")
    assert data.labels is not None
    test = data.splits["test"]
    _, scores = eye.features(to_float(data.images(test)))
    assert scores is not None
    accuracy = float((scores.argmax(1) == data.labels[test]).float().mean())
    assert accuracy >= 0.97
    assert eye.accuracy == pytest.approx(accuracy, abs=0.03)


def test_it_is_the_same_each_time() -> None:
    data = open_data("avatars-16")
    first, second = Eye(data, 300), Eye(data, 300)
    assert torch.equal(first.reference, second.reference) and first.spread == second.spread


def test_held_out_images_measure_as_data_do(eye: Eye) -> None:
    data = open_data("mnist")
    features, _ = eye.features(to_float(data.images(data.splits["test"][-64:])))
    assert float(pairwise(features).mean()) / eye.spread == pytest.approx(1, abs=0.1)
    assert eye.coverage(features, 0) > 0.85
    assert eye.precision(features) > 0.5
    assert float(nearest(features, eye.reference).median()) / eye.usual == pytest.approx(1, abs=0.2)


def test_noise_one_image_and_copies_do_not(eye: Eye) -> None:
    data = open_data("mnist")
    noise = torch.rand(64, 1, 28, 28) * 2 - 1
    assert eye.precision(eye.features(noise)[0]) < 0.05 and eye.coverage(eye.features(noise)[0], 0) < 0.2
    one = to_float(data.images(data.splits["test"][:1])).repeat(64, 1, 1, 1)
    assert eye.coverage(eye.features(one)[0], 0) < 0.2
    assert float(pairwise(eye.features(one)[0]).mean()) < 0.01 * eye.spread
    copies = to_float(data.images(eye.indices[:64]))
    assert float(nearest(eye.features(copies)[0], eye.reference).median()) < 0.01 * eye.usual


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
    eye = Eye(data, 64)
    features, scores = eye.features(to_float(data.images(torch.arange(10))))
    assert features.shape == (10, 64) and scores is not None and scores.shape == (10, 3)
    assert torch.isfinite(features).all() and torch.isfinite(scores).all()
    assert 0 <= eye.coverage(features, 3) <= 1
