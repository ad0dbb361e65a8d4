"""The players: what they learn, with every loss and penalty of the registries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from belamy.errors import NotFinite, UsageError
from belamy.evaluation.two_samples import jensen_shannon
from belamy.game import measure
from belamy.game.belief import belief
from belamy.game.figure import draw_frame
from belamy.game.match import Match
from belamy.game.measure import optimal_discriminator
from belamy.game.moment import Moment, Observer
from belamy.game.networks import Discriminator
from belamy.game.record import play
from belamy.game.settings import ADVERSARIAL, PENALTIES, GameSettings
from belamy.registry import Part

SMALL: dict[str, Any] = {"width": 16, "batch": 16, "steps": 4}


def gaussian(x: Tensor, mean: float, deviation: float) -> Tensor:
    return torch.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))


@pytest.mark.parametrize("name", ["non-saturating", "least-squares"])
def test_a_converged_discriminator_is_the_optimal_one(name: str) -> None:
    """Two known densities by quadrature, full batch: D = p/(p+q) within 0.02, and the loss tells JS within 2 %.

    References:
        Goodfellow et al. 2014, arXiv 1406.2661, proposition 1 and theorem 1: the loss is 2 ln 2 - 2 JS.
    """
    torch.manual_seed(0)
    x = torch.linspace(-6, 6, 601, dtype=torch.float64)
    p = (gaussian(x, -1.5, 0.6) + gaussian(x, 1.5, 0.6)) / 2
    q = gaussian(x, 0.5, 1.0)
    p, q = p / p.sum(), q / q.sum()
    network = Discriminator(1, 32, 2, "tanh", reach=6.0).double()
    loss = ADVERSARIAL.build(Part(name=name))
    optimizer = torch.optim.LBFGS(
        network.parameters(), max_iter=250, history_size=30, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        scores = network(x[:, None])
        return (p * loss.on_real(scores) + q * loss.on_fake(scores)).sum()

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = objective()
        value.backward()
        return value

    optimizer.step(closure)  # type: ignore[arg-type]
    read = belief(loss.discriminator, loss.relativistic)
    assert read is not None
    with torch.no_grad():
        stated, value = read(network(x[:, None]).numpy()), float(objective())
    best = optimal_discriminator(p.numpy(), q.numpy())
    there = ((p > 0.01 * p.max()) | (q > 0.01 * q.max())).numpy()
    assert np.abs(stated - best)[there].max() < 0.02
    if name == "non-saturating":
        wanted = float(jensen_shannon(p, q))
        assert math.log(2) - value / 2 == pytest.approx(wanted, rel=0.02)


def test_the_generator_starts_as_the_standard_normal() -> None:
    """So the first moment has closed forms: W1 is the difference of the means where the deviations agree."""
    match = Match(GameSettings().changed(distribution="gaussian:mean=-1.5,deviation=1", **SMALL))
    facts = Observer(match).look().facts
    assert facts["wasserstein_1"] == pytest.approx(1.5, rel=2e-3)
    x = np.linspace(-9, 9, 3601)
    p, q = (np.exp(-((x - mean) ** 2) / 2) for mean in (-1.5, 0.0))
    assert facts["jensen_shannon"] == pytest.approx(
        float(jensen_shannon(*(torch.from_numpy(each / each.sum()) for each in (p, q)))), abs=2e-3
    )


@pytest.mark.parametrize("where", ["gaussian", "ring"])
@pytest.mark.parametrize("name", ADVERSARIAL.names())
def test_every_loss_plays_and_is_looked_at(name: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "HISTOGRAM", 2500)
    monkeypatch.setattr(measure, "PAIRED", 64)
    energy = "autoencoder" if name in ("energy-based", "boundary-equilibrium") else "dense"
    match = Match(GameSettings().changed(distribution=where, loss=name, discriminator=energy, **SMALL))
    before = [parameter.clone() for parameter in (*match.generator.parameters(), *match.discriminator.parameters())]
    for _ in range(3):
        match.play()
    after = [*match.generator.parameters(), *match.discriminator.parameters()]
    assert sum(not torch.equal(old, new) for old, new in zip(before, after, strict=True)) >= len(after) - 1
    moment = Observer(match).look()
    assert all(value is None or math.isfinite(value) for value in moment.facts.values())
    assert np.isfinite(moment.pushes).all() and moment.verdict.min() >= 0 and moment.verdict.max() <= 1


@pytest.mark.parametrize("name", PENALTIES.names())
def test_every_penalty_plays(name: str) -> None:
    settings = GameSettings().changed(distribution="moons", penalties=name, **SMALL)
    needs = {
        "consistency": "needs images, but a game has points: consistency",
        "mutual-information": "mutual-information needs codes",
        "self-supervised": "self-supervised needs feature maps",
    }
    if name in needs:
        with pytest.raises(UsageError, match=needs[name]):
            Match(settings).play()
        return
    match = Match(settings)
    for _ in range(3):
        match.play()
    assert all(torch.isfinite(parameter).all() for parameter in match.discriminator.parameters())


def test_a_game_is_a_function_of_its_seed() -> None:
    def ends(seed: int) -> Tensor:
        match = Match(GameSettings().changed(distribution="grid", loss="hinge", seed=seed, **SMALL))
        match.play()
        return match.generator(torch.ones(1, 2)).detach()

    torch.manual_seed(5)
    first = ends(1)
    torch.manual_seed(6)
    assert torch.equal(first, ends(1)) and not torch.equal(first, ends(2))


@pytest.mark.parametrize("name", ["non-saturating", "relativistic-average", "wasserstein"])
def test_the_field_is_minus_the_gradient_of_the_generator_s_loss(name: str) -> None:
    """Against finite differences of the summed loss when one generated sample moves among others."""
    match = Match(GameSettings().changed(distribution="ring", loss=name, **SMALL))
    match.play()
    match.discriminator.double()
    observer = Observer(Match(GameSettings().changed(distribution="ring", loss=name, **SMALL)))
    observer.match = match
    numbers = np.random.default_rng(0)
    real, fake = numbers.normal(size=64), numbers.normal(size=64)
    at = torch.tensor([[0.7, -0.4]], dtype=torch.float64)
    (push,) = observer.pushes(at, real, fake)

    def loss(point: Tensor) -> float:
        scores = torch.cat([match.discriminator(point).detach(), torch.from_numpy(fake[:63])])
        return float(match.objective.adversarial.generator(scores, torch.from_numpy(real)).sum())

    steps = 1e-5 * torch.eye(2, dtype=torch.float64)
    slopes = [(loss(at + step) - loss(at - step)) / 2e-5 for step in steps]
    assert push == pytest.approx([-slope for slope in slopes], rel=1e-4, abs=1e-8)


def test_learning_rates_fall_on_a_cosine() -> None:
    match = Match(GameSettings().changed(steps=10, width=8, batch=4, lr=1e-2, final_lr=0.1))
    rates = []
    for _ in range(6):
        match.play()
        rates.append(match.trainer.optimizers["generator"].torch.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(1e-2) and rates[5] == pytest.approx(1e-2 * 0.55)


def test_relativistic_pairing_with_both_penalties_finds_a_coarse_ring() -> None:
    """A small version of the benchmark's claim: every mode of a ring of wide modes within seconds."""
    fields: dict[str, Any] = {"loss": "relativistic-pairing", "penalties": ("r1:weight=0.1", "r2:weight=0.1")}
    match = Match(GameSettings().changed(distribution="ring:modes=4,deviation=0.2", steps=300, width=64, batch=64,
                                     lr=2e-3, discriminator_lr=2e-3, **fields))  # fmt: skip
    first = Observer(match).look().facts
    while match.step < 300:
        match.play()
    last = Observer(match).look().facts
    assert last["modes_covered"] == 4 and last["wasserstein_1"] < 0.4 * first["wasserstein_1"]  # type: ignore[operator]
    assert last["quality"] > 0.7  # type: ignore[operator]


