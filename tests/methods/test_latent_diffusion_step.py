"""Latent diffusion: both stages in float64 by hand, the scale of the latents, a kill at the change of stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.losses.perceptual.content import mean_relative
from belamy.methods import perception
from belamy.methods.latent_diffusion import Method, Recipe
from belamy.methods.vq_vae import Method as VqMethod
from belamy.methods.vq_vae import Recipe as VqRecipe
from belamy.modalities.fields import DataSpec
from belamy.networks.latent_autoencoder import LatentScale
from belamy.registry import Part
from belamy.sampling.draw import generated
from belamy.seeds import Draws, SampleDraws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

DOUBLE = torch.float64
SHAPE = (3, 16, 16)


def pictures(count: int = 40) -> Dataset:
    pixels = torch.randint(0, 256, (count, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    return Dataset("noise", Memory(pixels), labels=torch.arange(count) % 3, classes=[*"abc"])


def narrow(**fields: Any) -> Recipe:
    return Recipe.tiny().changed(clip_norm=None, downsampling=4, **fields)


def test_a_step_of_the_first_stage(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Rombach et al., equations of appendix G; the weight of the game: Esser et al., equation 7."""
    on = stage(narrow(perceptual_weight=0.3, kl_weight=0.02, first_stage=0.9, adversarial_weight=0.7), pictures())
    images, _ = on.batch()
    network, judge = on.method.autoencoder, on.method.discriminator
    noise = on.numbers().normal("posterior", len(images), 4, 4, 4)

    def coded() -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = network.encoder(images).chunk(2, 1)
        return network.decoder(mean + (log_variance / 2).exp() * noise), mean, log_variance

    made, mean, log_variance = coded()
    real, fake = (judge(each).flatten(1) for each in (images, made.detach()))
    hinge = (1 - real).clamp(min=0).mean(1) + (1 + fake).clamp(min=0).mean(1)
    turns = on.turns()
    check(next(turns), "discriminator", judge, {"adversarial": hinge})
    played = next(turns)  # the discriminator has learned
    eyes = perception.perceptual_network(images)
    seen, wanted = (perception.seen(eyes, each, perception.SEEN) for each in (made, images))
    terms = {
        "reconstruction": (made - images).abs().flatten(1).mean(1), "perceptual": mean_relative(seen, wanted),
        "kl": (mean**2 + log_variance.exp() - 1 - log_variance).flatten(1).sum(1) / 2 / images[0].numel(),
        "adversarial": -judge(made).flatten(1).mean(1),
    }  # fmt: skip
    last = network.decoder[-2].conv.weight
    faithful = (terms["reconstruction"] + 0.3 * terms["perceptual"]).mean()
    one, other = (torch.autograd.grad(each, last, retain_graph=True)[0].norm()
                  for each in (faithful, terms["adversarial"].mean()))  # fmt: skip
    weights = {"perceptual": 0.3, "kl": 0.02, "adversarial": 0.7 * float(one / (other + 1e-6))}
    check(played, "autoencoder", network, terms, weights)
    assert list(turns) == []


