"""What every label trick in the registry promises, and what each of them does."""

import inspect

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from belamy.errors import UsageError
from belamy.losses.objective import Objective
from belamy.registry import Part, Registry
from belamy.seeds import Draws

TARGETS = Registry("belamy.losses.targets", "label trick", "Targets")
ADVERSARIAL = Registry("belamy.losses.adversarial", "adversarial loss", "Adversarial")
VARIANTS = [*TARGETS.names(), "smoothing:sides=2", "noise:inward=true", "flipping:until=0", "flipping:rate=1"]


def targets(part: str) -> nn.Module:
    return TARGETS.build(Part.parse(part))


def told(part: str, real: bool, count: int = 8, progress: float = 0.0, step: int = 0) -> Tensor:
    """The labels of a batch of real or generated samples."""
    labels = torch.full((count,), float(real), dtype=torch.float64)
    return targets(part)(labels, real, Draws(0, step, dtype=torch.float64), progress)


@pytest.mark.parametrize("part", VARIANTS)
class TestTargets:
    @pytest.mark.parametrize("real", [True, False])
    @pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
    def test_one_finite_label_per_sample(self, part: str, real: bool, progress: float) -> None:
        found = told(part, real, 5, progress)
        assert found.shape == (5,)
        assert found.dtype == torch.float64
        assert torch.isfinite(found).all()

    def test_the_labels_given_are_left_alone(self, part: str) -> None:
        labels = torch.ones(50)
        targets(part)(labels, True, Draws(0, 0), 0.0)
        assert torch.equal(labels, torch.ones(50))

    def test_labels_are_a_function_of_seed_and_step(self, part: str) -> None:
        assert torch.equal(told(part, True, 100), told(part, True, 100))
        if told(part, True, 100).unique().numel() > 1:
            assert not torch.equal(told(part, True, 100), told(part, True, 100, step=1))

    def test_real_and_generated_samples_have_numbers_of_their_own(self, part: str) -> None:
        trick, draw = targets(part), Draws(0, 0)
        first, second = (trick(torch.ones(100), True, draw, 0.0) for _ in range(2))
        assert first.unique().numel() == 1 or not torch.equal(first, second)

    def test_two_processes_draw_what_one_draws(self, part: str) -> None:
        whole = targets(part)(torch.ones(12), True, Draws(3, 1), 0.0)
        parts = [targets(part)(torch.ones(6), True, Draws(3, 1, rank, 2), 0.0) for rank in range(2)]
        assert torch.equal(torch.cat(parts), whole)

    @pytest.mark.parametrize("real", [True, False])
    def test_a_moved_label_is_cross_entropy_with_it(self, part: str, real: bool) -> None:
        loss, scores = ADVERSARIAL.build(Part(name="non-saturating")), torch.randn(40, dtype=torch.float64) * 3
        t = told(part, real, 40, 0.1)
        found = t * loss.on_real(scores) + (1 - t) * loss.on_fake(scores)
        torch.testing.assert_close(found, binary_cross_entropy_with_logits(scores, t, reduction="none"))

    def test_options_have_types_and_defaults(self, part: str) -> None:
        for option in TARGETS.options(Part.parse(part).name).values():
            assert option.default is not inspect.Parameter.empty, option
            assert option.annotation in (bool, int, float, str), option


class TestSmoothing:
    def test_one_side_leaves_generated_samples_alone(self) -> None:
        assert (told("smoothing:amount=0.1", True) == 0.9).all()
        assert (told("smoothing:amount=0.1", False) == 0).all()

    def test_two_sides(self) -> None:
        torch.testing.assert_close(told("smoothing:amount=0.1,sides=2", True), torch.full((8,), 0.9).double())
        torch.testing.assert_close(told("smoothing:amount=0.1,sides=2", False), torch.full((8,), 0.1).double())

    def test_a_smoothed_discriminator_is_best_at_the_soft_label(self) -> None:
        """One-sided smoothing: on equal densities the least loss is at D = (1 - a)/2."""
        loss, scores = ADVERSARIAL.build(Part(name="non-saturating")), torch.linspace(-2, 2, 40001).double()
        t = 1 - 0.2
        total = t * loss.on_real(scores) + (1 - t) * loss.on_fake(scores) + loss.on_fake(scores)
        assert float(torch.sigmoid(scores[total.argmin()])) == pytest.approx(0.4, abs=1e-4)


