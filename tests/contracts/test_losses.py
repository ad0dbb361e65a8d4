"""What every adversarial loss, penalty and reconstruction loss on the shelves promises."""

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.methods.gan import ADVERSARIAL, PENALTIES
from belamy.seeds import Draws
from belamy.shelf import Part

SCORES = torch.linspace(-3, 3, 13, dtype=torch.float64)


def adversarial(name: str) -> nn.Module:
    return ADVERSARIAL.build(Part(name=name))


def losses(name: str) -> list[Callable[[Tensor, Tensor], Tensor]]:
    """The two sides of a loss as functions of (real, fake)."""
    loss = adversarial(name)
    return [loss.discriminator, lambda real, fake: loss.generator(fake, real)]


@pytest.mark.parametrize("name", ADVERSARIAL.names())
class TestAdversarial:
    @pytest.mark.parametrize("count", [1, 5])
    @pytest.mark.parametrize("side", [0, 1])
    def test_one_value_per_sample_of_the_scores_type(self, name: str, count: int, side: int) -> None:
        for dtype in (torch.float32, torch.float64):
            value = losses(name)[side](torch.randn(count, dtype=dtype), torch.randn(count, dtype=dtype))
            assert value.shape == (count,)
            assert value.dtype == dtype

    @pytest.mark.parametrize("side", [0, 1])
    @pytest.mark.parametrize(("real", "fake"), [(100.0, -100.0), (-100.0, 100.0), (100.0, 100.0), (-100.0, -100.0)])
    def test_values_and_gradients_are_finite_at_large_scores(
        self, name: str, side: int, real: float, fake: float
    ) -> None:
        scores = [torch.tensor([value], requires_grad=True) for value in (real, fake)]
        value = losses(name)[side](*scores)
        gradients = torch.autograd.grad(value.sum(), scores, allow_unused=True)
        assert torch.isfinite(value).all()
        assert all(torch.isfinite(gradient).all() for gradient in gradients if gradient is not None)

    @pytest.mark.parametrize("side", [0, 1])
    def test_a_value_depends_on_its_own_sample_alone(self, name: str, side: int) -> None:
        real, fake = torch.randn(2, 6, dtype=torch.float64)
        whole = losses(name)[side](real, fake)
        for i in range(6):
            torch.testing.assert_close(losses(name)[side](real[i : i + 1], fake[i : i + 1]), whole[i : i + 1])

    def test_raising_the_fake_scores_lowers_the_generators_loss(self, name: str) -> None:
        fake = torch.linspace(-3, 0, 9)
        assert (adversarial(name).generator(fake, torch.zeros(9)).diff() < 0).all()

    def test_telling_real_from_fake_lowers_the_discriminators_loss(self, name: str) -> None:
        gap = torch.linspace(0, 0.9, 9)
        assert (adversarial(name).discriminator(gap, -gap + 0.9).diff() < 0).all()

    @pytest.mark.parametrize("side", [0, 1])
    def test_the_gradient_is_that_of_the_value(self, name: str, side: int) -> None:
        real, fake = (torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(2))
        assert gradcheck(losses(name)[side], (real, fake))

    def test_the_discriminators_terms_add_up_unless_samples_are_compared(self, name: str) -> None:
        loss, (real, fake) = adversarial(name), torch.randn(2, 7)
        if loss.relativistic:
            assert not torch.equal(loss.generator(fake, real), loss.generator(fake, real + 1))
            return
        torch.testing.assert_close(loss.discriminator(real, fake), loss.on_real(real) + loss.on_fake(fake))
        torch.testing.assert_close(loss.generator(fake, None), loss.generator(fake, real))


class Critic(nn.Module):
    """A smooth critic of its weights, for images of four values."""

    def __init__(self, first: Tensor, second: Tensor) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, images: Tensor) -> Tensor:
        return torch.tanh(images.flatten(1) @ self.first) @ self.second


def images(count: int = 3) -> tuple[Tensor, Tensor]:
    return torch.randn(count, 1, 2, 2, dtype=torch.float64), torch.randn(count, 1, 2, 2, dtype=torch.float64)


def draws(step: int = 0) -> Draws:
    return Draws(0, step, dtype=torch.float64)


@pytest.mark.parametrize("name", PENALTIES.names())
class TestPenalties:
    def test_one_value_per_sample_not_negative(self, name: str) -> None:
        weights = torch.randn(4, 3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
        value = PENALTIES.build(Part(name=name))(Critic(*weights), *images(5), draws())
        assert value.shape == (5,)
        assert (value >= 0).all()

    def test_first_and_second_derivatives_by_the_critics_weights(self, name: str) -> None:
        penalty, (real, fake) = PENALTIES.build(Part(name=name)), images()

        def value(first: Tensor, second: Tensor) -> Tensor:
            return penalty(Critic(first, second), real, fake, draws())

        weights = [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in [(4, 3), (3,)]]
        assert gradcheck(value, weights)
        assert gradgradcheck(value, weights)

    def test_it_leaves_nothing_on_images_and_weights(self, name: str) -> None:
        real, fake = images()
        weights = [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in [(4, 3), (3,)]]
        PENALTIES.build(Part(name=name))(Critic(*weights), real, fake, draws())
        assert not real.requires_grad and not fake.requires_grad
        assert all(tensor.grad is None for tensor in (real, fake, *weights))

    def test_it_is_finite_where_the_critic_is_flat(self, name: str) -> None:
        flat = [torch.zeros(*shape, dtype=torch.float64, requires_grad=True) for shape in [(4, 3), (3,)]]
        value = PENALTIES.build(Part(name=name))(Critic(*flat), *images(), draws()).sum()
        assert all(torch.isfinite(gradient).all() for gradient in torch.autograd.grad(value, flat))

    def test_weight_and_interval_are_options(self, name: str) -> None:
        assert {"weight", "every"} <= PENALTIES.options(name).keys()
        penalty = PENALTIES.build(Part.parse(f"{name}:weight=2.5,every=3"))
        assert (penalty.weight, penalty.every) == (2.5, 3)


@pytest.mark.parametrize("name", RECONSTRUCTIONS.names())
class TestReconstruction:
    def test_one_value_per_sample(self, name: str) -> None:
        output, target = torch.rand(2, 5, 3, 4, 4)
        assert RECONSTRUCTIONS.build(Part(name=name))(output, target).shape == (5,)

    def test_it_is_least_at_the_target(self, name: str) -> None:
        loss, target = RECONSTRUCTIONS.build(Part(name=name)), torch.rand(6, 1, 4, 4, dtype=torch.float64)
        at, beside = loss(target, target), loss((target + 0.05).clamp(0, 1), target)
        assert (at < beside).all()

    def test_the_gradient_is_that_of_the_value(self, name: str) -> None:
        output = (torch.rand(2, 1, 2, 2, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
        target = torch.rand(2, 1, 2, 2, dtype=torch.float64)
        assert gradcheck(lambda made: RECONSTRUCTIONS.build(Part(name=name))(made, target), [output])

    def test_certain_pixels_give_finite_values(self, name: str) -> None:
        black, white = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
        assert torch.isfinite(RECONSTRUCTIONS.build(Part(name=name))(black, white)).all()


@pytest.mark.parametrize(
    ("shelf", "name"),
    [(shelf, name) for shelf in (ADVERSARIAL, PENALTIES, RECONSTRUCTIONS) for name in shelf.names()],
    ids=str,
)
def test_every_option_has_a_type_and_a_default(shelf: object, name: str) -> None:
    for option in shelf.options(name).values():
        assert option.default is not inspect.Parameter.empty, option
        assert option.annotation in (bool, int, float, str), option
