"""What every adversarial loss and reconstruction loss in the registries promises."""

import copy
import inspect
from collections.abc import Callable
from io import BytesIO

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from belamy.errors import UsageError
from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.registry import Part, Registry

ADVERSARIAL = Registry("belamy.losses.adversarial", "adversarial loss", "Adversarial")
BASES = ("non-saturating", "minimax", "least-squares", "hinge", "wasserstein")
# every loss, and those that are another function under an option
LOSSES = [
    *ADVERSARIAL.names(),
    "non-saturating:half=true",
    "least-squares:half=false",
    "least-squares:a=-1,b=1,c=0",
    "energy-based:margin=1",
    *(f"relativistic-{kind}:base={base}" for kind in ("average", "pairing") for base in BASES[1:]),
]
COMPARES_WITH_MEANS = [part for part in LOSSES if "average" in part]


def adversarial(part: str) -> nn.Module:
    """The loss, in the midst of a game if it has a state."""
    loss: nn.Module = ADVERSARIAL.build(Part.parse(part))
    for buffer in loss.buffers():
        buffer.fill_(0.3)
    return loss


def losses(part: str) -> list[Callable[[Tensor, Tensor], Tensor]]:
    """The two sides of a loss as functions of (real, fake)."""
    loss = adversarial(part)
    return [loss.discriminator, lambda real, fake: loss.generator(fake, real)]


