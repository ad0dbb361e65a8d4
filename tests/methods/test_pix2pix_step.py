"""One step of pix2pix against Isola et al. 2016, arXiv 1611.07004, equations 1 to 4, turn by turn in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from belamy.data.dataset import Column, Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.pix2pix import Recipe
from belamy.modalities.fields import Field
from belamy.registry import Part
from belamy.seeds import SampleDraws


def noise(count: int, *shape: int, seed: int, most: int = 256) -> Tensor:
    return torch.randint(0, most, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def pairs() -> Dataset:
    """24 grey pictures of 32x24 pixels, each with a coloured one."""
    target = Column(Field("image", (3, 32, 24)), Memory(noise(24, 3, 32, 24, seed=2)))
    return Dataset("pairs", Memory(noise(24, 1, 32, 24, seed=1)), extra={"target": target})


@pytest.fixture
def maps() -> Dataset:
    """24 label maps of three classes with instances, each with a picture."""
    extra = {
        "target": Column(Field("image", (3, 32, 24)), Memory(noise(24, 3, 32, 24, seed=2))),
        "instances": Column(Field("label_map", (32, 24)), Memory(noise(24, 32, 24, seed=4, most=2).int())),
    }
    field = Field("label_map", (32, 24), ("sky", "wall", "door"))
    return Dataset("maps", Memory(noise(24, 32, 24, seed=3, most=3)), field=field, extra=extra)


def recipe(**fields: Any) -> Recipe:
    """Without dropout, so that a pass can be taken again."""
    usual = {
        "generator": Part(name="u-net", width=3, depth=2, dropout=0.0),
        "discriminator": Part(name="patch-gan", width=3, receptive_field=70),
        "batch": 5,
        "train_samples": 60,
        "mirror": False,
    }
    return Recipe(**{**usual, **fields})


def chance(scores: Tensor) -> Tensor:
    """D: the probability that scores state."""
    return 1 / (1 + torch.exp(-scores))


def mean(values: Tensor) -> Tensor:
    """Of each sample."""
    return values.flatten(1).sum(1) / values[0].numel()


def pair(made: Any) -> tuple[Tensor, Tensor]:
    """The next inputs and targets in float64."""
    batch = next(made.batches)
    for name, raw in made.data.raw(batch.indices).items():
        torch.testing.assert_close(batch[name].double(), raw.double() / 127.5 - 1, rtol=0, atol=1e-6)
    return batch["image"].double(), batch["target"].double()


class TestStep:
    @pytest.mark.parametrize("weight", [100.0, 7.5])
    def test_the_patches_and_the_distance(self, stage: Any, check: Any, pairs: Dataset, weight: float) -> None:
        made = stage(recipe(reconstruction_weight=weight), pairs)
        x, y = pair(made)
        generator, judge = made.method.generator, made.method.discriminator
        turns = made.turns()
        real, fake = (judge(torch.cat([x, pictures], 1)) for pictures in (y, generator(x).detach()))
        assert real.shape == (5, 1, 2, 1)
        check(
            next(turns), "discriminator", judge, {"adversarial": mean(-chance(real).log() - (1 - chance(fake)).log())}
        )
        second = next(turns)  # now the discriminator has learned
        terms = {
            "adversarial": mean(-chance(judge(torch.cat([x, generator(x)], 1))).log()),
            "reconstruction": mean((y - generator(x)).abs()),
        }
        check(second, "generator", generator, terms, {"reconstruction": weight})
        assert next(turns, None) is None

    def test_the_generator_may_learn_from_a_batch_of_its_own(self, stage: Any, check: Any, pairs: Dataset) -> None:
        made = stage(recipe(fresh_batch=True), pairs)
        (x, y), (other, wanted) = pair(made), pair(made)
        generator, judge = made.method.generator, made.method.discriminator
        turns = made.turns()
        real, fake = (judge(torch.cat([x, pictures], 1)) for pictures in (y, generator(x).detach()))
        check(
            next(turns), "discriminator", judge, {"adversarial": mean(-chance(real).log() - (1 - chance(fake)).log())}
        )
        second = next(turns)
        terms = {
            "adversarial": mean(-chance(judge(torch.cat([other, generator(other)], 1))).log()),
            "reconstruction": mean((wanted - generator(other)).abs()),
        }
        check(second, "generator", generator, terms, {"reconstruction": 100.0})

    def test_the_residual_translator_learns_from_pairs_too(self, stage: Any, check: Any, pairs: Dataset) -> None:
        made = stage(recipe(generator=Part(name="resnet-translator", width=2, blocks=1)), pairs)
        x, y = pair(made)
        generator, judge = made.method.generator, made.method.discriminator
        turns = made.turns()
        real, fake = (judge(torch.cat([x, pictures], 1)) for pictures in (y, generator(x).detach()))
        check(
            next(turns), "discriminator", judge, {"adversarial": mean(-chance(real).log() - (1 - chance(fake)).log())}
        )
        second = next(turns)
        terms = {
            "adversarial": mean(-chance(judge(torch.cat([x, generator(x)], 1))).log()),
            "reconstruction": mean((y - generator(x)).abs()),
        }
        check(second, "generator", generator, terms, {"reconstruction": 100.0})

    def test_least_squares_by_the_mean_over_patches(self, stage: Any, check: Any, pairs: Dataset) -> None:
        made = stage(recipe(adversarial="least-squares"), pairs)
        x, y = pair(made)
        generator, judge = made.method.generator, made.method.discriminator
        real, fake = (judge(torch.cat([x, pictures], 1)) for pictures in (y, generator(x).detach()))
        objective = made.method.objective.adversarial
        wanted = mean(objective.discriminator(real, fake))
        check(next(made.turns()), "discriminator", judge, {"adversarial": wanted})

    @pytest.mark.parametrize(
        "judge", [Part(name="patch-gan", width=3, receptive_field=16), Part(name="pictures", width=3, count=2)]
    )
    def test_slopes_at_real_and_made_pairs(self, stage: Any, check: Any, pairs: Dataset, judge: Part) -> None:
        """Half the squared gradient of the sum of a scale's scores over the root of their number, in both pictures."""
        data = Dataset("pairs", Memory(noise(24, 1, 32, 24, seed=1)), extra=pairs.extra)
        made = stage(recipe(discriminator=judge, r1_weight=0.3, r2_weight=0.7, slope_every=4), data)
        x, y = pair(made)
        generator, network = made.method.generator, made.method.discriminator
        fake = generator(x).detach()

        def slope(wanted: Tensor) -> Tensor:
            at = torch.cat([x, wanted], 1).requires_grad_()
            scores = [scale.scores for scale in network.scales(at)]
            total = sum(each.sum() / each[0].numel() ** 0.5 for each in scores)
            (gradient,) = torch.autograd.grad(total, at, create_graph=True)
            return gradient.square().flatten(1).sum(1) / 2

        pairs_of_scores = zip(*(network.scales(torch.cat([x, each], 1)) for each in (y, fake)), strict=True)
        terms = {
            "adversarial": sum(
                mean(-chance(real.scores).log() - (1 - chance(its.scores)).log()) for real, its in pairs_of_scores
            ),
            "r1": slope(y),
            "r2": slope(fake),
        }
        check(next(made.turns()), "discriminator", network, terms, {"r1": 4 * 0.3, "r2": 4 * 0.7})

    def test_some_pairs_get_a_rectangle_of_another(self, stage: Any, check: Any, pairs: Dataset) -> None:
        """The rectangle of both pictures is that of the pair before; sides from a quarter to three quarters."""
        made = stage(recipe(splice=0.6, seed=3), pairs)
        x, y = pair(made)
        whole = x.clone(), y.clone()
        numbers = made.numbers().uniform("splice", 5, 5).double()
        chosen = [number for number in range(5) if numbers[number, 0] < 0.6]
        assert 0 < len(chosen) < 5
        for number in chosen:
            tall, wide = (0.25 + float(share) / 2 for share in numbers[number, 1:3])
            top, left = float(numbers[number, 3]) * (1 - tall), float(numbers[number, 4]) * (1 - wide)
            rows = [row for row in range(32) if top <= row / 32 < top + tall]
            columns = [column for column in range(24) if left <= column / 24 < left + wide]
            assert 7 <= len(rows) <= 25 and 5 <= len(columns) <= 19
            for mine, its in zip((x, y), whole, strict=True):
                mine[number, :, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = its[
                    number - 1, :, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1
                ]
        generator, judge = made.method.generator, made.method.discriminator
        real, fake = (judge(torch.cat([x, pictures], 1)) for pictures in (y, generator(x).detach()))
        wanted = mean(-chance(real).log() - (1 - chance(fake)).log())
        check(next(made.turns()), "discriminator", judge, {"adversarial": wanted})

    def test_both_of_a_pair_are_mirrored_alike(self, stage: Any, check: Any, pairs: Dataset) -> None:
        made = stage(recipe(mirror=True, seed=2), pairs)
        x, y = pair(made)
        chosen = made.numbers().uniform("mirror", 5) < 0.5
        assert 0 < int(chosen.sum()) < 5
        x[chosen], y[chosen] = x[chosen].flip(3), y[chosen].flip(3)
        generator, judge = made.method.generator, made.method.discriminator
        real, fake = (judge(torch.cat([x, pictures], 1)) for pictures in (y, generator(x).detach()))
        check(
            next(made.turns()),
            "discriminator",
            judge,
            {"adversarial": mean(-chance(real).log() - (1 - chance(fake)).log())},
        )

    def test_both_of_a_pair_are_enlarged_and_cut_alike(self, stage: Any, check: Any, pairs: Dataset) -> None:
        made = stage(recipe(jitter=0.25, seed=2), pairs)
        x, y = pair(made)
        places = made.numbers().uniform("jitter", 5, 2)
        height, width = x.shape[2:]
        room = (height * 5 // 4 - height, width * 5 // 4 - width)
        cuts = [[int(place[side] * (room[side] + 1)) for side in (0, 1)] for place in places]
        assert len({tuple(cut) for cut in cuts}) > 1

        def cut(pictures: Tensor) -> Tensor:
            larger = interpolate(pictures, scale_factor=1.25, mode="bilinear")
            return torch.stack([each[:, top : top + height, left : left + width]
                                for each, (top, left) in zip(larger, cuts, strict=True)])  # fmt: skip

        x, y = cut(x), cut(y)
        generator, judge = made.method.generator, made.method.discriminator
        real, fake = (judge(torch.cat([x, pictures], 1)) for pictures in (y, generator(x).detach()))
        wanted = mean(-chance(real).log() - (1 - chance(fake)).log())
        check(next(made.turns()), "discriminator", judge, {"adversarial": wanted})

    def test_label_maps_become_one_map_for_each_class_and_edges(self, stage: Any, check: Any, maps: Dataset) -> None:
        made = stage(recipe(), maps)
        batch = next(made.batches)
        raw = made.data.raw(batch.indices)
        classes, instances, y = raw["label_map"].long(), raw["instances"], batch["target"].double()
        edge = torch.zeros(5, 32, 24, dtype=torch.float64)
        for n, i, j in torch.cartesian_prod(torch.arange(5), torch.arange(32), torch.arange(24)).tolist():
            beside = [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]
            edge[n, i, j] = any(
                0 <= a < 32 and 0 <= b < 24 and instances[n, a, b] != instances[n, i, j] for a, b in beside
            )
        x = torch.cat([torch.stack([(classes == k).double() for k in range(3)], 1), edge.unsqueeze(1)], 1)
        generator, judge = made.method.generator, made.method.discriminator
        real, fake = (judge(torch.cat([x, pictures], 1)) for pictures in (y, generator(x).detach()))
        check(
            next(made.turns()),
            "discriminator",
            judge,
            {"adversarial": mean(-chance(real).log() - (1 - chance(fake)).log())},
        )


LOSSES = {
    "hinge": lambda r, f: (torch.relu(1 - r) + torch.relu(1 + f), -f),
    "least-squares:half=false": lambda r, f: ((r - 1).square() + f.square(), (f - 1).square()),
    "wasserstein": lambda r, f: (f - r, -f),
    "relativistic-pairing": lambda r, f: (-chance(r - f).log(), -chance(f - r).log()),
    "relativistic-average": lambda r, f: (
        -chance(r - f.mean()).log() - chance(r.mean() - f).log(),
        -chance(f - r.mean()).log() - chance(f.mean() - r).log(),
    ),
    "relativistic-average:base=hinge": lambda r, f: (
        torch.relu(1 - r + f.mean()) + torch.relu(1 - r.mean() + f),
        torch.relu(1 - f + r.mean()) + torch.relu(1 - f.mean() + r),
    ),
}
"""The losses of discriminator and generator for each patch, from the scores of real and of made ones."""


class TestScales:
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("matching", [0.0, 10.0])
    def test_every_scale_has_its_loss_and_features_are_matched(
        self, stage: Any, check: Any, pairs: Dataset, loss: str, matching: float
    ) -> None:
        judges = Part(name="multi-scale", count=2, width=3, receptive_field=16)
        made = stage(recipe(adversarial=Part.parse(loss), discriminator=judges, matching_weight=matching), pairs)
        x, y = pair(made)
        generator, judge = made.method.generator, made.method.discriminator

        def scored(pictures: Tensor) -> list[tuple[Tensor, tuple[Tensor, ...]]]:
            return [tuple(scale) for scale in judge.scales(torch.cat([x, pictures], 1), features=True)]

        turns = made.turns()
        real, fake = scored(y), scored(generator(x).detach())
        assert [tuple(scores.shape[2:]) for scores, _ in real] == [(16, 12), (8, 6)]
        of_judge = sum(mean(LOSSES[loss](r, f)[0]) for (r, _), (f, _) in zip(real, fake, strict=True))
        check(next(turns), "discriminator", judge, {"adversarial": of_judge})
        second = next(turns)
        real, fake = scored(y), scored(generator(x))
        terms = {
            "adversarial": sum(mean(LOSSES[loss](r.detach(), f)[1]) for (r, _), (f, _) in zip(real, fake, strict=True)),
            "reconstruction": mean((y - generator(x)).abs()),
        }
        if matching:
            assert [len(features) for _, features in real] == [2, 2]
            terms["matching"] = sum(
                mean((mine - its.detach()).abs())
                for (_, theirs), (_, own) in zip(real, fake, strict=True)
                for mine, its in zip(own, theirs, strict=True)
            )
        weights = {"reconstruction": 100.0, **({"matching": matching} if matching else {})}
        check(second, "generator", generator, terms, weights)

    @pytest.mark.parametrize("loss", ["energy-based", "boundary-equilibrium"])
    def test_losses_of_autoencoders_are_refused(self, stage: Any, pairs: Dataset, loss: str) -> None:
        with pytest.raises(UsageError, match=f"The loss '{loss}' is for discriminators that reconstruct"):
            stage(recipe(adversarial=loss), pairs)

    @pytest.mark.parametrize("loss", ADVERSARIAL.names())
    def test_every_loss_of_the_registry_plays_or_is_refused(self, stage: Any, pairs: Dataset, loss: str) -> None:
        try:
            made = stage(recipe(adversarial=loss), pairs)
        except UsageError:
            return
        made.engine.step()
        made.engine.check_finite()


class TestTranslating:
    def method(self, stage: Any, data: Dataset) -> Any:
        generator = Part(name="u-net", width=3, depth=2)
        return stage(recipe(generator=generator), data).method.eval()

    def test_dropout_is_the_seeds_and_the_pictures_number(self, stage: Any, pairs: Dataset) -> None:
        method = self.method(stage, pairs)
        given = torch.rand(3, 1, 32, 24).double()
        one = method.translate(given, SampleDraws(0, [7, 8, 9]))
        assert torch.equal(one, method.translate(given, SampleDraws(0, [7, 8, 9])))
        assert not torch.equal(one, method.translate(given, SampleDraws(1, [7, 8, 9])))
        torch.testing.assert_close(one[1:2], method.translate(given[1:2], SampleDraws(0, [8])))

    def test_pictures_of_other_sizes_are_translated(self, stage: Any, pairs: Dataset) -> None:
        method = self.method(stage, pairs)
        assert method.translate(torch.zeros(1, 1, 8, 100).double(), SampleDraws(0, [0])).shape == (1, 3, 8, 100)

    def test_what_is_held_out_is_measured_by_what_is_learned(self, stage: Any, pairs: Dataset) -> None:
        made = stage(recipe(), pairs)
        batch = next(made.batches).map(lambda values: values.double())
        found = made.method.evaluate(batch, made.numbers())
        x, y = batch["image"], batch["target"]
        y_hat = made.method.generator(x)
        distance = mean((y - y_hat).abs())
        adversarial = mean(-chance(made.method.discriminator(torch.cat([x, y_hat], 1))).log())
        torch.testing.assert_close(found["reconstruction"], distance)
        torch.testing.assert_close(found["loss"], adversarial + 100 * distance)

    def test_a_snapshot_shows_input_output_and_target(self, stage: Any, pairs: Dataset) -> None:
        method = self.method(stage, pairs)
        batch = pairs.batch(torch.arange(4)).map(lambda values: values.double())
        shown = method.show(batch, SampleDraws(0, range(4)))
        assert [(name, field.shape, tuple(values.shape)) for name, (field, values) in shown.items()] == [
            ("input", (1, 32, 24), (4, 1, 32, 24)),
            ("output", (3, 32, 24), (4, 3, 32, 24)),
            ("target", (3, 32, 24), (4, 3, 32, 24)),
        ]