class TestFlipping:
    @pytest.mark.parametrize(("progress", "rate"), [(0.0, 0.3), (0.2, 0.15), (0.4, 0.0), (1.0, 0.0)])
    def test_the_rate_falls_linearly_to_0(self, progress: float, rate: float) -> None:
        count = 40_000
        flipped = 1 - told("flipping:rate=0.3,until=0.4", True, count, progress)
        assert set(flipped.unique().tolist()) <= {0.0, 1.0}
        assert abs(float(flipped.mean()) - rate) <= 4 * (rate * (1 - rate) / count) ** 0.5

    def test_without_an_end_the_rate_stays(self) -> None:
        assert targets("flipping:rate=0.3,until=0").rate_at(1.0) == 0.3

    def test_soft_labels_are_flipped_too(self) -> None:
        found = targets("flipping:rate=1")(torch.tensor([0.9, 0.2]), True, Draws(0, 0), 0.0)
        torch.testing.assert_close(found, torch.tensor([0.1, 0.8]))


class TestNoise:
    def test_both_labels_fall_as_the_frogs_did(self) -> None:
        """Chollet's labels, generated 1 and real 0, are raised by 0.05 U; ours are one minus his."""
        real, fake = told("noise:amount=0.05", True, 20_000), told("noise:amount=0.05", False, 20_000)
        for his, low in ((1 - real, 0.0), (1 - fake, 1.0)):
            assert low <= his.min() < low + 1e-4
            assert low + 0.0499 < his.max() < low + 0.05
            assert float(his.mean()) == pytest.approx(low + 0.025, abs=4 * 0.05 / (12 * 20_000) ** 0.5)

    def test_inward_both_stay_inside(self) -> None:
        real, fake = told("noise:amount=0.3,inward=true", True, 999), told("noise:amount=0.3,inward=true", False, 999)
        assert 0.7 < real.min() < real.max() <= 1
        assert 0 <= fake.min() < fake.max() < 0.3


class TestLabelsOutside:
    """A label below 0 rewards ever lower scores; Keras' bound ends that."""

    SCORES = torch.tensor([-60.0, -20.0, -16.0, -1.0, 0.0, 3.0, 16.0, 20.0, 60.0], dtype=torch.float64)

    def loss(self, name: str, real: bool, scores: Tensor) -> Tensor:
        made = Objective(ADVERSARIAL.build(Part(name=name)), [targets("noise:amount=0.05")])
        side = made.on_real if real else made.on_fake
        return side(scores, Draws(0, 0, dtype=torch.float64), 0.0)

    def test_a_generated_sample_costs_what_it_does_in_keras(self) -> None:
        t = told("noise:amount=0.05", False, len(self.SCORES))
        p = self.SCORES.sigmoid().clip(1e-7, 1 - 1e-7)
        wanted = -(t * p.log() + (1 - t) * (1 - p).log())
        torch.testing.assert_close(self.loss("non-saturating", False, self.SCORES), wanted, rtol=1e-6, atol=1e-9)

    def test_a_label_inside_is_not_bounded(self) -> None:
        t = told("noise:amount=0.05", True, len(self.SCORES))
        wanted = binary_cross_entropy_with_logits(self.SCORES, t, reduction="none")
        torch.testing.assert_close(self.loss("non-saturating", True, self.SCORES), wanted)

    @pytest.mark.parametrize("name", ["non-saturating", "hinge", "minimax"])
    def test_nothing_is_gained_beyond_the_bound(self, name: str) -> None:
        scores = torch.linspace(-500, -17, 9, dtype=torch.float64).requires_grad_()
        (slopes,) = torch.autograd.grad(self.loss(name, False, scores).sum(), scores)
        assert not slopes.any()

    def test_pairs_are_bounded_too(self) -> None:
        made = Objective(ADVERSARIAL.build(Part(name="relativistic-pairing")), [targets("noise:amount=0.05")])
        real = torch.linspace(0, 500, 50, dtype=torch.float64)
        assert (made.discriminator(real, -real, Draws(0, 0, dtype=torch.float64), 0.0) >= 0).all()


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("smoothing:amount=1", r"amount is 1.0, but on 1 sides it must be in \[0, 1\)"),
        ("smoothing:amount=0.5,sides=2", r"in \[0, 0.5\)"),
        ("smoothing:sides=3", "sides is 3"),
        ("flipping:rate=1.2", "flipping.rate is 1.2"),
        ("flipping:until=-1", "flipping.until is -1"),
        ("noise:amount=-0.1", "noise.amount is -0.1"),
    ],
)
def test_wrong_options_are_named(part: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        targets(part)
