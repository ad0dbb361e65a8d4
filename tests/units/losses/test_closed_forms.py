"""Values that the documents or a line of algebra give for the losses."""

from math import log, log10

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.methods.vae import Method as Vae
from belamy.registry import Part, Registry

ADVERSARIAL = Registry("belamy.losses.adversarial", "adversarial loss", "Adversarial")
LN2 = log(2)


def value(part: str, side: str, real: float, fake: float) -> float:
    loss = ADVERSARIAL.build(Part.parse(part))
    scores = {"real": torch.tensor([real], dtype=torch.float64), "fake": torch.tensor([fake], dtype=torch.float64)}
    return float(getattr(loss, side)(**scores))


@pytest.mark.parametrize(
    ("part", "real", "fake", "discriminator", "generator"),
    [
        ("non-saturating", 0, 0, 2 * LN2, LN2),
        ("non-saturating:half=true", 0, 0, LN2, LN2),
        ("minimax", 0, 0, 2 * LN2, -LN2),
        ("least-squares", 0.5, 0.5, 0.25, 0.125),
        ("least-squares:half=false", 0.5, 0.5, 0.5, 0.25),
        ("least-squares:a=-1,b=1,c=0", 0, 0, 1.0, 0.0),
        ("least-squares:a=-1,b=1,c=0", 1, -1, 0.0, 0.5),
        ("wasserstein", 2, -1, -3.0, 1.0),
        ("hinge", 0, 0, 2.0, 0.0),
        ("hinge", 1.5, -2, 0.0, 2.0),
        ("hinge", -1, 0.5, 3.5, -0.5),
        ("geometric", -1, 0.5, 3.5, -0.5),
        ("relativistic-pairing", 3, 3, LN2, LN2),
        ("relativistic-pairing", log(3), 0, log(4 / 3), log(4)),
        ("relativistic-standard", 3, 3, LN2, LN2),
        ("relativistic-standard", log(3), 0, log(4 / 3), log(4)),
        ("relativistic-pairing:base=minimax", log(3), 0, log(4 / 3), -log(4 / 3)),
        ("relativistic-pairing:base=least-squares", 2, 0, 1.0, 9.0),
        ("relativistic-pairing:base=hinge", 0.25, 0, 0.75, 1.25),
        ("relativistic-pairing:base=wasserstein", 2, -1, -3.0, 3.0),
        ("relativistic-average", 5, 5, 2 * LN2, 2 * LN2),
        ("relativistic-average:base=minimax", 5, 5, 2 * LN2, -2 * LN2),
        ("relativistic-average:base=least-squares", 5, 5, 2.0, 2.0),
        ("relativistic-average:base=least-squares", 1, 0, 0.0, 8.0),
        ("relativistic-average:base=hinge", 5, 5, 2.0, 2.0),
        ("relativistic-average:base=hinge", 1, 0, 0.0, 4.0),
        ("relativistic-average:base=wasserstein", 2, -1, -6.0, 6.0),
        ("energy-based", -2, -3, 2 + 7, 3.0),
        ("energy-based", -2, -12, 2.0, 12.0),
        ("boundary-equilibrium", -2, -3, 2.0, 3.0),
    ],
)
def test_the_figures_of_the_documents(
    part: str, real: float, fake: float, discriminator: float, generator: float
) -> None:
    assert value(part, "discriminator", real, fake) == pytest.approx(discriminator, abs=1e-12)
    assert value(part, "generator", real, fake) == pytest.approx(generator, abs=1e-12)


def cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """From probabilities, as Keras writes it; independent of softplus."""
    probability = 1 / (1 + torch.exp(-scores))
    return -(targets * torch.log(probability) + (1 - targets) * torch.log(1 - probability))


def test_non_saturating_is_cross_entropy() -> None:
    real, fake = torch.randn(2, 50, dtype=torch.float64) * 3
    loss = ADVERSARIAL.build(Part(name="non-saturating"))
    wanted = cross_entropy(real, torch.ones(50)) + cross_entropy(fake, torch.zeros(50))
    torch.testing.assert_close(loss.discriminator(real, fake), wanted)
    torch.testing.assert_close(loss.generator(fake), cross_entropy(fake, torch.ones(50)))


def test_reconstruction_of_known_images() -> None:
    output = torch.tensor([[0.5, 0.25]], dtype=torch.float64)
    target = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    squared = RECONSTRUCTIONS.build(Part(name="squared-error"))(output, target)
    absolute = RECONSTRUCTIONS.build(Part(name="absolute-error"))(output, target)
    entropy = RECONSTRUCTIONS.build(Part(name="binary-cross-entropy"))(output, target)
    assert float(squared) == pytest.approx((0.25 + 0.0625) / 2)
    assert float(absolute) == pytest.approx((0.5 + 0.25) / 2)
    assert float(entropy) == pytest.approx((log(2) + log(4 / 3)) / 2)


def test_signal_to_noise_is_the_limit_less_the_ratio_far_above_the_threshold() -> None:
    """An error a hundredth of the target in amplitude is 40 dB below it, whatever the loudness; none costs nothing."""
    target = torch.tensor([[3.0, -4.0], [0.3, -0.4], [0.3, -0.4]], dtype=torch.float64)
    output = target + torch.tensor([[0.05, 0.0], [0.005, 0.0], [0.0, 0.0]], dtype=torch.float64)
    found = RECONSTRUCTIONS.build(Part(name="signal-to-noise", limit=70))(output, target)
    assert found.tolist() == pytest.approx([10 * log10(1001)] * 2 + [0.0], abs=1e-9)
    with pytest.raises(UsageError, match="limit is -1"):
        RECONSTRUCTIONS.build(Part(name="signal-to-noise", limit=-1))


