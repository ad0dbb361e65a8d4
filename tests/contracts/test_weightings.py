"""What every weighting of samples in the registry promises, and what each of them does."""

import inspect
from math import exp, log

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.registry import Part, Registry

WEIGHTINGS = Registry("belamy.losses.weightings", "weighting", "Weighting")
SIDES = ("real", "fake")


def weighting(part: str) -> nn.Module:
    return WEIGHTINGS.build(Part.parse(part))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("part", [*WEIGHTINGS.names(), "dropped-modes:beta=0.01", "top-k:floor=0.01,until=0"])
class TestWeighting:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("count", [1, 2, 7, 64])
    @pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
    def test_one_factor_per_sample_of_mean_1(
        self, part: str, side: str, dtype: torch.dtype, count: int, progress: float
    ) -> None:
        factors = getattr(weighting(part), side)(torch.randn(count, dtype=dtype) * 3, progress)
        assert factors.shape == (count,)
        assert factors.dtype == dtype
        assert (factors >= 0).all()
        assert float(factors.mean()) == pytest.approx(1, abs=1e-5)

    @pytest.mark.parametrize("scores", [(100.0, -100.0), (-100.0, -100.0), (100.0, 100.0), (100.0, 0.0)])
    def test_large_scores(self, part: str, side: str, scores: tuple[float, float]) -> None:
        factors = getattr(weighting(part), side)(torch.tensor([*scores] * 4), 1.0)
        assert torch.isfinite(factors).all()
        assert float(factors.mean()) == pytest.approx(1, abs=1e-5)

    def test_factors_follow_their_samples(self, part: str, side: str) -> None:
        scores, order = torch.randn(32), torch.randperm(32)
        whole = getattr(weighting(part), side)(scores, 0.6)
        torch.testing.assert_close(getattr(weighting(part), side)(scores[order], 0.6), whole[order])

    def test_a_better_score_never_weighs_less(self, part: str, side: str) -> None:
        factors = getattr(weighting(part), side)(torch.randn(50).sort().values, 0.6)
        assert (factors.diff() >= 0).all()

    def test_options_have_types_and_defaults(self, part: str, side: str) -> None:
        for option in WEIGHTINGS.options(Part.parse(part).name).values():
            assert option.default is not inspect.Parameter.empty, option
            assert option.annotation in (bool, int, float, str), option


class TestTopK:
    @pytest.mark.parametrize(
        ("progress", "kept"), [(0.0, 64), (0.2, 46), (0.4, 32), (1.0, 32)]
    )  # 64 / sqrt 2 = 45.25 at half way
    def test_the_schedule(self, progress: float, kept: int) -> None:
        scores = torch.randn(64)
        factors = weighting("top-k:floor=0.5,until=0.4").fake(scores, progress)
        best = scores >= scores.sort(descending=True).values[kept - 1]
        assert (factors > 0).sum() == kept
        assert torch.equal(factors > 0, best)
        torch.testing.assert_close(factors[best], torch.full((kept,), 64 / kept))

    def test_of_equal_scores_exactly_k_are_kept(self) -> None:
        assert (weighting("top-k:floor=0.25,until=0").fake(torch.zeros(12), 0.0) > 0).sum() == 3

    def test_one_sample_is_always_kept(self) -> None:
        assert (weighting("top-k:floor=0.001,until=0").fake(torch.randn(9), 0.0) > 0).sum() == 1

    def test_real_samples_all_count(self) -> None:
        assert torch.equal(weighting("top-k").real(torch.randn(5), 1.0), torch.ones(5))


class TestDroppedModes:
    def weights(self, ratios: list[float], beta: float) -> Tensor:
        """For real samples where generated density over real density is as given."""
        scores = -torch.tensor(ratios, dtype=torch.float64).log()
        return weighting(f"dropped-modes:beta={beta}").real(scores, 0.0)

    def test_by_hand(self) -> None:
        # all share it: λ = β + (1-β) mean h = 0.5 + 0.5·0.75 = 0.875, w = 2 (0.875 - h/2)
        torch.testing.assert_close(
            self.weights([0.5, 1.0], 0.5), torch.tensor([1.25, 0.75], dtype=torch.float64), atol=1e-12, rtol=0
        )
        # the sample with too many generated ones around it is left out: λ = (3·0.5 + 0.5·0.2) / 2 = 0.8
        wanted = torch.tensor([2 * (0.8 - 0.05), 2 * (0.8 - 0.05), 0.0], dtype=torch.float64)
        torch.testing.assert_close(self.weights([0.1, 0.1, 4.0], 0.5), wanted, atol=1e-12, rtol=0)

    def test_it_restores_a_dropped_mode(self) -> None:
        """Data in four equal modes, of which the generator makes three: the new part β of the mixture is the fourth.

        With β = ¼ and exact ratios the weights are those of the missing component alone.
        """
        ratios = [4 / 3] * 30 + [1e-9] * 10
        found = self.weights(ratios, 0.25)
        torch.testing.assert_close(found, torch.tensor([0.0] * 30 + [4.0] * 10, dtype=torch.float64), atol=1e-6, rtol=0)

    def test_a_sure_discriminator_of_one_sample(self) -> None:
        factors = weighting("dropped-modes").real(torch.tensor([log(3), 0.0]), 0.0)
        assert factors[0] > 1 > factors[1]
        assert float(factors[0] - factors[1]) == pytest.approx(1 - exp(-log(3)), abs=1e-6)

    def test_beta_1_weighs_all_alike(self) -> None:
        torch.testing.assert_close(self.weights([0.1, 5.0, 2.0], 1.0), torch.ones(3, dtype=torch.float64))

    def test_generated_samples_all_count(self) -> None:
        assert torch.equal(weighting("dropped-modes").fake(torch.randn(5), 1.0), torch.ones(5))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("top-k:floor=0", "top-k.floor is 0"),
        ("top-k:until=2", "top-k.until is 2"),
        ("dropped-modes:beta=0", "dropped-modes.beta is 0"),
        ("dropped-modes:beta=1.5", "dropped-modes.beta is 1.5"),
    ],
)
def test_wrong_options_are_named(part: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        weighting(part)
