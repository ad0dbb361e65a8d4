"""One step of pix2pixHD against Wang et al. 2017, arXiv 1711.11585, equations 2 to 5, in float64; its phases; looks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from belamy.data import Batch, open_data
from belamy.data.dataset import Column, Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.pix2pix_hd import Method, Recipe
from belamy.modalities.fields import Field
from belamy.modalities.label_map import edges
from belamy.networks.instance_encoder import instance_means
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
        "generator": Part(name="pix2pix-hd", width=4, halvings=2, blocks=1),
        "discriminator": Part(name="multi-scale", width=3, count=2, receptive_field=16),
        "features": 2,
        "encoder_width": 3,
        "encoder_halvings": 2,
        "batch": 4,
        "train_samples": 96,
        "mirror": False,
    }
    return Recipe(**{**usual, **fields})


def mean(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1)


def scene(made: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The next maps as one-hot and edges, the picture, and the objects, in float64."""
    batch = next(made.batches)
    raw = made.data.raw(batch.indices)
    classes, objects = raw["label_map"].long(), raw["instances"].long()
    maps = torch.stack([(classes == k).double() for k in range(9)], 1)
    return torch.cat([maps, edges(objects).unsqueeze(1).double()], 1), batch["target"].double(), objects


def halved(images: Tensor) -> Tensor:
    """Means of 3x3 pixels with stride 2; even sides are padded at the end and the padding does not count."""
    padded = torch.nn.functional.pad(images, (0, 1, 0, 1))
    ones = torch.nn.functional.pad(torch.ones_like(images), (0, 1, 0, 1))
    return avg_pool2d(padded, 3, 2) / avg_pool2d(ones, 3, 2)