def test_relativistic_averages_compare_with_means() -> None:
    """RaSGAN as the document writes it, with probabilities."""
    real, fake = torch.randn(2, 30, dtype=torch.float64)

    def written(real: Tensor, fake: Tensor) -> Tensor:
        ones = torch.ones(30)
        return cross_entropy(real - fake.mean(), ones) + cross_entropy(fake - real.mean(), 1 - ones)

    loss = ADVERSARIAL.build(Part(name="relativistic-average"))
    torch.testing.assert_close(loss.discriminator(real, fake), written(real, fake))
    torch.testing.assert_close(loss.generator(fake, real), written(fake, real))


def test_losses_of_a_linear_critic_on_two_gaussians() -> None:
    """The critic w·x between N(2, 1) and N(0, 1): its best w is 2 for cross-entropy, ∞ for Wasserstein.

    The log-ratio of the densities is 2 x - 2, so the cross-entropy is least at score 2 x - 2, and there it equals
    2 ln 2 - 2 JS.
    """
    normal = torch.distributions.Normal(torch.zeros((), dtype=torch.float64), 1.0)
    x = torch.linspace(-10, 12, 22001, dtype=torch.float64)
    p, q = normal.log_prob(x - 2).exp(), normal.log_prob(x).exp()

    def cost(part: str, slope: float, offset: float) -> float:
        loss = ADVERSARIAL.build(Part.parse(part))
        scores = slope * x + offset
        return float(torch.trapezoid(p * loss.on_real(scores) + q * loss.on_fake(scores), x))

    middle = (p + q) / 2
    js = float(torch.trapezoid(p * (p / middle).log() + q * (q / middle).log(), x)) / 2
    assert cost("non-saturating", 2, -2) == pytest.approx(2 * LN2 - 2 * js, abs=1e-9)
    assert cost("minimax", 2, -2) == pytest.approx(2 * LN2 - 2 * js, abs=1e-9)
    assert cost("non-saturating", 2, -2) < min(cost("non-saturating", 2 + d, -2 - d) for d in (-0.05, 0.05))
    for slope in (0.5, 1.0, 4.0):
        assert cost("wasserstein", slope, 7.0) == pytest.approx(-2 * slope, abs=1e-6)
        # ½E(w x + c - 1)² under p and ½E(w x + c)² under q
        wanted = ((2 * slope - 1) ** 2 + slope**2 + slope**2) / 2
        assert cost("least-squares", slope, 0.0) == pytest.approx(wanted, abs=1e-6)


class TestBoundaryEquilibrium:
    def energies(self, loss: object, real: float, fake: float) -> dict[str, float]:
        signals = loss.observe(*(torch.tensor([-value, -value], dtype=torch.float64) for value in (real, fake)))
        return {name: float(value) for name, value in signals.items()}

    def test_the_recursion_by_hand(self) -> None:
        loss = ADVERSARIAL.build(Part.parse("boundary-equilibrium:gamma=0.5,rate=0.1")).double()
        seen = [self.energies(loss, 2.0, 0.4), self.energies(loss, 1.0, 0.3), self.energies(loss, 0.5, 0.9)]
        wanted = [(0.06, 2.6), (0.08, 1.2), (0.015, 1.15)]  # k += 0.1 (E_r/2 - E_f);  E_r + |E_r/2 - E_f|
        for found, (k, convergence) in zip(seen, wanted, strict=True):
            assert found == pytest.approx({"k": k, "convergence": convergence}, abs=1e-9)
        scores = torch.tensor([-3.0], dtype=torch.float64)
        assert float(loss.discriminator(scores, scores * 2)) == pytest.approx(3 - 0.015 * 6)

    def test_k_stays_between_0_and_1(self) -> None:
        loss = ADVERSARIAL.build(Part.parse("boundary-equilibrium:rate=0.5"))
        assert self.energies(loss, 0.0, 5.0)["k"] == 0
        assert self.energies(loss, 99.0, 0.0)["k"] == 1

    def test_samples_in_equilibrium_leave_k_alone(self) -> None:
        loss = ADVERSARIAL.build(Part.parse("boundary-equilibrium:gamma=0.25"))
        loss.k.fill_(0.5)
        assert self.energies(loss, 2.0, 0.5) == {"k": 0.5, "convergence": 2.0}


class TestDivergence:
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² - 1 - ln σ²), as it enters the loss of the variational autoencoder."""

    def method(self, **fields: object) -> Vae:
        from belamy.methods.base import DataSpec
        from belamy.methods.vae import Recipe

        return Vae(Recipe.tiny().changed(**fields), DataSpec.pictures((1, 28, 28)))

    def test_per_pixel(self) -> None:
        mean, variance = torch.tensor([[1.0, -0.5]]), torch.tensor([[1.0, 4.0]])
        wanted = 0.5 * (1 + 1 - 1 - 0) + 0.5 * (0.25 + 4 - 1 - log(4))
        assert float(self.method().kl(mean, variance.log())) == pytest.approx(wanted / 784)
        assert float(self.method(beta=4).kl(mean, variance.log())) == pytest.approx(4 * wanted / 784)

    def test_the_printed_form_is_beta_0_392(self) -> None:
        mean, log_variance = torch.randn(2, 9, 2)
        torch.testing.assert_close(
            self.method(printed=True).kl(mean, log_variance), self.method(beta=0.392).kl(mean, log_variance)
        )
