"""One step of methods that fill holes against their papers, turn by turn in float64."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.data.dataset import Dataset, Memory
from belamy.data.holes import HoleShapes
from belamy.errors import UsageError
from belamy.methods.context_encoder import Recipe as ContextRecipe
from belamy.methods.filling import joining, surrounded
from belamy.methods.inpainting import Recipe
from belamy.modalities.fields import Field
from belamy.modalities.image import Modality, to_float, to_uint8
from belamy.registry import Part
from belamy.seeds import SampleDraws, derive

DOUBLE = torch.float64
NAMES = ("hole_weight", "valid_weight", "perceptual_weight", "style_weight", "roughness_weight")


@pytest.fixture
def colours() -> Dataset:
    """24 random pictures of 32x24 pixels."""
    pixels = torch.randint(0, 256, (24, 3, 32, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Dataset("colours", Memory(pixels))


def recipe(**fields: Any) -> Recipe:
    usual = {
        "generator": Part(name="partial-conv", width=3, depth=2), "batch": 5, "train_samples": 60, "mirror": False,
        "discriminator": Part(name="patch-gan", width=3, receptive_field=16),
    }  # fmt: skip
    return Recipe(**{**usual, **fields})


def given(made: Any) -> tuple[Tensor, Tensor]:
    """The next pictures in float64, and what is known of them."""
    batch = next(made.batches)
    x = batch.main.double()
    digits = (made.numbers().uniform("holes", 5, 3) * 256).long()
    chosen = (digits @ torch.tensor([65536, 256, 1])).tolist()
    streams = [torch.Generator().manual_seed(derive(made.recipe.seed, "holes", number)) for number in chosen]
    return x, HoleShapes("mixed", 0.1, 0.5).known((32, 24), streams, x)


def mean(values: Tensor) -> Tensor:
    """Of each sample."""
    return values.flatten(1).sum(1) / values[0].numel()


def chance(scores: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-scores))


def gram(features: Tensor) -> Tensor:
    """Products of features over the size of their layer."""
    return torch.einsum("nchw,ndhw->ncd", features, features) / features[0].numel()


def rough(z: Tensor, known: Tensor) -> Tensor:
    """Equation 6 of Liu et al.: pairs of neighbours within the holes dilated by one pixel."""
    region = F.conv2d(1 - known, torch.ones(1, 1, 3, 3, dtype=DOUBLE), padding=1) > 0
    across = ((z[..., 1:] - z[..., :-1]).abs() * (region[..., 1:] & region[..., :-1])).flatten(1).sum(1)
    down = ((z[..., 1:, :] - z[..., :-1, :]).abs() * (region[..., 1:, :] & region[..., :-1, :])).flatten(1).sum(1)
    return (across + down) / z[0].numel()


class TestPartialConvolution:
    def test_the_terms_and_weights_of_the_paper(self, stage: Any, check: Any, colours: Dataset) -> None:
        made = stage(recipe(), colours)
        x, m = given(made)
        assert 0.1 < float((1 - m).mean()) < 0.5
        generator, eyes = made.method.generator, made.method.eyes
        y = generator(x * m, m)
        z = m * x + (1 - m) * y
        seen, of_y, of_z = eyes(x), eyes(y), eyes(z)
        assert len(seen) == 3
        terms = {
            "hole": mean(((y - x) * (1 - m)).abs()),
            "valid": mean(((y - x) * m).abs()),
            "perceptual": sum(mean((u - s).abs()) for of in (of_y, of_z) for u, s in zip(of, seen, strict=True)),
            "style": sum(mean((gram(u) - gram(s)).abs()) for of in (of_y, of_z) for u, s in zip(of, seen, strict=True)),
            "roughness": rough(z, m),
        }
        weights = {"hole": 6.0, "valid": 1.0, "perceptual": 0.05, "style": 120.0, "roughness": 0.1}
        turns = made.turns()
        check(next(turns), "generator", generator, terms, weights)
        assert next(turns, None) is None

    def test_what_is_made_can_lie_on_surroundings(self, stage: Any, check: Any, colours: Dataset) -> None:
        made = stage(recipe(on_surroundings=True, perceptual_weight=0, style_weight=0, roughness_weight=0), colours)
        x, m = given(made)
        y = made.method.generator(x * m, m) + surrounded(x, m)
        terms = {"hole": mean(((y - x) * (1 - m)).abs()), "valid": mean(((y - x) * m).abs())}
        check(next(made.turns()), "generator", made.method.generator, terms, {"hole": 6.0, "valid": 1.0})

    def test_in_the_second_phase_the_encoders_statistics_are_held(self, stage: Any, colours: Dataset) -> None:
        made = stage(recipe(held_after=0.5), colours)
        encoder, decoder = (
            getattr(made.method.generator, part)[1 if part == "encoder" else 0].norm for part in ("encoder", "decoder")
        )
        moved = []
        for samples in (0, 30):  # of 60
            made.engine.clock.samples = samples
            before = [[each.clone() for each in norm.state_dict().values()] for norm in (encoder, decoder)]
            list(made.turns())
            after = [list(norm.state_dict().values()) for norm in (encoder, decoder)]
            moved.append(
                [
                    [not torch.equal(a, b) for a, b in zip(*pair, strict=True)]
                    for pair in zip(before, after, strict=True)
                ]
            )
        assert moved == [[[True] * 4, [True] * 4], [[False] * 4, [True] * 4]]

    def test_terms_without_weight_are_not_computed(self, stage: Any, colours: Dataset) -> None:
        method = stage(recipe(perceptual_weight=0, style_weight=0, roughness_weight=0), colours).method
        assert method.eyes is None and method.weights == {"hole": 6.0, "valid": 1.0}

    def test_what_cannot_be(self, stage: Any, colours: Dataset, noise: Dataset) -> None:
        for fields, said in (
            ({"generator": "fourier", "held_after": 0.5}, r"'fourier' has no statistics.*--held-after"),
            ({"matching_weight": 1.0}, "there is none. Give --adversarial-weight"),
            ({"r1_weight": 1.0}, "there is none. Give --adversarial-weight"),
            (dict.fromkeys(NAMES, 0.0), "All weights of what is filled in are 0.*--hole-weight 6"),
            ({"adversarial": "relativistic-pairing"}, "compares real with generated patches"),
            ({"least_hole": 0.6}, "--least-hole 0.1 --most-hole 0.5"),
        ):
            with pytest.raises(UsageError, match=said):
                stage(recipe(**fields), colours)
        deep = Dataset("deep", Memory(torch.zeros(24, 4, 32, 24, dtype=torch.uint8)))
        with pytest.raises(UsageError, match=r"these have 4 channels\. Type --channels 3 --alpha white"):
            stage(recipe(), deep)


class TestGame:
    """LaMa's."""

    weights: ClassVar = {
        "hole_weight": 0.0, "valid_weight": 10.0, "perceptual_weight": 0.0, "style_weight": 0.0,
        "roughness_weight": 0.0, "wide_weight": 30.0, "adversarial_weight": 10.0, "matching_weight": 100.0,
        "r1_weight": 0.001,
    }  # fmt: skip

    @pytest.mark.parametrize("judged", ["made", "composed"])
    def test_patches_without_holes_are_real(self, stage: Any, check: Any, colours: Dataset, judged: str) -> None:
        generator_part = Part(name="fourier", width=4, blocks=1)
        made = stage(recipe(**self.weights, judged=judged, generator=generator_part), colours)
        x, m = given(made)
        generator, judge, eyes = made.method.generator, made.method.discriminator, made.method.eyes

        def shown() -> tuple[Tensor, Tensor]:
            y = generator(x * m, m)
            return y, y if judged == "made" else m * x + (1 - m) * y

        fake, real = judge(shown()[1].detach()), judge(x)
        cells = F.adaptive_max_pool2d(1 - m, fake.shape[2:])
        assert 0 < float(cells.mean()) < 1
        at = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(judge(at).sum(), at, create_graph=True)
        of_fake = cells * -(1 - chance(fake)).log() + (1 - cells) * -chance(fake).log()
        terms = {"adversarial": mean(-chance(real).log()) + mean(of_fake), "r1": slope.square().flatten(1).sum(1)}
        turns = made.turns()
        check(next(turns), "discriminator", judge, terms, {"adversarial": 10.0, "r1": 0.001})
        second = next(turns)
        y, seen = shown()
        apart = [mean((a - b).square()) for a, b in zip(eyes(y), eyes(x), strict=True)]
        assert len(apart) == 4
        (its,), (mine,) = judge.scales(x, True), judge.scales(seen, True)
        matched = [mean((a - b).square()) for a, b in zip(mine.features, its.features, strict=True)]
        terms = {
            "valid": mean(((y - x) * m).abs()),
            "wide": sum(apart) / 4,
            "adversarial": mean(-chance(judge(seen)).log()),
            "matching": sum(matched) / len(matched),
        }
        weights = {"valid": 10.0, "wide": 30.0, "adversarial": 10.0, "matching": 100.0}
        check(second, "generator", generator, terms, weights)

    def test_killed_and_resumed_it_goes_on_alike(self, stage: Any, colours: Dataset) -> None:
        generator = Part(name="partial-conv", width=3, depth=2)
        one, other = (stage(recipe(**self.weights, held_after=0.25, generator=generator), colours) for _ in range(2))
        for _ in range(4):
            one.engine.step()
        state = one.engine.state()
        tensors = {key: value.clone() for key, value in state.tensors.items()}
        other.engine.load_state(replace(state, tensors=tensors))
        for trainer in (one.engine, other.engine):
            for _ in range(3):
                trainer.step()
        mine, its = one.engine.state().tensors, other.engine.state().tensors
        assert mine.keys() == its.keys() and all(torch.equal(mine[key], its[key]) for key in mine)