@pytest.mark.parametrize("part", LOSSES)
class TestAdversarial:
    @pytest.mark.parametrize("count", [1, 5])
    @pytest.mark.parametrize("side", [0, 1])
    def test_one_value_per_sample_of_the_scores_type(self, part: str, count: int, side: int) -> None:
        for dtype in (torch.float32, torch.float64):
            value = losses(part)[side](torch.randn(count, dtype=dtype), torch.randn(count, dtype=dtype))
            assert value.shape == (count,)
            assert value.dtype == dtype

    @pytest.mark.parametrize("side", [0, 1])
    @pytest.mark.parametrize(("real", "fake"), [(100.0, -100.0), (-100.0, 100.0), (100.0, 100.0), (-100.0, -100.0)])
    def test_values_and_gradients_are_finite_at_large_scores(
        self, part: str, side: int, real: float, fake: float
    ) -> None:
        scores = [torch.tensor([value], requires_grad=True) for value in (real, fake)]
        value = losses(part)[side](*scores)
        gradients = torch.autograd.grad(value.sum(), scores, allow_unused=True)
        assert torch.isfinite(value).all()
        assert all(torch.isfinite(gradient).all() for gradient in gradients if gradient is not None)

    @pytest.mark.parametrize("side", [0, 1])
    def test_a_value_depends_on_its_own_sample_and_at_most_on_means(self, part: str, side: int) -> None:
        real, fake = torch.randn(2, 6, dtype=torch.float64)
        whole = losses(part)[side](real, fake)
        if part in COMPARES_WITH_MEANS:
            real[1:], fake[1:] = real[1:].flip(0), fake[1:].flip(0)  # the means stay
            changed = losses(part)[side](real, fake)
            torch.testing.assert_close(changed[0], whole[0])
            torch.testing.assert_close(changed[1:].flip(0), whole[1:])
            return
        for i in range(6):
            torch.testing.assert_close(losses(part)[side](real[i : i + 1], fake[i : i + 1]), whole[i : i + 1])

    def test_raising_the_fake_scores_lowers_the_generators_loss(self, part: str) -> None:
        # least squares wants its target and no more: -3 to 0 lies below the target of every coding
        loss, fake = adversarial(part), torch.linspace(-3, 0, 9)
        raised = torch.stack([loss.generator(scores.view(1), torch.zeros(1)) for scores in fake]).squeeze(1)
        assert (raised.diff() < 0).all()

    def test_telling_real_from_fake_lowers_the_discriminators_loss(self, part: str) -> None:
        loss, gap = adversarial(part), torch.linspace(0, 0.9, 9)
        told = torch.stack([loss.discriminator(g.view(1), 0.9 - g.view(1)) for g in gap]).squeeze(1)
        assert (told.diff() < 0).all()

    def test_raising_the_real_scores_lowers_the_discriminators_loss(self, part: str) -> None:
        real = torch.linspace(-2, 0.9, 9).requires_grad_()
        (slope,) = torch.autograd.grad(adversarial(part).discriminator(real, torch.zeros(9)).mean(), real)
        assert (slope < 0).all()

    @pytest.mark.parametrize("side", [0, 1])
    def test_the_gradients_are_those_of_the_value(self, part: str, side: int) -> None:
        real, fake = (torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(2))
        assert gradcheck(losses(part)[side], (real, fake))
        # squared, so that linear pieces too have a second derivative
        assert gradgradcheck(lambda *scores: losses(part)[side](*scores).square(), (real, fake))

    def test_the_discriminators_terms_add_up_unless_samples_are_compared(self, part: str) -> None:
        loss, (real, fake) = adversarial(part), torch.randn(2, 7)
        if loss.relativistic:
            assert not torch.equal(loss.generator(fake, real), loss.generator(fake, real * 2 + 1))
            return
        torch.testing.assert_close(loss.discriminator(real, fake), loss.on_real(real) + loss.on_fake(fake))
        torch.testing.assert_close(loss.generator(fake, None), loss.generator(fake, real))

    def test_what_it_has_learned_of_the_game_is_stored(self, part: str) -> None:
        loss, fresh = ADVERSARIAL.build(Part.parse(part)), ADVERSARIAL.build(Part.parse(part))
        if not hasattr(loss, "observe"):
            assert not loss.state_dict()
            return
        for _ in range(3):
            signals = loss.observe(torch.full((4,), -1.0), torch.full((4,), -0.1))
        assert all(signal.dim() == 0 and not signal.requires_grad for signal in signals.values())
        assert any(not torch.equal(value, fresh.state_dict()[key]) for key, value in loss.state_dict().items())
        torch.save(loss.state_dict(), file := BytesIO())
        fresh.load_state_dict(torch.load(BytesIO(file.getvalue()), weights_only=True))
        real, fake = torch.randn(2, 5)
        assert torch.equal(loss.discriminator(real, fake), fresh.discriminator(real, fake))
        assert loss.observe(real, fake) == fresh.observe(real, fake)

    def test_signals_do_not_change_afterwards(self, part: str) -> None:
        loss = adversarial(part)
        if hasattr(loss, "observe"):
            signals = loss.observe(torch.full((4,), -1.0), torch.full((4,), -0.1))
            before = copy.deepcopy(signals)
            loss.observe(torch.full((4,), -3.0), torch.full((4,), -0.2))
            assert signals == before


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("relativistic-average:base=hing", "Did you mean 'hinge'"),
        ("relativistic-pairing:base=square", "base is 'square'"),
        ("energy-based:margin=0", "energy-based.margin is 0"),
        ("boundary-equilibrium:gamma=1.5", "boundary-equilibrium.gamma is 1.5"),
        ("boundary-equilibrium:gamma=0", "boundary-equilibrium.gamma is 0"),
        ("boundary-equilibrium:rate=-1", "boundary-equilibrium.rate is -1"),
    ],
)
def test_wrong_options_are_named(part: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ADVERSARIAL.build(Part.parse(part))


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
    ("registry", "name"),
    [(registry, name) for registry in (ADVERSARIAL, RECONSTRUCTIONS) for name in registry.names()],
    ids=str,
)
def test_every_option_has_a_type_and_a_default(registry: Registry, name: str) -> None:
    for option in registry.options(name).values():
        assert option.default is not inspect.Parameter.empty, option
        assert option.annotation in (bool, int, float, str), option