def game(judge: Any, s: Tensor, x: Tensor, fake: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of both scales: the judges' loss, the generator's, and the distance of the features."""
    of_judge, of_generator, distance = [], [], []
    real_input, fake_input = torch.cat([s, x], 1), torch.cat([s, fake], 1)
    for scale in judge.judges:
        real, made = (scale.scales(given, features=True)[0] for given in (real_input, fake_input))
        of_judge.append(mean((real.scores - 1).square()) + mean(made.scores.square()))
        of_generator.append(mean((made.scores - 1).square()))
        distance += [mean((a - b.detach()).abs()) for a, b in zip(made.features, real.features, strict=True)]
        real_input, fake_input = halved(real_input), halved(fake_input)
    return sum(of_judge), sum(of_generator), sum(distance)  # type: ignore[return-value]


class TestStep:
    @pytest.mark.parametrize("fresh", [False, True])
    def test_judges_generator_and_encoder(self, stage: Any, check: Any, streets: Dataset, fresh: bool) -> None:
        made = stage(recipe(fresh_batch=fresh), streets)
        s, x, objects = scene(made)
        method = made.method
        module = torch.nn.ModuleDict({"generator": method.generator, "encoder": method.encoder})

        def painted() -> Tensor:
            seen = torch.cat([x, s[:, -1:]], 1)
            looks = instance_means(method.encoder.layers(seen), objects)
            return method.generator(torch.cat([s, looks], 1))

        turns = made.turns()
        of_judge, _, _ = game(method.discriminator, s, x, painted().detach())
        check(next(turns), "discriminator", method.discriminator, {"adversarial": of_judge})
        second = next(turns)
        if fresh:
            s, x, objects = scene(made)
        _, adversarial, distance = game(method.discriminator, s, x, painted())
        check(second, "generator", module, {"adversarial": adversarial, "matching": distance}, {"matching": 10.0})
        assert next(turns, None) is None

    def test_without_looks_and_without_matching(self, stage: Any, check: Any, streets: Dataset) -> None:
        made = stage(recipe(features=0, matching_weight=0.0), streets)
        s, x, _ = scene(made)
        method = made.method
        module = torch.nn.ModuleDict({"generator": method.generator})
        turns = made.turns()
        of_judge, _, _ = game(method.discriminator, s, x, method.generator(s).detach())
        check(next(turns), "discriminator", method.discriminator, {"adversarial": of_judge})
        second = next(turns)
        _, adversarial, _ = game(method.discriminator, s, x, method.generator(s))
        check(second, "generator", module, {"adversarial": adversarial})

    def test_first_phase_plays_at_half_the_size(self, stage: Any, check: Any, streets: Dataset) -> None:
        generator = Part(name="pix2pix-hd", width=4, halvings=2, blocks=1, enhancer=True)
        made = stage(recipe(generator=generator), streets)
        s, x, objects = scene(made)
        method = made.method
        module = torch.nn.ModuleDict({"generator": method.generator, "encoder": method.encoder})

        def painted() -> Tensor:
            looks = instance_means(method.encoder.layers(torch.cat([x, s[:, -1:]], 1)), objects)
            return method.generator.whole(halved(torch.cat([s, looks], 1)))

        turns = made.turns()
        of_judge, _, _ = game(method.discriminator, halved(s), halved(x), painted().detach())
        check(next(turns), "discriminator", method.discriminator, {"adversarial": of_judge})
        second = next(turns)
        _, adversarial, distance = game(method.discriminator, halved(s), halved(x), painted())
        check(second, "generator", module, {"adversarial": adversarial, "matching": distance}, {"matching": 10.0})

    def test_all_fields_are_mirrored_alike_and_edges_are_found_after(self, stage: Any, streets: Dataset) -> None:
        from belamy.methods.scenes import moved_scene

        made = stage(recipe(mirror=True, jitter=0.25), streets)
        batch = next(made.batches)
        found = moved_scene(batch, made.method.spec, "target", made.recipe, made.numbers())
        assert found.classes is not None and found.regions is not None
        assert torch.equal(found.maps[:, :9].argmax(1), found.classes)
        assert torch.equal(found.maps[:, 9] > 0, edges(found.regions))
        things = found.regions >= 100  # numbered by class; the others are their class
        assert torch.equal(torch.where(things, found.regions // 100, found.regions), found.classes)


def trainer(made: Recipe, data: Dataset) -> Trainer:
    return make_trainer(made, data.spec, data, Options(device="cpu", progress=False), World())


class TestPhases:
    ENHANCED = Part(name="pix2pix-hd", width=4, halvings=2, blocks=1, enhancer=True)

    def test_who_learns_when(self, streets: Dataset) -> None:
        """Twelve steps: four of the global generator, four of the enhancer, four of both."""
        made = recipe(generator=self.ENHANCED, train_samples=48, whole_until=1 / 3, joint_from=2 / 3)
        engine = trainer(made, streets)
        generator: Any = engine.method.generator
        learned = []
        for _ in range(12):
            before = [[p.detach().clone() for p in part.parameters()] for part in (generator.whole, generator.details)]
            engine.step()
            now = [list(part.parameters()) for part in (generator.whole, generator.details)]
            learned.append(
                tuple(any(not torch.equal(a, b) for a, b in zip(*pair, strict=True))
                      for pair in zip(before, now, strict=True))
            )  # fmt: skip
        assert learned == 4 * [(True, False)] + 4 * [(False, True)] + 4 * [(True, True)]

    @pytest.mark.parametrize("stop", [2, 5, 7])
    def test_resumed_anywhere_it_goes_on_bit_for_bit(self, goes_on: Any, streets: Dataset, stop: int) -> None:
        made = recipe(generator=self.ENHANCED, train_samples=36, whole_until=1 / 3, joint_from=2 / 3, ema_half_life=8)
        goes_on(trainer(made, streets), trainer(made, streets), stop, 9)

    def test_translations_have_the_full_size_in_every_phase(self, streets: Dataset) -> None:
        engine = trainer(recipe(generator=self.ENHANCED), streets)
        method: Any = engine.method
        engine.step()
        assert method.level == 1
        batch = streets.batch(torch.arange(3))
        assert method.eval().translate(batch.main, SampleDraws(0, range(3))).shape == (3, 3, 32, 32)

    def test_phases_in_the_wrong_order_are_refused(self, streets: Dataset) -> None:
        with pytest.raises(UsageError, match=r"joint-from is 0\.2.*Type --joint-from 0\.6 or more"):
            trainer(recipe(whole_until=0.6, joint_from=0.2), streets)


class TestLooks:
    def method(self, streets: Dataset) -> Any:
        engine = trainer(recipe(looks=3), streets)
        with torch.enable_grad():
            for _ in range(4):
                engine.step()
        return engine.method.eval()

    @torch.no_grad()
    def test_an_objects_look_is_the_seeds_and_the_numbers(self, streets: Dataset) -> None:
        method = self.method(streets)
        source, objects = (streets.raw(torch.arange(3))[name].long() for name in ("label_map", "instances"))
        looks = method.drawn_looks(source, objects, SampleDraws(0, [4, 5, 6]))
        assert torch.equal(looks[1:2], method.drawn_looks(source[1:2], objects[1:2], SampleDraws(0, [5])))
        assert not torch.equal(looks, method.drawn_looks(source, objects, SampleDraws(1, [4, 5, 6])))
        for n in range(3):
            for number in objects[n].unique().tolist():
                there = objects[n] == number
                held = looks[n][:, there].unique(dim=1)
                assert held.shape == (2, 1)
                known = method.encoder.bank.remembered(int(source[n][there][0]))
                assert (known - held[:, 0]).abs().sum(1).min() == 0

    @torch.no_grad()
    def test_looks_given_are_the_looks_used(self, streets: Dataset) -> None:
        method = self.method(streets)
        raw = streets.raw(torch.arange(2))
        source, objects = raw["label_map"].long(), raw["instances"].long()
        plain = method.painted(source, objects, SampleDraws(0, [0, 1]))
        looks = method.drawn_looks(source, objects, SampleDraws(0, [0, 1]))
        torch.testing.assert_close(method.painted(source, objects, SampleDraws(9, [0, 1]), looks), plain)
        looks[0, :, objects[0] == objects[0].max()] += 0.5
        assert not torch.equal(method.painted(source, objects, SampleDraws(0, [0, 1]), looks)[0], plain[0])

    def test_pictures_have_no_objects(self) -> None:
        grey = torch.randint(0, 256, (24, 1, 32, 32), dtype=torch.uint8)
        extra = {"target": Column(Field("image", (1, 32, 32)), Memory(grey))}
        pairs = Dataset("pairs", Memory(grey), extra=extra)
        with pytest.raises(UsageError, match="Type --features 0"):
            trainer(recipe(), pairs)
        engine = trainer(recipe(features=0), pairs)
        engine.step()
        assert isinstance(engine.method, Method)
        batch: Batch = pairs.batch(torch.arange(2))
        assert list(engine.method.show(batch, SampleDraws(0, range(2)))) == ["input", "output", "target"]