def test_a_game_that_is_not_finite_stops_with_advice() -> None:
    match = Match(GameSettings().changed(loss="wasserstein", **SMALL))
    with torch.no_grad():
        match.discriminator.network.network.last.bias.fill_(math.inf)
    with pytest.raises(NotFinite, match=r"at step 0\. Type a smaller --lr"):
        match.play()


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"latent": 3}, "latent is 3"), ({"steps": 0}, "steps"), ({"stepz": 1}, "Did you mean 'steps'"),
     ({"loss": "hing"}, "Did you mean 'hinge'"), ({"penalties": "r1:wait=2"}, "weight"), ({"frames": 120}, "1..119")],
)  # fmt: skip
def test_wrong_settings(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        play("gaussian", **fields)


@pytest.mark.parametrize("where", ["gaussian-pair", "swiss-roll"])
def test_frames_show_the_moment(where: str) -> None:
    record = play(where, frames=2, **SMALL)
    first, last = record.frame(0), record.frame()
    assert first.shape == last.shape == (600, 960, 3) and first.dtype == np.uint8
    assert (first != last).any() and len(np.unique(last.reshape(-1, 3), axis=0)) > 100
    hidden = Moment(**{**record.moments[-1].__dict__, "fake": record.moments[-1].fake + 1000})
    if where == "swiss-roll":
        orange = (last[..., 0].astype(int) - last[..., 2] > 90).sum()
        gone = draw_frame(record.caption, [hidden], 0)
        assert (gone[..., 0].astype(int) - gone[..., 2] > 90).sum() < 0.5 * orange