class TestContextEncoder:
    def test_the_middle_its_edge_and_its_judge(self, stage: Any, check: Any, colours: Dataset) -> None:
        chosen = ContextRecipe(
            generator=Part(name="context-encoder", width=2, bottleneck=4, region="centre"), mirror=False,
            discriminator=Part(name="dense-fashion"), batch=5, train_samples=60, overlap=2,
        )  # fmt: skip
        made = stage(chosen, colours)
        x = next(made.batches).main.double()
        m = torch.ones(5, 1, 32, 24, dtype=DOUBLE)
        m[..., 10:22, 8:16] = 0
        generator, judge = made.method.generator, made.method.discriminator
        there = x[..., 8:24, 6:18]

        def middle() -> Tensor:
            return generator(x * m, m)[..., 8:24, 6:18]

        terms = {"adversarial": -chance(judge(there)).log() - (1 - chance(judge(middle().detach()))).log()}
        turns = made.turns()
        check(next(turns), "discriminator", judge, terms)
        second = next(turns)
        weight = torch.full((16, 12), 10.0, dtype=DOUBLE)
        weight[2:14, 2:10] = 1
        terms = {
            "reconstruction": mean(weight * (middle() - there).square()),
            "adversarial": -chance(judge(middle())).log(),
        }
        check(second, "generator", generator, terms, {"reconstruction": 0.999, "adversarial": 0.001})

    def test_an_overlap_that_leaves_no_hole(self, stage: Any, colours: Dataset) -> None:
        with pytest.raises(UsageError, match=r"overlap is 6, which leaves no hole in a middle of 12x16.*--overlap 1"):
            stage(ContextRecipe(overlap=6), colours)


