"""Probes of methods: generators and autoencoders whose answers are known."""

from __future__ import annotations

from collections.abc import Iterable
from math import log, pi, prod
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.evaluation.probes import PROBES, Probe, check_unrounded, evaluating
from belamy.evaluation.probes._ways import Ways
from belamy.evaluation.probes.elbo import terms
from belamy.evaluation.probes.path_length import Probe as PathLength
from belamy.evaluation.probes.path_length import trimmed_mean
from belamy.methods import autoencoder, base, classifier, gan, vae
from belamy.methods.base import DataSpec
from belamy.networks.priors.normal import Prior as Normal
from belamy.networks.priors.uniform import Prior as Uniform
from belamy.registry import Part
from belamy.seeds import SampleDraws

SHAPE = (1, 8, 8)
EXTRACTOR = PixelFeatures(SHAPE)


class Drawing(base.BaseMethod):
    """Draws images ``shape(z W)`` by a prior of the latents."""

    def __init__(self, prior: type = Uniform, shape: object = None) -> None:
        super().__init__(SimpleNamespace(), DataSpec.pictures(SHAPE))
        self.prior = prior(3)
        source = torch.Generator().manual_seed(5)
        weight = 0.1 * torch.randn(3, prod(SHAPE), generator=source, dtype=torch.float64)
        self.weight = nn.Parameter(weight)
        self.shape = shape or (lambda x: x)

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        numbers = SampleDraws(seed, indices)
        return self.prior.sample(len(numbers.indices), numbers)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.shape(latents @ self.weight).view(-1, *SHAPE)


class Shifting(base.BaseMethod):
    """Reconstructs images with every value off by a constant."""

    def __init__(self, shift: float) -> None:
        super().__init__(SimpleNamespace(), DataSpec.pictures(SHAPE))
        self.shift = nn.Parameter(torch.tensor(shift))

    def reconstruct(self, images: Tensor) -> Tensor:
        return images + self.shift


def probe(text: str) -> Probe:
    made: Probe = PROBES.build(Part.parse(text))
    return made


