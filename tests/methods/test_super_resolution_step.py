"""One step of super-resolution against Ledig et al. 2016, arXiv 1609.04802, and Wang et al. 2018, arXiv 1809.00219,
turn by turn in float64."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.dataset import Dataset, Memory
from belamy.methods import perception
from belamy.methods.super_resolution import Recipe
from belamy.networks.blur_kernels import sharpened
from belamy.registry import Part
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

SCALE = 2


@pytest.fixture
def scenes() -> Dataset:
    """24 colour pictures of 16x24 pixels, smooth enough to have something that can be enlarged."""
    numbers = torch.rand(24, 3, 4, 6, generator=torch.Generator().manual_seed(2))
    pixels = torch.nn.functional.interpolate(numbers, (16, 24), mode="bilinear") * 255
    return Dataset("scenes", Memory(pixels.to(torch.uint8)))


def recipe(**fields: Any) -> Recipe:
    usual = {
        "generator": Part(name="srresnet", width=4, blocks=1),
        "discriminator": Part(name="patch-gan", width=3, receptive_field=16),
        "scale": SCALE,
        "batch": 5,
        "train_samples": 60,
        "symmetries": False,
        "adversarial": Part(name="non-saturating"),
        "first_stage": 0.0,
    }
    return Recipe(**{**usual, **fields})


def reduction(side: int) -> Tensor:
    """Keys' cubic of a = -1/2, twice as wide as the reduction is, as a matrix whose rows sum to 1."""

    def keys(x: float) -> float:
        x = abs(x)
        if x < 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    rows = []
    for place in range(side // SCALE):
        centre = (place + 0.5) * SCALE
        row = torch.tensor([keys((pixel + 0.5 - centre) / SCALE) for pixel in range(side)], dtype=torch.float64)
        rows.append(row / row.sum())
    return torch.stack(rows)


def small(pictures: Tensor) -> Tensor:
    """Bicubic reduction, as bytes hold it."""
    reduced = reduction(pictures.shape[2]) @ pictures @ reduction(pictures.shape[3]).T
    return ((reduced.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def sharp(made: Any) -> Tensor:
    batch = next(made.batches)
    pixels = made.data.images(batch.indices).double()
    torch.testing.assert_close(batch.main.double(), pixels / 127.5 - 1, rtol=0, atol=1e-6)
    return batch.main.double()


def mean(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1) / values[0].numel()


def chance(scores: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-scores))


def perceptual(one: Tensor, other: Tensor) -> Tensor:
    """LPIPS without weights: twice what cosines of features lack of 1, by loops over pictures and layers."""
    eyes = perception.perceptual_network(one)
    found, wanted = (perception.seen(eyes, pictures, perception.SEEN) for pictures in (one, other))
    rows = []
    for number in range(len(one)):
        shares = []
        for name in perception.SEEN:
            a, b = found[name][number], wanted[name][number]
            cosines = (a * b).sum(0) / (a.square().sum(0) * b.square().sum(0)).sqrt()
            shares.append((2 - 2 * cosines).mean())
        rows.append(torch.stack(shares).sum())
    return torch.stack(rows)


@pytest.mark.parametrize(("loss", "power"), [("absolute-error", 1), ("squared-error", 2)])
def test_the_first_stage_knows_pixels_alone(stage: Any, check: Any, scenes: Dataset, loss: str, power: int) -> None:
    made = stage(recipe(first_stage=0.5, pixel=loss, pixel_weight=9.0), scenes)
    y = sharp(made)
    turns = made.turns()
    generator = made.method.generator
    check(next(turns), "generator", generator, {"pixel": mean((generator(small(y)) - y).abs() ** power)})
    assert next(turns, None) is None
    for kept, now in zip(made.method.faithful.parameters(), generator.parameters(), strict=True):
        assert torch.equal(kept, now) and not kept.requires_grad


def test_the_second_stage_of_srgan(stage: Any, check: Any, scenes: Dataset) -> None:
    made = stage(recipe(pixel_weight=0.0, perceptual_weight=1.0, adversarial_weight=1e-3), scenes)
    y = sharp(made)
    generator, judge = made.method.generator, made.method.discriminator
    before = [each.clone() for each in made.method.faithful.parameters()]
    turns = made.turns()
    fake = generator(small(y))
    told = mean(-chance(judge(y)).log() - (1 - chance(judge(fake.detach()))).log())
    check(next(turns), "discriminator", judge, {"adversarial": told})
    second = next(turns)  # now the discriminator has learned
    fake = generator(small(y))
    terms = {
        "pixel": mean((fake - y).abs()),
        "perceptual": perceptual(fake, y),
        "adversarial": mean(-chance(judge(fake)).log()),
    }
    check(second, "generator", generator, terms, {"pixel": 0.0, "perceptual": 1.0, "adversarial": 1e-3})
    assert next(turns, None) is None
    assert all(torch.equal(old, new) for old, new in zip(before, made.method.faithful.parameters(), strict=True))


def test_the_second_stage_of_esrgan_compares_real_and_generated(stage: Any, check: Any, scenes: Dataset) -> None:
    """L_D = -E log σ(C(y) - E C(f)) - E log(1 - σ(C(f) - E C(y))), and the generator's with the two exchanged."""
    made = stage(
        recipe(adversarial=Part(name="relativistic-average"), pixel_weight=1e-2, adversarial_weight=5e-3), scenes
    )
    y = sharp(made)
    generator, judge = made.method.generator, made.method.discriminator
    turns = made.turns()
    real, fake = judge(y), judge(generator(small(y)).detach())
    told = mean(-chance(real - fake.mean()).log() - (1 - chance(fake - real.mean())).log())
    first = next(turns)
    factor = float(first[0].terms["adversarial"].detach().mean() / told.detach().mean())  # some halve the sum
    assert factor == pytest.approx(1.0) or factor == pytest.approx(0.5)
    check(first, "discriminator", judge, {"adversarial": told * factor})
    second = next(turns)
    picture = generator(small(y))
    fake, real = judge(picture), judge(y).detach()
    adversarial = mean(-(1 - chance(real - fake.mean())).log() - chance(fake - real.mean()).log())
    terms = {"pixel": mean((picture - y).abs()), "perceptual": perceptual(picture, y)}
    weights = {"pixel": 1e-2, "perceptual": 1.0, "adversarial": 5e-3}
    check(second, "generator", generator, {**terms, "adversarial": adversarial * factor}, weights)


def test_the_generator_may_aim_at_sharpened_pictures(stage: Any, check: Any, scenes: Dataset) -> None:
    """The discriminator sees them as they are."""
    made = stage(recipe(sharpening=0.5, pixel_weight=1.0, adversarial_weight=0.1), scenes)
    y = sharp(made)
    generator, judge = made.method.generator, made.method.discriminator
    turns = made.turns()
    fake, aim = generator(small(y)), sharpened(y, 0.5)
    assert not torch.equal(aim, y)
    told = mean(-chance(judge(y)).log() - (1 - chance(judge(fake.detach()))).log())
    check(next(turns), "discriminator", judge, {"adversarial": told})
    second = next(turns)
    fake = generator(small(y))
    terms = {
        "pixel": mean((fake - aim).abs()),
        "perceptual": perceptual(fake, aim),
        "adversarial": mean(-chance(judge(fake)).log()),
    }
    check(second, "generator", generator, terms, {"pixel": 1.0, "perceptual": 1.0, "adversarial": 0.1})


def test_what_the_first_stage_leaves_is_an_average(stage: Any, scenes: Dataset) -> None:
    """By hand: the share of each step is 1 - 2^(-batch / h), h at most a tenth of the samples seen."""
    made = stage(recipe(first_stage=0.5, ema_half_life=2), scenes)
    generator, kept = made.method.generator.last.weight, made.method.faithful.last.weight
    wanted = kept.clone()
    for step in range(3):
        for _ in made.turns():
            pass
        half_life = min(2.0, 5 * (step + 1) / 10)
        share = 1 - math.pow(0.5, 5 / half_life)
        wanted = wanted + share * (generator.detach() - wanted)
        torch.testing.assert_close(kept, wanted, rtol=1e-12, atol=1e-14)


def test_the_knob_mixes_weights(stage: Any, scenes: Dataset) -> None:
    method = stage(recipe(), scenes).method.eval()
    with torch.no_grad():
        for parameter in method.faithful.parameters():
            parameter.mul_(0.5)
        given = torch.rand(2, 3, 5, 7, dtype=torch.float64) * 2 - 1
        whole, none = method.translate(given, None), method.translate(given, None, {"blend": 0.0})
        assert torch.equal(whole, method.generator(given).clamp(-1, 1))
        assert torch.equal(none, method.faithful(given).clamp(-1, 1))
        before = [each.clone() for each in method.generator.parameters()]
        mixed = method.translate(given, None, {"blend": 0.25})
        assert all(torch.equal(a, b) for a, b in zip(before, method.generator.parameters(), strict=True))
        for now, kept in zip(method.generator.parameters(), method.faithful.parameters(), strict=True):
            now.copy_(0.25 * now + 0.75 * kept)
        torch.testing.assert_close(mixed, method.generator(given).clamp(-1, 1), rtol=1e-9, atol=1e-12)


def test_hidden_colours_do_not_bleed(stage: Any, scenes: Dataset) -> None:
    """A half-transparent edge between opaque red and nothing, under which there is green."""
    method = stage(recipe(generator=Part(name="srresnet", width=4, blocks=1, base="bicubic")), scenes).method.eval()
    opacity = torch.full((1, 1, 8, 12), -1.0, dtype=torch.float64)
    opacity[..., :6], opacity[..., 6] = 1.0, 0.0
    red = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 8, 12)
    hidden = red.clone()
    hidden[:, :, :, 7:] = -red[:, :, :, 7:]
    with torch.no_grad():
        made = method.translate(torch.cat([hidden, opacity], 1), None)
        torch.testing.assert_close(made, method.translate(torch.cat([red, opacity], 1), None), rtol=0, atol=1e-9)
        assert made.shape == (1, 4, 16, 24)
        opaque = torch.cat([hidden, torch.ones_like(opacity)], 1)
        assert torch.equal(method.translate(opaque, None)[:, :3], method.translate(hidden, None))


def test_squares_are_cut_and_turned(stage: Any, scenes: Dataset) -> None:
    """Each is one of the eight symmetries of a square of the picture, and not all are the same."""
    made = stage(recipe(crop=8, symmetries=True), scenes)
    y = sharp(made)
    drawn = made.method.drawn(y, made.numbers())
    found = []
    for picture, square in zip(y, drawn, strict=True):
        squares = picture.unfold(1, 8, 1).unfold(2, 8, 1).permute(1, 2, 0, 3, 4).reshape(-1, 3, 8, 8)
        forms = [squares.rot90(turns, (2, 3)) for turns in range(4)]
        forms += [form.flip(3) for form in forms]
        places = [(form == square).flatten(1).all(1).any() for form in forms]
        assert any(places)
        found.append(places.index(True))
    assert len(set(found)) > 1


def test_a_batch_in_parts_leaves_the_same_average(scenes: Dataset) -> None:
    """The first stage's network follows once a step, however many micro-batches play."""
    plain = recipe(
        generator=Part(name="srresnet", width=4, blocks=1, normalised=False), first_stage=0.5, batch=6, ema_half_life=4
    )
    found = []
    for micro_batch in (None, 2):
        options = Options(device="cpu", precision="float64", progress=False, micro_batch=micro_batch)
        engine = make_trainer(plain, scenes.spec, scenes, options, World())
        for _ in range(3):
            engine.step()
        found.append(engine.method.faithful.state_dict())  # type: ignore[union-attr, operator]
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], rtol=1e-6, atol=1e-9)