def test_a_step_of_the_second_stage(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """The loss of EDM on latents whose mean is 0 and whose deviation is 1."""
    on = stage(narrow(first_stage=0.5, label_dropout=0.5, level_mean=-0.3), pictures())
    on.engine.clock.samples, progress = 48, 0.5
    for parameter in on.method.autoencoder.parameters():
        parameter.data += 0.1  # its average is what counts
    images, labels = on.batch()
    numbers, count = on.numbers(progress=progress), len(images)
    latents = on.method.steady.encoder(images).chunk(2, 1)[0].detach()
    mean = latents.mean((0, 2, 3), keepdim=True)
    clean = (latents - mean) / (latents - mean).square().mean().sqrt()
    sigma = (1.2 * numbers.normal("level", count) - 0.3).exp()[:, None, None, None]
    labels = torch.where(numbers.uniform("hidden", count) < 0.5, 3, labels)
    noisy, wide = clean + sigma * numbers.normal("noise", count, 4, 4, 4), (sigma**2 + 1).sqrt()
    answer = on.method.network.inner(noisy / wide, sigma.flatten().log() / 4, labels)
    wanted = (clean - noisy / wide**2) * wide / sigma
    check(next(on.turns()), "model", on.method.network, {"denoising": (answer - wanted).square().flatten(1).mean(1)})


def test_codes_hold_latents_together(stage: Callable[..., Any]) -> None:
    codes = Part(name="vector", codes=6, dimensions=4)
    on = stage(narrow(quantiser=codes, first_stage=0.5, adversarial_weight=0.0, perceptual_weight=0.0), pictures())
    images, _ = on.batch()
    network = on.method.autoencoder
    quantised = network.quantiser(network.encode(images))
    ((turn, _),) = on.turns()
    assert turn.terms.keys() == {"reconstruction", "codebook", "commitment"}
    torch.testing.assert_close(turn.terms["commitment"], quantised.terms["commitment"])
    assert on.method.idle.min() == 0 and "discriminator" not in on.method.networks()
    grid = Method(narrow(quantiser=Part(name="finite-scalar", levels=(3, 3))), DataSpec.pictures(SHAPE)).double()
    twice = grid.steady.decode(torch.tensor([0.6, 0.7]).double()[:, None, None, None].expand(2, 2, 4, 4))
    torch.testing.assert_close(twice[0], twice[1])  # both are rounded to the same place of the grid


def test_the_scale_is_that_of_all_latents_together() -> None:
    latents = torch.randn(50, 3, 2, 2, dtype=DOUBLE) * torch.tensor([0.1, 5, 2])[:, None, None].double() + 40
    scale = LatentScale(3, 45).double()
    for part in latents.split(10):
        scale.observe(part)
    centred = latents - latents.mean((0, 2, 3), keepdim=True)
    torch.testing.assert_close(scale.mean, latents.mean((0, 2, 3))[:, None, None])
    torch.testing.assert_close(scale.variance, centred.square().mean())
    torch.testing.assert_close(scale(latents), centred / centred.square().mean().sqrt())
    torch.testing.assert_close(scale.inverse(scale(latents)), latents)
    before = scale.mean.clone()
    scale.observe(latents + 1)
    assert torch.equal(scale.mean, before) and int(scale.seen) == 50
    given = Method(narrow(sigma_data=4.0, centre=0.5), DataSpec.pictures(SHAPE)).scale
    given.observe(latents[:, :1].repeat(1, 4, 1, 1))
    torch.testing.assert_close(given(latents), (latents - 0.5) / 4)


def trainer(**fields: Any) -> Trainer:
    recipe, data = narrow(first_stage=0.5, adversarial_start=0.5, perceptual_weight=0.0, **fields), pictures()
    return make_trainer(recipe, data.spec, data, Options(device="cpu", progress=False), World())


@pytest.mark.parametrize("stop", [5, 6, 7])
def test_a_kill_at_the_change_of_stages_changes_nothing(goes_on: Callable[..., None], stop: int) -> None:
    """Of 12 steps 6 are the first stage's; the run is killed before, at and after the change."""
    goes_on(trainer(), trainer(), stop, 9)


def test_who_learns_when() -> None:
    on = trainer()
    told = []
    for _ in range(12):
        told.append(" ".join(turn.player for turns in on.turns() for turn in turns))
        on.step()
    assert told == ["autoencoder"] * 3 + ["discriminator autoencoder"] * 3 + ["model"] * 6


def test_the_average_of_the_autoencoder_follows_it() -> None:
    """Half of what it was is left after the half-life, which is at most a tenth of the samples seen."""
    on = trainer()
    method: Any = on.method
    weight = method.steady.last_layer.clone()
    for step in range(3):
        on.step()
        half_life = min(16, 8 * (step + 1) / 10)
        weight.lerp_(method.autoencoder.last_layer.detach(), 1 - 0.5 ** (8 / half_life))
    torch.testing.assert_close(method.steady.last_layer, weight)


def test_the_autoencoder_rests_in_the_second_stage() -> None:
    """Samples are decoded by what encoded the latents that were learned: its average, which no longer moves."""
    on = trainer()
    for _ in range(6):
        on.step()
    method: Any = on.method
    steady = {name: value.clone() for name, value in method.steady.state_dict().items()}
    live = {name: value.clone() for name, value in method.autoencoder.state_dict().items()}
    assert any(not torch.equal(steady[name], live[name]) for name in live)
    assert "spread" not in method.eval().evaluate(on.dataset.batch(torch.arange(4)), Draws(0, 0))
    method.train()
    for _ in range(6):
        on.step()
    assert all(torch.equal(value, method.steady.state_dict()[name]) for name, value in steady.items())
    assert all(torch.equal(value, method.autoencoder.state_dict()[name]) for name, value in live.items())
    found = method.eval().evaluate(on.dataset.batch(torch.arange(32)), Draws(0, 0))
    assert float(found["spread"].mean()) == pytest.approx(1, abs=0.1)
    assert float(method.network.sigma_data) == 1 and float(method.network.centre) == 0
    drawn = next(generated(method, 2, options={"guidance": 2.0}))
    shown = method.show(on.dataset.batch(torch.arange(2)), SampleDraws(0, range(2)))
    assert drawn.shape == (2, *SHAPE) and list(shown) == ["picture", "reconstruction", "sample"]


@pytest.mark.parametrize(
    ("fields", "shape", "says"),
    [
        ({"downsampling": 3}, SHAPE, "downsampling is 3, but it must be 2, 4, 8 or 16"),
        ({"width": 12}, SHAPE, "width is 12, but it must be a multiple of 8"),
        ({"downsampling": 4}, (3, 28, 28), "Latents of pictures of 28 are 7, .* does not take them. Type --size 32"),
        ({"downsampling": 4}, (3, 30, 30), "multiples of 4, but these are 30 wide"),
        ({}, (5, 16, 16), "5 channels, which no pretrained network sees. Type --perceptual-weight 0"),
    ],
)
def test_wrong_pictures_and_options(fields: dict[str, Any], shape: tuple[int, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Method(Recipe.tiny().changed(**fields), DataSpec.pictures(shape))


def test_a_law_of_codes_needs_codes() -> None:
    with pytest.raises(UsageError, match=r"the quantiser 'none' makes none\. Leave it out"):
        VqMethod(VqRecipe(quantiser=Part(name="none")), DataSpec.pictures((1, 28, 28)))
