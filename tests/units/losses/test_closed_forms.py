"""Values that the documents or a line of algebra give for the losses."""

from math import log

import pytest
import torch
from torch import Tensor

from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.methods.gan import ADVERSARIAL, PENALTIES
from belamy.methods.vae import Method as Vae
from belamy.seeds import Draws
from belamy.shelf import Part

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
        ("relativistic-pairing", 3, 3, LN2, LN2),
        ("relativistic-pairing", log(3), 0, log(4 / 3), log(4)),
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


def test_noisy_labels_are_cross_entropy_with_moved_targets() -> None:
    """Chollet's labels, fake = 1 and real = 0, both raised by 0.05 U; here real is 1, so every target falls."""
    real, fake = torch.randn(2, 50, dtype=torch.float64) * 3
    loss = ADVERSARIAL.build(Part(name="non-saturating", half=True, noise=0.05))
    torch.manual_seed(4)
    found = loss.discriminator(real, fake)
    torch.manual_seed(4)
    shifts = [0.05 * torch.rand(50, dtype=torch.float64) for _ in range(2)]
    wanted = (cross_entropy(real, 1 - shifts[0]) + cross_entropy(fake, -shifts[1])) / 2
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(loss.generator(fake), cross_entropy(fake, torch.ones(50)))


def linear_critic(norm: float) -> tuple[Tensor, Tensor, Tensor, object]:
    weight = torch.randn(12, dtype=torch.float64)
    weight = norm * weight / weight.norm()
    real, fake = torch.randn(2, 5, 3, 2, 2, dtype=torch.float64)
    return weight, real, fake, lambda images: images.flatten(1) @ weight


@pytest.mark.parametrize("norm", [0.25, 1.0, 3.0])
def test_penalties_of_a_linear_critic(norm: float) -> None:
    _, real, fake, critic = linear_critic(norm)
    draw = Draws(0, 0, dtype=torch.float64)
    for part, wanted in [
        ("gradient-penalty", (norm - 1) ** 2),
        ("gradient-penalty:target=2", (norm - 2) ** 2),
        ("r1", norm**2 / 2),
        ("r2", norm**2 / 2),
    ]:
        found = PENALTIES.build(Part.parse(part))(critic, real, fake, draw)
        torch.testing.assert_close(found, torch.full((5,), wanted, dtype=torch.float64), atol=1e-9, rtol=1e-9)


def test_each_penalty_looks_where_it_says() -> None:
    """The critic ½‖x‖² has the gradient x."""
    real, fake = torch.randn(2, 4, 1, 3, 3, dtype=torch.float64)
    draw = Draws(7, 2, dtype=torch.float64)
    u = Draws(7, 2, dtype=torch.float64).uniform("gradient-penalty", 4, 1, 1, 1)

    def critic(images: Tensor) -> Tensor:
        return images.square().flatten(1).sum(1) / 2

    def norm(images: Tensor) -> Tensor:
        return images.flatten(1).norm(dim=1)

    between = real + u * (fake - real)
    for name, wanted in [
        ("r1", norm(real) ** 2 / 2),
        ("r2", norm(fake) ** 2 / 2),
        ("gradient-penalty", (norm(between) - 1) ** 2),
    ]:
        torch.testing.assert_close(PENALTIES.build(Part(name=name))(critic, real, fake, draw), wanted)


def test_reconstruction_of_known_images() -> None:
    output = torch.tensor([[0.5, 0.25]], dtype=torch.float64)
    target = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    squared = RECONSTRUCTIONS.build(Part(name="squared-error"))(output, target)
    entropy = RECONSTRUCTIONS.build(Part(name="binary-cross-entropy"))(output, target)
    assert float(squared) == pytest.approx((0.25 + 0.0625) / 2)
    assert float(entropy) == pytest.approx((log(2) + log(4 / 3)) / 2)


class TestDivergence:
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² - 1 - ln σ²), as it enters the loss of the variational autoencoder."""

    def method(self, **fields: object) -> Vae:
        from belamy.methods.base import Domain
        from belamy.methods.vae import Recipe

        return Vae(Recipe.tiny().changed(**fields), Domain((1, 28, 28)))

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
