"""One step of StyleGAN2 in float64: lazy R1 and path length, and the steps without them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.methods.gan import Recipe
from belamy.networks.equalised import Noise
from belamy.registry import Part

SMALL = {"base": 16, "widest": 4}


def recipe(**fields: Any) -> Recipe:
    """Narrow networks."""
    return Recipe(
        generator=Part(name="stylegan2", style=5, mapping=2, mixing=0.0, **SMALL),
        discriminator=Part(name="stylegan2", group=3, **SMALL),
        latent=6,
        batch=6,
        train_samples=600,
        penalties=(Part(name="r1", weight=0.7, every=16), Part(name="path-length", weight=1.5, every=4, shrink=2)),
    ).changed(**fields)


def log_chance(scores: Tensor) -> Tensor:
    return -torch.log(1 / (1 + torch.exp(-scores)))


def steepness(score: Any, images: Tensor) -> Tensor:
    """Of the scores at real images, which are compared with each other in groups."""
    at = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(score(at).sum(), at, create_graph=True)
    return (slope * slope).sum((1, 2, 3)) / 2


def squared_lengths(network: Any, z: Tensor, y: Tensor) -> Tensor:
    """|Jᵀy|² by a layer's style at a time, over the paper's L H W / 2."""
    styles = [network.mapping(z) for _ in network.style_layers]
    image = network.synthesize(torch.stack(styles, 1))
    slopes = torch.autograd.grad((image * y).sum(), styles, create_graph=True)
    return sum((slope * slope).sum(1) for slope in slopes) * 2 / (len(styles) * y.shape[2] * y.shape[3])


def test_a_step_with_both_penalties_and_one_without(stage: Any, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Noise, "forward", lambda self, x, _: x + self.strength[:, None, None] * self.constant)
    made = stage(recipe())
    score, generator = made.method.discriminator, made.method.generator
    for step in range(2):
        images, _ = made.batch()
        numbers = made.numbers(step)
        z = numbers.normal("latents", 6, 6)
        turns = made.turns()
        terms = {"adversarial": log_chance(score(images)) + log_chance(-score(generator(z).detach()))}
        if step == 0:
            terms["r1"] = steepness(score, images)
        check(next(turns), "discriminator", score, terms, {"r1": 0.7 * 16})
        played = next(turns)
        terms = {"adversarial": log_chance(score(generator(z)))}
        if step == 0:
            y = numbers.normal("path-length", 3, *images.shape[1:])
            terms["path-length"] = squared_lengths(generator.network, z[:3], y)  # a is 0 at first
        check(played, "generator", generator, terms, {"path-length": 1.5 * 4})
        assert next(turns, None) is None
    length = float(score.penalties["path-length"].length)
    assert length > 0


def test_classes_join_the_latents_of_styles(stage: Any) -> None:
    made = stage(recipe(generator_condition="embedding:size=3", discriminator_condition="projection"))
    for _ in made.turns():
        pass
    method = made.method.eval()
    z, labels = made.numbers().normal("latents", 4, 6), torch.tensor([0, 1, 2, 0])
    styles = method.styles(z, labels)
    assert styles.shape == (4, len(method.style_layers), 5)
    torch.testing.assert_close(method.synthesize(styles), method.generate(z, labels))
    assert not torch.equal(styles, method.styles(z, (labels + 1) % 3))
    assert method.mean_style.shape == (5,) and method.mean_style.any()


def test_a_generator_without_styles_has_none_and_its_paths_are_those_of_latents(stage: Any, check: Any) -> None:
    small = Part(name="digits", width=2, hidden=8)
    made = stage(recipe(generator=small, discriminator=small, penalties=("path-length:every=1",)))
    assert made.method.style_layers == ()
    images, _ = made.batch()
    numbers = made.numbers()
    z = numbers.normal("latents", 6, 6)
    score, generator = made.method.discriminator, made.method.generator
    turns = made.turns()
    next(turns)
    played = next(turns)
    y = numbers.normal("path-length", *images.shape)
    at = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad((generator(at) * y).sum(), at, create_graph=True)
    terms = {"adversarial": log_chance(score(generator(z))), "path-length": (slope * slope).sum(1) * 2 / 64}
    check(played, "generator", generator, terms)
