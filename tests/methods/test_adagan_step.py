"""AdaGAN: weights of data against a brute-force solution, shares of components, whose turn it is, who learns."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import Batch, open_data
from belamy.errors import UsageError
from belamy.losses.boosting import boosting_level, boosting_weights
from belamy.methods.adagan import Importance, Method, Recipe
from belamy.registry import Part
from belamy.seeds import Draws

DATA = "points:of=ring,count=200"


def recipe(**fields: Any) -> Recipe:
    parts = {"generator": Part(name="dense", width=8), "discriminator": Part(name="dense", width=8)}
    usual = {"data": DATA, "latent": 4, "generators": 4, "train_samples": 4000, "batch": 16}
    return Recipe(**parts).changed(**{**usual, **fields})


def method(**fields: Any) -> Method:
    torch.manual_seed(1)
    data = open_data(DATA)
    made = Method(recipe(**fields), data.spec)
    made.measure_data(data)
    return made


def batches(count: int = 16) -> Any:
    data = open_data(DATA)
    while True:
        yield data.batch(torch.arange(count))


def turns(made: Method, progress: float) -> list[Any]:
    step = int(progress * made.recipe.train_samples / 16)
    return list(made.play(batches(), Draws(0, step, progress=progress)))


@pytest.mark.parametrize("beta", [0.1, 0.5, 0.9])
def test_the_level_is_the_root_of_the_mean_weight_less_one(beta: float) -> None:
    torch.manual_seed(3)
    ratios = torch.randn(301, dtype=torch.float64).mul(3).exp()
    low, high = 0.0, 1.0 + float(ratios.max())
    for _ in range(200):
        middle = (low + high) / 2
        if float((middle - (1 - beta) * ratios).clamp_min(0).mean()) < beta:
            low = middle
        else:
            high = middle
    level = boosting_level(ratios, beta)
    assert float(level) == pytest.approx(low, rel=1e-12)
    weights = boosting_weights(ratios, beta, level)
    assert float(weights.mean()) == pytest.approx(1, rel=1e-12)
    assert float(level) >= beta and (ratios == ratios.max()).nonzero() in (weights == weights.min()).nonzero()


def test_the_new_part_makes_exactly_what_is_missing() -> None:
    """On four atoms, of which the mixture lacks one and makes another too often."""
    data, made, beta = torch.full((4,), 0.25).double(), torch.tensor([0.5, 0.3, 0.2, 0.0]).double(), 0.5
    level = boosting_level(made / data, beta)
    part = data * boosting_weights(made / data, beta, level)
    torch.testing.assert_close(part, torch.tensor([0.0, 0.2, 0.3, 0.5]).double())  # at λ* = 1 the mixture is the data
    assert float(level) == pytest.approx(1)
    few = boosting_level(made / data, 0.1)  # so small a part cannot fill it
    assert float(few) == pytest.approx(0.4) and float(boosting_weights(made / data, 0.1, few)[3]) == pytest.approx(4)


def test_all_weigh_alike_where_the_mixture_is_the_data() -> None:
    level = boosting_level(torch.ones(7).double(), 0.3)
    torch.testing.assert_close(boosting_weights(torch.ones(7).double(), 0.3, level), torch.ones(7).double())


def test_the_mean_weight_over_the_data_is_one_in_the_second_component() -> None:
    made = method()
    with torch.no_grad():
        made.ratio.network.network.head.weight.mul_(30)
    turns(made, 0.3)
    assert int(made.component) == 1
    every = torch.cat([made.ratios(batch.main) for batch in made.training_batches()])
    weights = boosting_weights(every, 0.5, made.threshold.double())
    assert float(weights.mean()) == pytest.approx(1, abs=1e-5) and float(weights.std()) > 0.05
    own = next(batches())
    made.real(own)
    wanted = (float(made.threshold) - 0.5 * (-made.ratio.judge(own.main, None).scores.detach()).exp()).clamp_min(
        0
    ) / 0.5
    torch.testing.assert_close(made.importance.real(torch.zeros(16), 0.0), wanted)


def test_weights_are_factors_of_the_real_samples_losses() -> None:
    made = method()
    turns(made, 0.3)
    (discriminator, *_) = turns(made, 0.31)
    weights = made.importance.weights
    assert weights is not None
    judged = made.judge(next(batches()).main, None).scores
    generated = made.judge(made.fake(made.noise(16, Draws(0, int(0.31 * 250), progress=0.31)), None), None).scores
    wanted = weights * torch.nn.functional.softplus(-judged) + torch.nn.functional.softplus(generated)
    torch.testing.assert_close(discriminator.terms["adversarial"], wanted.float())
    assert Importance(relativistic=False).fake(torch.zeros(3), 0.0).tolist() == [1, 1, 1]
    pairs = Importance(relativistic=True)
    pairs.weights = torch.tensor([2.0, 0.0])
    assert pairs.fake(torch.zeros(4), 0.0).tolist() == [2, 2, 0, 0]  # two patches of each


def test_a_part_of_the_mixture_is_what_its_share_says() -> None:
    made = method()
    for component, wanted in enumerate(([1, 0, 0, 0], [0.5, 0.5, 0, 0], [1 / 3] * 3 + [0], [0.25] * 4)):
        made.component.fill_(component)
        torch.testing.assert_close(made.shares, torch.tensor(wanted, dtype=torch.float32))
    constant = method(component_share=0.3)
    constant.component.fill_(2)
    torch.testing.assert_close(constant.shares, torch.tensor([0.49, 0.21, 0.3, 0]))
    chosen = (4 * constant.latents(0, range(4000))[:, -1]).long().bincount(minlength=4) / 4000
    assert float((chosen - constant.shares).abs().max()) < 4 * math.sqrt(0.25 / 4000)
    assert (4 * constant.noise(5, Draws(0, 0))[:, -1]).long().tolist() == [2] * 5


def test_components_learn_one_after_the_other_and_the_ratio_between_them() -> None:
    made = method()
    assert [made.phase(progress) for progress in (0.0, 0.19, 0.21, 0.25, 0.46, 0.76, 0.99)] == [
        (0, False), (0, False), (0, True), (1, False), (1, True), (3, False), (3, False)]  # fmt: skip
    assert [turn.player for turn in turns(made, 0.1)] == ["discriminator", "generator"]
    assert [turn.player for turn in turns(made, 0.21)] == ["ratio"]
    played = turns(made, 0.3)
    played[1].total().backward()
    learning = [any(each.grad is not None for each in part.parameters()) for part in made.generator.generators]
    assert learning == [False, True, False, False]
    assert not any(each.grad is not None for each in made.ratio.parameters())


def test_the_ratio_learns_by_the_cross_entropy_of_data_and_mixture() -> None:
    made = method()
    (turn,) = turns(made, 0.21)
    scores = made.ratio.judge(next(batches()).main, None).scores
    torch.testing.assert_close(turn.signals["real"], scores.detach())
    wanted = torch.log1p((-scores).exp()) + torch.log1p(turn.signals["fake"].exp())
    torch.testing.assert_close(turn.terms["classification"], wanted)


def test_growing_and_replayed_images_are_refused() -> None:
    with pytest.raises(UsageError, match="--growth none --replay 0"):
        method(replay=16)


def test_a_batch_without_classes_is_seen_as_it_is() -> None:
    made, values = method(), torch.rand(4, 2)
    assert torch.equal(made.real(Batch({"vector": values}, torch.arange(4))), values)
    assert made.importance.weights is None and isinstance(made.strengths["learned-from"], Tensor)