def data(shape: tuple[int, int, int] = SHAPE, low: int = 0, high: int = 256) -> Dataset:
    pixels = torch.randint(low, high, (400, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Dataset("noise", Memory(pixels))


class TestPathLength:
    def test_of_a_linear_generator_on_straight_ways(self) -> None:
        """Each way has the one speed |W'(b - a)| / 2, images being in [-1, 1] and features in [0, 1]."""
        method = Drawing()
        ways = Ways(method, 100, 0)
        expected = ((ways.second - ways.first) @ method.weight / 2).square().sum(1)
        found = PathLength(count=100).lengths(ways, EXTRACTOR, 0)
        torch.testing.assert_close(found, expected.detach(), rtol=1e-6, atol=0)
        measured = probe("path-length:count=100").measure(method, data(), EXTRACTOR, 0)
        assert measured["path-length-pixels"] == pytest.approx(trimmed_mean(expected.detach(), 0.01), rel=1e-6)

    def test_on_arcs_it_is_the_derivative(self) -> None:
        method = Drawing(Normal)
        ways = Ways(method, 20, 3)
        t = torch.full((20,), 0.3, dtype=torch.float64, requires_grad=True)
        speeds = torch.autograd.functional.jacobian(lambda at: ways.images(torch.arange(20), at).sum(0), t.detach())
        expected = (speeds.flatten(0, -2) / 2).square().sum(0)
        step = 1e-4
        both = [ways.images(torch.arange(20), t.detach() + end).detach() for end in (0, step)]
        found = ((both[1] - both[0]).flatten(1) / 2 / step).square().sum(1)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)

    def test_the_step_does_not_matter(self) -> None:
        method = Drawing(Normal, torch.tanh)
        lengths = [
            probe(f"path-length:count=50,epsilon={step}").measure(method, data(), EXTRACTOR)["path-length-pixels"].value
            for step in (1e-4, 1e-5)
        ]
        assert lengths[0] == pytest.approx(lengths[1], rel=1e-2)

    def test_steps_far_below_a_pixel_are_seen_and_one_image_has_none(self) -> None:
        faint = Drawing(shape=lambda x: 1e-3 * x)
        strong = Drawing()
        a, b = (probe("path-length:count=50").measure(each, data(), EXTRACTOR) for each in (faint, strong))
        assert a["path-length-pixels"].value == pytest.approx(1e-6 * b["path-length-pixels"].value, rel=1e-3)
        constant = probe("path-length:count=50").measure(Drawing(shape=lambda x: 0 * x), data(), EXTRACTOR)
        assert tuple(constant["path-length-pixels"]) == (0, 0, 0)

    def test_seeds(self) -> None:
        found = [probe("path-length:count=50").measure(Drawing(), data(), EXTRACTOR, seed) for seed in (0, 0, 1)]
        assert found[0] == found[1] != found[2]

    def test_an_extractor_that_rounds_is_refused(self) -> None:
        class Rounding:
            name, digest, size, classes = "rounding", "", 64, 0

            def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
                return ExtractedFeatures(images.round().flatten(1))

        with pytest.raises(UsageError, match="'rounding' rounds pixels"):
            probe("path-length").measure(Drawing(), data(), Rounding())
        check_unrounded(EXTRACTOR, torch.zeros(1, *SHAPE))

    def test_percentiles_are_cut_and_the_interval_covers(self) -> None:
        values = torch.cat([torch.arange(101, dtype=torch.float64)])
        assert trimmed_mean(values, 0.01).value == 50
        values[100] = 1e9
        assert trimmed_mean(values, 0.01).value == 50
        source = torch.Generator().manual_seed(0)
        draws = torch.randn(300, 400, generator=source, dtype=torch.float64)
        covered = sum(low <= 0 <= high for _, low, high in (trimmed_mean(row, 0.05) for row in draws))
        assert 0.90 <= covered / 300 <= 0.98


class TestWays:
    def test_one_label_and_one_noise_on_each_way(self) -> None:
        recipe = gan.Recipe.tiny().changed(
            generator="dense-fashion", discriminator="dense-fashion", generator_dropout=0.5
        )
        method = gan.Method(recipe, DataSpec.pictures(SHAPE, ("a", "b", "c"))).eval()
        ways = Ways(method, 4, 0)
        rows = torch.arange(4)
        with torch.no_grad():
            here, near, again = (ways.images(rows, torch.full((4,), t).double()) for t in (0.5, 0.5001, 0.5))
            single = torch.cat([ways.images(rows[[i]], torch.full((1,), 0.5).double()) for i in range(4)])
        assert torch.equal(here, again) and not torch.equal(here, near)
        torch.testing.assert_close(here, near, rtol=0, atol=1e-3)
        torch.testing.assert_close(here, single, rtol=0, atol=1e-6)
        with torch.no_grad():  # as samples they have masks of their own
            latents = ways.first.float()
            apart = method.generate(latents, rows % 3) - method.generate(latents + 1e-6, rows % 3)
        assert apart.abs().max() > 1e-2
        assert ways.labels is not None and ways.labels.tolist() == [0, 1, 2, 0]

    def test_what_chooses_a_generator_stays(self) -> None:
        recipe = gan.Recipe.tiny().changed(generators=3)
        method = gan.Method(recipe, DataSpec.pictures((1, 8, 8), ("a", "b"))).eval()
        ways = Ways(method, 5, 0)
        kept: list[Tensor] = []
        method.generator.register_forward_pre_hook(lambda _module, given: kept.append(given[0]))
        with torch.no_grad():
            for t in (0.0, 1.0):
                ways.images(torch.arange(5), torch.full((5,), t).double())
        torch.testing.assert_close(kept[0][:, -1], kept[1][:, -1])
        torch.testing.assert_close(kept[1][:, :-1].double(), ways.second[:, :-1], rtol=0, atol=1e-6)

    def test_several_generators_with_dropout_are_refused(self) -> None:
        recipe = gan.Recipe.tiny().changed(
            generator="dense-fashion", discriminator="dense-fashion", generators=2, generator_dropout=0.5
        )
        method = gan.Method(recipe, DataSpec.pictures(SHAPE, ("a", "b"))).eval()
        with pytest.raises(UsageError, match="Several generators with dropout"):
            Ways(method, 2, 0).images(torch.arange(2), torch.zeros(2).double())


class TestContinuity:
    def measured(self, method: base.BaseMethod, **options: int) -> dict[str, float]:
        made = PROBES.build(Part(name="continuity", count=30, **options))
        return {name: interval.value for name, interval in made.measure(method, data(), EXTRACTOR).items()}

    def test_a_linear_generator_walks_in_even_steps(self) -> None:
        found = self.measured(Drawing(), steps=8)
        assert found["continuity-step"] == pytest.approx(1 / 8, rel=1e-9)
        assert found["continuity-largest-step"] == pytest.approx(1 / 8, rel=1e-9)
        assert found["continuity-jumps"] == 0

    def test_a_steep_generator_has_no_jumps(self) -> None:
        found = self.measured(Drawing(shape=lambda x: torch.tanh(200 * x[:, :1]).expand(-1, 64)))
        assert found["continuity-largest-step"] > 0.3 and found["continuity-jumps"] == 0

    def test_a_torn_generator_jumps_on_every_way_that_crosses(self) -> None:
        method = Drawing(shape=lambda x: x[:, :1].sign().expand(-1, 64) * 0.5)
        ways = Ways(method, 30, 0)
        sides = [(end @ method.weight)[:, 0] > 0 for end in (ways.first, ways.second)]
        crossing = float((sides[0] != sides[1]).double().mean())
        assert 0.2 < crossing < 0.8 and self.measured(method)["continuity-jumps"] == pytest.approx(crossing)

    def test_one_image(self) -> None:
        assert self.measured(Drawing(shape=lambda x: 0 * x)) == {"continuity-jumps": 0}


class TestReconstruction:
    def test_a_constant_shift(self) -> None:
        shades = data(low=64, high=192)  # far enough from the ends not to be cut
        found = probe("reconstruction:count=40").measure(Shifting(0.2), shades, None)
        assert set(found) == {"reconstruction-psnr", "reconstruction-mse"}
        assert found["reconstruction-psnr"].value == pytest.approx(20, rel=1e-6)
        assert found["reconstruction-mse"].value == pytest.approx(0.01, rel=1e-6)

    def test_exact_copies(self) -> None:
        found = probe("reconstruction").measure(Shifting(0.0), data((1, 12, 12)), None)
        assert found["reconstruction-ssim"].value == pytest.approx(1) and "reconstruction-psnr" not in found
        assert found["reconstruction-mse"].value == 0

    def test_only_held_out_images_are_shown(self) -> None:
        shown: list[Tensor] = []
        method = Shifting(0.0)
        method.reconstruct = lambda images: shown.append(images) or images  # type: ignore[assignment,func-returns-value]
        noise = data()
        probe("reconstruction").measure(method, noise, None)
        held = noise.images(noise.indices("test"))
        torch.testing.assert_close((torch.cat(shown) + 1) * 127.5, held.float(), rtol=0, atol=1e-4)


class Exact(nn.Module):
    """The posterior of ``x = W z + b + N(0, I/2)`` for orthogonal columns of W."""

    def __init__(self, weight: Tensor, offset: Tensor, error: float = 0.0) -> None:
        super().__init__()
        self.weight, self.offset, self.error = nn.Parameter(weight), offset, error

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        variance = 1 / (1 + 2 * self.weight.square().sum(0))
        mean = 2 * variance * ((images.flatten(1) - self.offset) @ self.weight)
        return mean + self.error, variance.log().expand_as(mean)


class Affine(nn.Module):
    def __init__(self, weight: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.weight, self.offset = nn.Parameter(weight), offset

    def forward(self, codes: Tensor) -> Tensor:
        return (codes @ self.weight.T + self.offset).view(-1, *SHAPE)


class TestElbo:
    @pytest.fixture
    def parts(self) -> tuple[Tensor, Tensor]:
        source = torch.Generator().manual_seed(2)
        weight = torch.linalg.qr(torch.randn(64, 2, generator=source, dtype=torch.float64)).Q * torch.tensor([2.0, 0.5])
        return weight, torch.full((64,), 0.5, dtype=torch.float64)

    def method(self, parts: tuple[Tensor, Tensor], error: float = 0.0) -> vae.Method:
        recipe = vae.Recipe.tiny().changed(reconstruction="squared-error", beta=7.0)
        made = vae.Method(recipe, DataSpec.pictures(SHAPE)).double()
        made.encoder, made.decoder = Exact(*parts, error), Affine(*parts)
        return made

    def likelihoods(self, parts: tuple[Tensor, Tensor]) -> Tensor:
        """Of N(b, W W' + I/2), by its covariance."""
        weight, offset = parts
        noise = data()
        x = noise.images(noise.indices("test")).double().flatten(1) / 255
        prior = torch.distributions.MultivariateNormal(offset, weight @ weight.T + 0.5 * torch.eye(64).double())
        return prior.log_prob(x)

    def test_the_exact_posterior_closes_both_bounds(self, parts: tuple[Tensor, Tensor]) -> None:
        found = probe("elbo:weighted=200").measure(self.method(parts), data(), None)
        expected = float(self.likelihoods(parts).mean())
        assert found["elbo-200"].value == pytest.approx(expected, rel=1e-6)
        assert found["elbo"].value == pytest.approx(expected, rel=2e-3)
        bits = 8 - found["elbo"].value / (64 * log(2))
        assert found["elbo-bits"].value == pytest.approx(bits, rel=1e-9)

    def test_a_wrong_posterior_opens_the_bound_by_its_divergence(self, parts: tuple[Tensor, Tensor]) -> None:
        found = probe("elbo:weighted=500").measure(self.method(parts, error=0.5), data(), None)
        expected, precision = float(self.likelihoods(parts).mean()), 1 + 2 * parts[0].square().sum(0)
        gap = float((0.5 * 0.25 * precision).sum())  # KL(q || p) of equal variances
        assert found["elbo"].value == pytest.approx(expected - gap, rel=1e-2)
        assert found["elbo"].value < found["elbo-500"].value < expected + 0.1
        assert found["elbo-500"].value == pytest.approx(expected, abs=0.3)

    def test_it_is_the_loss_in_nats_where_the_weights_are_those_of_the_bound(self) -> None:
        method = vae.Method(vae.Recipe.tiny(), DataSpec.pictures((1, 28, 28)))
        noise = data((1, 28, 28))
        found = probe("elbo:weighted=5").measure(method, noise, None)
        assert terms(method, noise).keys() == {"loss", "reconstruction", "kl"}
        loss = float(terms(method, noise)["loss"].mean())
        assert found["elbo"].value == pytest.approx(-784 * loss, rel=2e-3)

    def test_a_normal_density_is_normalised(self) -> None:
        """A squared error of 0 is the peak of a density of variance 1/2, -log(pi)/2 each."""
        nothing = torch.zeros(64, 2, dtype=torch.float64)
        grey = Dataset("grey", Memory(torch.full((40, *SHAPE), 255, dtype=torch.uint8)))
        found = probe("elbo").measure(self.method((nothing, torch.ones(64, dtype=torch.float64))), grey, None)
        assert found["elbo"].value == pytest.approx(-64 * 0.5 * log(pi)) and found["elbo-kl"].value == 0


def conditional() -> gan.Method:
    return gan.Method(gan.Recipe.tiny(), DataSpec.pictures(SHAPE, ("a", "b", "c")))


class TestEveryProbe:
    @pytest.mark.parametrize(
        ("name", "made"),
        [
            ("reconstruction", lambda: autoencoder.Method(autoencoder.Recipe.tiny(), DataSpec.pictures(SHAPE))),
            ("elbo", lambda: vae.Method(vae.Recipe.tiny(), DataSpec.pictures(SHAPE))),
            ("path-length", conditional),
            ("continuity", conditional),
            ("path-length", lambda: vae.Method(vae.Recipe.tiny(), DataSpec.pictures(SHAPE))),
        ],
        ids=["reconstruction-autoencoder", "elbo-vae", "path-length-gan", "continuity-gan", "path-length-vae"],
    )
    def test_named_numbers_with_intervals_and_the_method_as_before(self, name: str, made: object) -> None:
        method = made()  # type: ignore[operator]
        before = {key: value.clone() for key, value in method.state_dict().items()}
        state = torch.get_rng_state()
        found = probe(f"{name}:count=12").measure(method, data(), EXTRACTOR, 0)
        assert found and all(low <= value <= high for value, low, high in found.values())
        assert all(key.startswith(name) for key in found)
        assert method.training and all(torch.equal(before[key], value) for key, value in method.state_dict().items())
        assert torch.equal(torch.get_rng_state(), state)

    @pytest.mark.parametrize("name", PROBES.names())
    def test_a_method_that_cannot_is_told_what_it_lacks(self, name: str) -> None:
        method = classifier.Method(classifier.Recipe.tiny(), DataSpec.pictures(SHAPE, ("a", "b")))
        with pytest.raises(UsageError, match=r"This run's method .* (J|j)udge"):
            probe(name).measure(method, data(), EXTRACTOR)

    def test_an_autoencoder_has_no_bound(self) -> None:
        method = autoencoder.Method(autoencoder.Recipe.tiny(), DataSpec.pictures(SHAPE))
        with pytest.raises(UsageError, match="does not encode images as distributions"):
            probe("elbo").measure(method, data(), None)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("path-length:epsilon=0", "epsilon=0 and trim=0.01"),
            ("path-length:trim=0.5", "trim=0.5"),
            ("continuity:steps=1", "steps=1"),
            ("elbo:weighted=0", "at least 1 code"),
            ("pathlength", "path-length"),
        ],
    )
    def test_options_out_of_range(self, text: str, says: str) -> None:
        with pytest.raises(UsageError, match=says):
            probe(text)

    def test_data_without_held_out_images(self) -> None:
        few = Dataset("few", Memory(torch.zeros(5, *SHAPE, dtype=torch.uint8)))
        with pytest.raises(UsageError, match="few holds no images out"):
            probe("reconstruction").measure(Shifting(0.1), few, None)
        with pytest.raises(UsageError, match="an interval needs at least 2"):
            probe("reconstruction:count=1").measure(Shifting(0.1), data(), None)
        with pytest.raises(UsageError, match="an interval needs at least 2"):
            probe("path-length:count=1").measure(Drawing(), data(), EXTRACTOR)

    def test_a_failure_leaves_the_mode_as_it_was(self) -> None:
        method = Drawing()
        with pytest.raises(ZeroDivisionError), evaluating(method):
            raise ZeroDivisionError
        assert method.training