class TestFilling:
    def method(self, stage: Any, data: Dataset) -> Any:
        return stage(recipe(perceptual_weight=0, style_weight=0), data).method.float().eval()

    @torch.no_grad()
    @pytest.mark.parametrize("feather", [0, 3])
    def test_known_pixels_come_back_bit_for_bit(self, stage: Any, colours: Dataset, feather: int) -> None:
        method = self.method(stage, colours)
        raw = torch.arange(3 * 256, dtype=torch.int32).remainder(256).to(torch.uint8).view(1, 3, 16, 16)
        known = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)) < 0.6
        source = torch.cat([to_float(raw), torch.where(known, 1.0, -1.0)], 1)
        back = to_uint8(method.fill(source, feather))
        assert torch.equal(back[known.expand_as(back)], raw[known.expand_as(raw)])

    @torch.no_grad()
    def test_known_values_of_16_bits_too(self, stage: Any, colours: Dataset) -> None:
        method, kind = self.method(stage, colours), Modality()
        raw = torch.randint(0, 65_536, (1, 3, 64, 64), dtype=torch.int32).to(torch.uint16)
        holed = torch.cat([raw, torch.full((1, 1, 64, 64), 65_535, dtype=torch.int32).to(torch.uint16)], 1)
        holed[:, 3, 8:16, 8:16] = 0
        field = Field("image", (4, 64, 64), bits=16)
        back = kind.to_raw(method.fill(kind.to_float(holed, field)), field._replace(shape=(3, 64, 64))).int()
        apart = (back != raw.int()).any(1)[0]
        assert int(apart[8:16, 8:16].sum()) > 60 and int(apart.sum()) == int(apart[8:16, 8:16].sum())

    @torch.no_grad()
    def test_any_size_and_any_transparency(self, stage: Any, colours: Dataset) -> None:
        method = self.method(stage, colours)
        source = torch.ones(1, 4, 21, 37)
        source[:, 3, 5:9, 5:9] = to_float(torch.tensor([254], dtype=torch.uint8))
        made = method.translate(source, SampleDraws(0, [0]))
        changed = (made != 1).any(1)[0]
        assert made.shape == (1, 3, 21, 37) and bool(changed[5:9, 5:9].all()) and int(changed.sum()) == 16

    def test_what_is_drawn_is_the_seeds_and_the_pictures_number(self, stage: Any, colours: Dataset) -> None:
        method = self.method(stage, colours)
        x = torch.rand(3, 3, 32, 24)
        three = method.degrade(x, SampleDraws(0, [4, 5, 6]))
        assert three.shape == (3, *method.degraded.shape) and set(three[:, 3].unique().tolist()) == {-1.0, 1.0}
        assert torch.equal(three[1:2], method.degrade(x[1:2], SampleDraws(0, [5])))
        assert not torch.equal(three[:, 3], method.degrade(x, SampleDraws(1, [4, 5, 6]))[:, 3])

    def test_a_seam_joins_and_the_shift_fades(self) -> None:
        """A constant error of 1 left of a straight edge is made up for there, and no more after four pixels."""
        known = torch.zeros(1, 1, 16, 16, dtype=DOUBLE)
        known[..., :8] = 1
        shift = joining(torch.ones(1, 1, 16, 16, dtype=DOUBLE), known, 4)[0, 0, 8, 8:]
        torch.testing.assert_close(shift, torch.tensor([8, 6, 4, 2, 0, 0, 0, 0], dtype=DOUBLE) / 9)

    def test_surroundings_are_means_of_what_is_known(self) -> None:
        flat = torch.full((1, 1, 9, 7), 0.3)
        known = torch.zeros(1, 1, 9, 7)
        known[..., 0, 0] = 1
        torch.testing.assert_close(surrounded(torch.where(known > 0, flat, 9.0), known), flat)
        pictures = torch.rand(2, 3, 8, 8)
        assert torch.equal(surrounded(pictures, torch.ones(2, 1, 8, 8)), pictures)
        half = torch.ones(2, 1, 8, 8).index_fill_(3, torch.arange(4), 0.0)
        near = surrounded(pictures, half, 2)  # two halvings let means of 4 pixels in
        assert torch.equal(near[..., 0], torch.zeros(2, 3, 8)) and bool(near[..., 3].any())
