"""The divergences against scipy and closed forms, and TequilaGAN's table on real digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import Tensor
from torch.nn.functional import cross_entropy

from belamy.data import Dataset, open_data
from belamy.errors import UsageError
from belamy.evaluation.two_samples import jensen_shannon
from belamy.forensics.divergence import (
    REFERENCE,
    SCALE,
    ZOOM,
    PixelSummary,
    compare,
    kolmogorov_smirnov,
    threshold,
)
from belamy.forensics.noise import Bernoulli, FastGradientSign, candidate, fast_gradient_sign
from belamy.networks.classifier_mnist import Classifier
from belamy.sampling.draw import draw, generated
from belamy.seeds import generator


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=generator(seed, "numbers"))


def seen(numbers: Tensor, parts: int = 1) -> PixelSummary:
    """The distribution of numbers that came in parts, each counted apart and then merged."""
    found = PixelSummary()
    for part in numbers.tensor_split(parts):
        other = PixelSummary()
        other.update(part)
        found.merge(other)
    return found


class TestHistogram:
    @pytest.mark.parametrize("parts", [1, 3])
    def test_counts_are_numpys(self, parts: int) -> None:
        numbers = torch.cat([uniform(5000) * 1.4 - 0.2, torch.arange(257) / 256, torch.tensor([0.0, 1.0, -0.0])])
        for low, high in ((0.0, 1.0), (0.11, 0.88)):
            wanted = np.histogram(numbers.double().numpy(), np.linspace(low, high, 101))[0]
            assert seen(numbers, parts).histogram(low, high).tolist() == wanted.tolist()


class TestDivergence:
    def test_is_scipys_squared(self) -> None:
        from scipy.spatial.distance import jensenshannon

        p, q = (uniform(20, seed=seed) * (uniform(20, seed=seed + 2) > 0.3) for seed in (0, 1))
        p, q = p.double() / p.double().sum(), q.double() / q.double().sum()
        assert float(jensen_shannon(p, q)) == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-9)

    def test_of_the_same_and_of_strangers(self) -> None:
        shares = torch.tensor([0.3, 0, 0.7])
        assert float(jensen_shannon(shares, shares)) == 0
        assert float(jensen_shannon(torch.tensor([1, 0]), torch.tensor([0, 1]))) == pytest.approx(math.log(2))

    def test_rows_each_for_itself(self) -> None:
        p, q = uniform(4, 6), uniform(6, seed=1)
        assert jensen_shannon(p, q).tolist() == pytest.approx([float(jensen_shannon(row, q)) for row in p])


class TestKolmogorovSmirnov:
    @pytest.mark.parametrize("levels", [None, 16])
    def test_is_scipys(self, levels: int | None) -> None:
        a, b = uniform(900), uniform(500, seed=1) ** 1.1
        if levels:
            a, b = (a * levels).floor(), (b * levels).floor()
        found = kolmogorov_smirnov(seen(a, 3), seen(b, 4))
        assert found.statistic == pytest.approx(stats.ks_2samp(a.numpy(), b.numpy()).statistic, abs=1e-12)
        scaled = found.statistic * math.sqrt(900 * 500 / 1400)
        assert found.p == pytest.approx(special.kolmogorov(scaled), rel=1e-9)

    def test_the_threshold(self) -> None:
        assert threshold(0.05, 10_000, 10_000) == pytest.approx(1.3581 * math.sqrt(2e4 / 1e8), rel=1e-5)
        scaled = threshold(0.01, 100, 300) * math.sqrt(100 * 300 / 400)
        assert special.kolmogorov(scaled) == pytest.approx(0.01, rel=1e-4)
        with pytest.raises(UsageError, match="alpha = 0"):
            threshold(0, 1, 1)

    def test_false_alarms_come_at_the_stated_rate(self) -> None:
        pairs = [uniform(2, 500, seed=seed) for seed in range(300)]
        alarms = sum(kolmogorov_smirnov(seen(a), seen(b)).p < 0.1 for a, b in pairs)
        assert abs(alarms / 300 - 0.1) < 3.5 * math.sqrt(0.1 * 0.9 / 300)

    def test_what_has_no_place_is_refused(self) -> None:
        with pytest.raises(UsageError, match="not finite"):
            PixelSummary().update(torch.tensor([0.0, torch.nan]))
        with pytest.raises(UsageError, match="no numbers yet"):
            PixelSummary().at(torch.zeros(1))


class TestNoise:
    def test_bernoulli_draws_like_any_other_generator(self) -> None:
        method = Bernoulli((3, 8, 8), 0.3)
        images = draw(method, 200, seed=4)
        assert sorted(images.unique().tolist()) == [0, 255]
        assert float(images.double().mean() / 255) == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / images.numel()))
        assert torch.equal(images[50:60], draw(method, 10, seed=4, start=50, batch=3))
        assert torch.equal(images, torch.cat([part for part, _ in candidate(method, "noise", 200, 4).chunks()]))

    def test_each_pixel_moves_by_epsilon_where_the_loss_grows(self) -> None:
        weight = torch.tensor([[1.0, -2.0, 0.0], [-1.0, 2.0, 0.0]])
        values = torch.tensor([[0.5, 0.05, 0.5], [0.5, 0.05, 0.5]]).reshape(2, 1, 1, 3)
        labels = torch.tensor([0, 1])

        def classifier(images: Tensor) -> Tensor:
            return images.flatten(1) @ weight.T

        moved = fast_gradient_sign(classifier, values, labels, 0.1, clip=False).flatten(1)
        torch.testing.assert_close(moved, torch.tensor([[0.4, 0.15, 0.5], [0.6, -0.05, 0.5]]))
        assert float(fast_gradient_sign(classifier, values, labels, 0.1, clip=True).min()) == 0

    def test_adversarial_images_come_each_once_and_then_again(self) -> None:
        images = (uniform(5, 1, 28, 28) * 255).to(torch.uint8)
        method = FastGradientSign(Classifier((1, 28, 28), 10), images, torch.arange(5), epsilon=0.01, clip=False)
        made = torch.cat(list(generated(method, 10, seed=1))).add(1).div(2)
        torch.testing.assert_close(made[:5], made[5:])
        distance = (made[:5].unsqueeze(1) - images / 255).abs().flatten(2).amax(2)  # [made, original]
        assert sorted(distance.argmin(1).tolist()) == list(range(5))
        assert distance.amin(1).tolist() == pytest.approx([0.01] * 5, abs=1e-4)

    def test_wrong_numbers_are_refused(self) -> None:
        with pytest.raises(UsageError, match=r"probability is 1\.5"):
            Bernoulli((1, 2, 2), 1.5)
        network, images = Classifier((1, 28, 28), 10), torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
        with pytest.raises(UsageError, match="2 images have 1 labels"):
            FastGradientSign(network, images, torch.zeros(1).long())
        with pytest.raises(UsageError, match="epsilon is 0"):
            FastGradientSign(network, images, torch.zeros(2).long(), epsilon=0)


@pytest.fixture(scope="module")
def mnist() -> Dataset:
    return open_data("mnist")


@pytest.fixture(scope="module")
def reference(mnist: Dataset) -> PixelSummary:
    return counted(mnist.images(mnist.indices("train")[:REFERENCE]) / SCALE)


def counted(values: Tensor) -> PixelSummary:
    pixels = PixelSummary()
    for part in values.split(3000):
        other = PixelSummary()
        other.update(part)
        pixels.merge(other)
    return pixels


class TestTable:
    """The rows as the book prints them: pixels over 256 against the first 10,000 training images."""

    def test_train_against_itself(self, reference: PixelSummary) -> None:
        assert compare(reference, reference) == (0, 1, 0)

    def test_test(self, mnist: Dataset, reference: PixelSummary) -> None:
        row = compare(reference, counted(mnist.images(mnist.indices("test")) / SCALE))
        assert row.statistic == pytest.approx(0.003177, abs=5e-7)
        assert row.divergence == pytest.approx(2.9553e-5, abs=5e-10)
        assert row.p < 1e-30  # printed as 0: pixels of an image depend on each other

    def test_bernoulli(self, mnist: Dataset, reference: PixelSummary) -> None:
        mean = float(mnist.images(mnist.indices("train")[:REFERENCE]).double().mean() / SCALE)
        assert mean == pytest.approx(0.1306, abs=5e-5)
        values = draw(Bernoulli(mnist.shape, mean), 2000, batch=500) / 255
        row = compare(reference, counted(values))
        assert row.statistic == pytest.approx(0.1307, abs=0.001)
        assert row.divergence == pytest.approx(0.0785, abs=0.001)

    def test_the_scale_of_255_gives_other_numbers(self, mnist: Dataset) -> None:
        """So the table above can only have been made with 256."""
        images = mnist.images(mnist.indices("train")[:REFERENCE])
        mean = float(images.double().mean() / 255)
        row = compare(counted(images / 255), counted(draw(Bernoulli(mnist.shape, mean), 1000, batch=500) / 255))
        assert row.statistic == pytest.approx(0.1246, abs=0.002)
        assert row.divergence == pytest.approx(0.0547, abs=0.002)

    def test_adversarial(self, mnist: Dataset, reference: PixelSummary) -> None:
        """The printed 0.4193 and 0.5818 are those of images that were not clipped."""
        classifier, accuracy = trained(mnist)
        assert accuracy > 0.9
        chosen = mnist.indices("train")[:3000]
        values, labels = mnist.images(chosen) / SCALE, mnist.labels[chosen]
        moved = fast_gradient_sign(classifier, values, labels, 0.1, clip=False)
        row, clipped = (compare(reference, counted(made)) for made in (moved, moved.clamp(0, 1)))
        assert 0.41 < row.statistic < 0.42
        assert 0.57 < row.divergence < 0.59
        assert clipped.divergence < 0.25

    def test_the_zoom_and_the_curve(self, reference: PixelSummary) -> None:
        curve = reference.curve()
        assert len(curve) == 50
        assert float(curve[0]) == pytest.approx(0.80839, abs=0.001)  # the share of zeros
        assert float(curve[-1]) == 1
        inside = sum(((torch.arange(256) / SCALE >= 0.11) & (torch.arange(256) / SCALE <= 0.88)).tolist())
        zoomed = reference.histogram(*ZOOM)
        assert 0 < int((zoomed > 0).sum()) <= inside and int(zoomed.sum()) < len(reference) == 7_840_000


def trained(mnist: Dataset) -> tuple[Classifier, float]:
    """The book's dense classifier after 300 batches, and its accuracy on test images."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Classifier(mnist.shape, 10)
    optimizer = torch.optim.Adam(network.parameters())
    train, test = mnist.indices("train"), mnist.indices("test")[:2000]
    for step in range(300):
        chosen = train[torch.randint(len(train), (128,), generator=generator(0, "fit", step))]
        optimizer.zero_grad()
        cross_entropy(network(mnist.images(chosen) / 127.5 - 1), mnist.labels[chosen]).backward()
        optimizer.step()
    with torch.no_grad():
        told = network(mnist.images(test) / 127.5 - 1).argmax(1)
    return network.eval(), float((told == mnist.labels[test]).float().mean())
