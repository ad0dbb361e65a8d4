"""One step of SPADE against Park et al. 2019, arXiv 1903.07291, term by term in float64; its styles."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import open_data
from belamy.data.dataset import Dataset
from belamy.errors import UsageError
from belamy.methods.spade import Recipe
from belamy.modalities.label_map import edges
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.registry import Part
from belamy.seeds import SampleDraws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer


@pytest.fixture(scope="module")
def streets() -> Dataset:
    return open_data("streets:side=32,count=24")


def recipe(**fields: Any) -> Recipe:
    usual = {
        "generator": Part(name="spade", width=3, hidden=5, latent=4),
        "discriminator": Part(name="multi-scale", width=3, count=2, receptive_field=16),
        "encoder_width": 3,
        "batch": 4,
        "train_samples": 96,
        "mirror": False,
        "generator_weights": (),
        "discriminator_weights": (),
    }
    return Recipe(**{**usual, **fields})


def mean(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1)


@pytest.mark.parametrize("perceptual", [10.0, 0.0])
def test_every_term_and_the_weighted_total(stage: Any, check: Any, streets: Dataset, perceptual: float) -> None:
    made = stage(recipe(perceptual_weight=perceptual), streets)
    method = made.method
    batch = next(made.batches)
    raw = made.data.raw(batch.indices)
    classes, x = raw["label_map"].long(), batch["target"].double()
    one_hot = torch.stack([(classes == k).double() for k in range(9)], 1)
    m = torch.cat([one_hot, edges(raw["instances"].long()).unsqueeze(1).double()], 1)
    noise = made.numbers().normal("style", 4, 4)

    def painted() -> tuple[Tensor, Tensor]:
        mu, log_variance = method.encoder(x)
        sigma = log_variance.exp().sqrt()
        divergence = -0.5 * (1 + log_variance - mu.square() - sigma.square()).sum(1)
        return method.generator.paint(m, mu + sigma * noise), divergence

    def judged(pictures: Tensor) -> Any:
        return method.discriminator.scales(torch.cat([m, pictures], 1), features=True)

    turns = made.turns()
    real, fake = judged(x), judged(painted()[0].detach())
    hinge = sum(
        mean(torch.relu(1 - r.scores)) + mean(torch.relu(1 + f.scores)) for r, f in zip(real, fake, strict=True)
    )
    check(next(turns), "discriminator", method.discriminator, {"adversarial": hinge})
    second = next(turns)
    picture, divergence = painted()
    real, fake = judged(x), judged(picture)
    terms = {
        "adversarial": sum(mean(-f.scores) for f in fake),
        "matching": sum(
            mean((a - b.detach()).abs())
            for r, f in zip(real, fake, strict=True)
            for a, b in zip(f.features, r.features, strict=True)
        ),
    }
    if perceptual:
        network = EfficientNetLite.pretrained().double().eval()
        names = ("stem", "b2", "b4", "b7")
        found, wanted = (network.outputs(network.prepare((each + 1) / 2), names) for each in (picture, x))
        terms["perceptual"] = sum(
            share * mean((found[name] - wanted[name]).abs())
            for share, name in zip((1 / 8, 1 / 4, 1 / 2, 1), names, strict=True)
        )
    terms["style"] = divergence
    weights = {"matching": 10.0, "style": 0.05, **({"perceptual": perceptual} if perceptual else {})}
    module = torch.nn.ModuleDict({"generator": method.generator, "encoder": method.encoder})
    check(second, "generator", module, terms, weights)
    assert next(turns, None) is None


def trainer(made: Recipe, data: Dataset) -> Trainer:
    return make_trainer(made, data.spec, data, Options(device="cpu", progress=False), World())


def test_weights_have_spectral_norm_1_unless_asked_otherwise(streets: Dataset) -> None:
    spectral = (Part(name="spectral", iterations=3),)
    engine = trainer(recipe(generator_weights=spectral, discriminator_weights=spectral), streets)
    engine.step()
    for network in engine.method.eval().networks().values():
        layers = [part for part in network.modules() if getattr(part, "parametrizations", None)]
        assert len(layers) >= 5
        for layer in layers:
            weight: Any = layer.weight
            largest = torch.linalg.matrix_norm(weight.flatten(1), 2)
            assert 0.95 < float(largest.detach()) < 1.3


def test_resumed_it_goes_on_bit_for_bit(streets: Dataset) -> None:
    spectral = (Part(name="spectral"),)
    made = recipe(generator_weights=spectral, discriminator_weights=spectral, mirror=True, ema_half_life=8)
    whole, resumed = trainer(made, streets), trainer(made, streets)
    for _ in range(2):
        whole.step()
    state = whole.state()
    resumed.load_state(
        type(state)(
            state.samples, state.step, state.position, 0.0, {key: value.clone() for key, value in state.tensors.items()}
        )
    )
    for engine in (whole, resumed):
        for _ in range(2):
            engine.step()
    mine, its = whole.state().tensors, resumed.state().tensors
    assert mine.keys() == its.keys() and not [key for key in mine if not torch.equal(mine[key], its[key])]
    assert not [key for key in mine if key.startswith("method/perceptual")]  # what comes with the package is not saved


@torch.no_grad()
def test_one_map_has_as_many_pictures_as_seeds(streets: Dataset) -> None:
    method: Any = trainer(recipe(), streets).method.eval()
    source = streets.batch(torch.arange(2)).main
    one = method.translate(source, SampleDraws(0, [3, 4]))
    assert one.shape == (2, 3, 32, 32)
    torch.testing.assert_close(one[1:], method.translate(source[1:], SampleDraws(0, [4])))
    assert not torch.equal(one, method.translate(source, SampleDraws(1, [3, 4])))
    style = method.style(streets.batch(torch.arange(2))["target"])
    assert torch.equal(method.painted(source, style), method.painted(source, style))


def test_a_network_without_styles_is_refused(streets: Dataset) -> None:
    with pytest.raises(UsageError, match=r"Styles are for the network 'spade', but the generator is 'u-net'"):
        trainer(recipe(generator=Part(name="u-net", width=4, depth=2)), streets)
