"""One step of CycleGAN against Zhu et al. 2017, arXiv 1703.10593, equations 1 to 3, turn by turn in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.base import TranslatesBack
from belamy.methods.cyclegan import Recipe
from belamy.registry import Part
from belamy.seeds import SampleDraws


def noise(count: int, *shape: int, seed: int) -> Tensor:
    return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def sides(here: int = 3, there: int = 3, size: tuple[int, int] = (24, 28), **fields: Any) -> Dataset:
    """24 pictures of some channels beside 31 of others."""
    other = Dataset("others", Memory(noise(31, there, *size, seed=2)))
    return Dataset("pictures", Memory(noise(24, here, *size, seed=1)), sides={"other": other}, **fields)


def recipe(**fields: Any) -> Recipe:
    usual = {
        "generator": Part(name="resnet-translator", width=2, blocks=1),
        "discriminator": Part(name="patch-gan", width=2, receptive_field=16),
        "batch": 4,
        "train_samples": 60,
        "mirror": False,
        "pool": 6,
    }
    return Recipe(**{**usual, **fields})


def mean(values: Tensor) -> Tensor:
    """Of each sample."""
    return values.flatten(1).sum(1) / values[0].numel()


def pictures(made: Any) -> tuple[Tensor, Tensor]:
    """The next pictures of both sides in float64."""
    batch = next(made.batches)
    return batch["image"].double(), batch["other"].double()


def parts(made: Any) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
    """G, F, D_Y and D_X."""
    method = made.method
    return method.generator, method.inverse, method.discriminator, method.inverse_discriminator


def generators(made: Any) -> nn.Module:
    return nn.ModuleList([made.method.generator, made.method.inverse])


def judges(made: Any) -> nn.Module:
    return nn.ModuleList([made.method.discriminator, made.method.inverse_discriminator])


class TestStep:
    def test_there_and_back_again(self, stage: Any, check: Any) -> None:
        made = stage(recipe(), sides())
        x, y = pictures(made)
        g, f, d_y, d_x = parts(made)
        terms = {
            "adversarial": mean((d_y(g(x)) - 1) ** 2),
            "adversarial-inverse": mean((d_x(f(y)) - 1) ** 2),
            "cycle": mean((f(g(x)) - x).abs()),
            "cycle-inverse": mean((g(f(y)) - y).abs()),
            "identity": mean((g(y) - y).abs()),
            "identity-inverse": mean((f(x) - x).abs()),
        }
        weights = {"cycle": 10.0, "cycle-inverse": 10.0, "identity": 5.0, "identity-inverse": 5.0}
        fake_y, fake_x = g(x).detach(), f(y).detach()  # before the generators learn
        turns = made.turns()
        check(next(turns), "generator", generators(made), terms, weights)
        second = next(turns)
        assert not torch.equal(g(x), fake_y)
        terms = {
            "adversarial": mean((d_y(y) - 1) ** 2 + d_y(fake_y) ** 2),
            "adversarial-inverse": mean((d_x(x) - 1) ** 2 + d_x(fake_x) ** 2),
        }
        check(second, "discriminator", judges(made), terms, {"adversarial": 0.5, "adversarial-inverse": 0.5})
        assert next(turns, None) is None

    def test_each_side_has_its_own_channels_and_then_there_is_no_identity(self, stage: Any, check: Any) -> None:
        made = stage(recipe(cycle_weight=3.0), sides(1, 3))
        x, y = pictures(made)
        g, f, d_y, d_x = parts(made)
        terms = {
            "adversarial": mean((d_y(g(x)) - 1) ** 2),
            "adversarial-inverse": mean((d_x(f(y)) - 1) ** 2),
            "cycle": mean((f(g(x)) - x).abs()),
            "cycle-inverse": mean((g(f(y)) - y).abs()),
        }
        check(next(made.turns()), "generator", generators(made), terms, {"cycle": 3.0, "cycle-inverse": 3.0})

    @pytest.mark.parametrize("loss", ["least-squares:half=false", "hinge"])
    def test_every_scale_of_a_discriminator_has_a_loss_of_its_own(self, stage: Any, check: Any, loss: str) -> None:
        """Not one loss of the mean of scores, which a real and a generated scale would bring to nothing."""
        judge = Part(name="multi-scale", count=2, width=2, receptive_field=16)
        made = stage(recipe(discriminator=judge, adversarial=loss, identity_weight=0.0, pool=0), sides(size=(24, 32)))
        x, y = pictures(made)
        g, f, d_y, d_x = parts(made)
        real, fake, fooled = {
            "hinge": (lambda s: (1 - s).clamp(min=0), lambda s: (1 + s).clamp(min=0), lambda s: -s),
            "least-squares": (lambda s: (s - 1) ** 2, lambda s: s**2, lambda s: (s - 1) ** 2),
        }[loss.partition(":")[0]]

        def summed(judge: Any, pictures: Tensor, cost: Any) -> Tensor:
            return torch.stack([mean(cost(scale.scores)) for scale in judge.scales(pictures)]).sum(0)

        terms = {
            "adversarial": summed(d_y, g(x), fooled),
            "adversarial-inverse": summed(d_x, f(y), fooled),
            "cycle": mean((f(g(x)) - x).abs()),
            "cycle-inverse": mean((g(f(y)) - y).abs()),
        }
        fake_y, fake_x = g(x).detach(), f(y).detach()
        turns = made.turns()
        check(next(turns), "generator", generators(made), terms, {"cycle": 10.0, "cycle-inverse": 10.0})
        terms = {
            "adversarial": summed(d_y, y, real) + summed(d_y, fake_y, fake),
            "adversarial-inverse": summed(d_x, x, real) + summed(d_x, fake_x, fake),
        }
        second = next(turns)
        check(second, "discriminator", judges(made), terms, {"adversarial": 0.5, "adversarial-inverse": 0.5})
        for name, of_real in (("real", (d_y, y)), ("real-inverse", (d_x, x))):
            scores = [scale.scores.mean() for scale in of_real[0].scales(of_real[1])]
            torch.testing.assert_close(second[0].signals[name].mean().double(), torch.stack(scores).mean())

    def test_discogan(self, stage: Any, check: Any) -> None:
        """Kim et al. 2017, arXiv 1703.05192, equations 1 to 6."""
        networks = {"generator": Part(name="discogan", width=2), "discriminator": Part(name="discogan", width=2)}
        losses = {"adversarial": "non-saturating", "reconstruction": "squared-error"}
        native = {"generator_norm": "native", "discriminator_norm": "native"}
        rest = {"cycle_weight": 1.0, "identity_weight": 0.0, "pool": 0}
        made = stage(recipe(**networks, **losses, **native, **rest), sides(size=(32, 32)))
        x, y = pictures(made)
        g, f, d_y, d_x = parts(made)
        terms = {
            "adversarial": mean(-torch.log(1 / (1 + torch.exp(-d_y(g(x)))))),
            "adversarial-inverse": mean(-torch.log(1 / (1 + torch.exp(-d_x(f(y)))))),
            "cycle": mean((f(g(x)) - x) ** 2),
            "cycle-inverse": mean((g(f(y)) - y) ** 2),
        }
        check(next(made.turns()), "generator", generators(made), terms)

    def test_a_classifier_holds_on_to_what_it_sees(self, stage: Any, check: Any) -> None:
        """Hoffman et al. 2017, arXiv 1711.03213, equation 4."""
        labels = {"labels": torch.arange(24) % 3, "classes": [*"abc"]}
        networks = {"classifier": Part(name="classifier-mnist", hidden=4)}
        made = stage(recipe(semantic_weight=2.0, identity_weight=0.0, **networks), sides(**labels))
        batch = next(made.batches)
        x, y, told = batch["image"].double(), batch["other"].double(), batch.labels
        g, f, d_y, d_x = parts(made)
        classify = made.method.classifier

        def surprise(scores: Tensor, classes: Tensor) -> Tensor:
            chances = scores.exp() / scores.exp().sum(1, keepdim=True)
            return -chances[torch.arange(len(classes)), classes].log()

        turns = made.turns()
        check(next(turns), "classifier", classify, {"class": surprise(classify(x), told)})
        second = next(turns)  # the classifier has learned
        terms = {
            "adversarial": mean((d_y(g(x)) - 1) ** 2),
            "adversarial-inverse": mean((d_x(f(y)) - 1) ** 2),
            "cycle": mean((f(g(x)) - x).abs()),
            "cycle-inverse": mean((g(f(y)) - y).abs()),
            "semantic": surprise(classify(g(x)), classify(x).argmax(1)),
            "semantic-inverse": surprise(classify(f(y)), classify(y).argmax(1)),
        }
        weights = {"cycle": 10.0, "cycle-inverse": 10.0, "semantic": 2.0, "semantic-inverse": 2.0}
        check(second, "generator", generators(made), terms, weights)

    def test_the_discriminators_are_shown_older_translations(self, stage: Any) -> None:
        made = stage(recipe(pool=3), sides())
        method, shown = made.method, []
        trunk = method.discriminator.trunk
        trunk.register_forward_hook(lambda _part, given, _made: shown.append(given[0].detach().clone()))
        older: list[Tensor] = []
        for _ in range(6):
            shown.clear()
            x, _ = pictures(made)
            fresh = method.generator(x).detach()
            for _turn in made.turns():
                pass
            given = shown[-1]  # after the real ones
            for place in range(4):
                known = [*fresh[: place + 1], *older]
                assert any(torch.equal(given[place], each) for each in known)
            older += list(fresh)
        assert sum(not torch.equal(a, b) for a, b in zip(given, fresh, strict=True)) in (1, 2, 3)

    def test_both_sides_are_mirrored_each_by_itself(self, stage: Any, check: Any) -> None:
        made = stage(recipe(mirror=True, identity_weight=0.0, seed=1), sides())
        x, y = pictures(made)
        numbers = made.numbers()
        first, second = numbers.uniform("mirror", 4) < 0.5, numbers.uniform("mirror", 4) < 0.5
        assert not torch.equal(first, second)
        x[first], y[second] = x[first].flip(3), y[second].flip(3)
        g, f, d_y, d_x = parts(made)
        terms = {
            "adversarial": mean((d_y(g(x)) - 1) ** 2),
            "adversarial-inverse": mean((d_x(f(y)) - 1) ** 2),
            "cycle": mean((f(g(x)) - x).abs()),
            "cycle-inverse": mean((g(f(y)) - y).abs()),
        }
        check(next(made.turns()), "generator", generators(made), terms, {"cycle": 10.0, "cycle-inverse": 10.0})


def test_rates_fall_from_half_way(stage: Any) -> None:
    engine = stage(recipe(train_samples=400), sides()).engine
    rates = []
    for samples in (0, 100, 200, 300, 400):
        engine.clock.samples = samples
        rates.append(engine.factor())
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.0]


class TestTranslating:
    def test_both_ways_in_any_size(self, stage: Any) -> None:
        method = stage(recipe(), sides(1, 3)).method.eval()
        assert isinstance(method, TranslatesBack)
        there = method.translate(torch.rand(2, 1, 9, 31).double(), SampleDraws(0, [0, 1]))
        assert there.shape == (2, 3, 9, 31)
        assert method.translate_back(there, SampleDraws(0, [0, 1])).shape == (2, 1, 9, 31)

    def test_what_is_held_out_is_measured_by_what_is_learned(self, stage: Any) -> None:
        made = stage(recipe(), sides())
        batch = next(made.batches).map(lambda values: values.double())
        x, y = batch["image"], batch["other"]
        g, f, d_y, d_x = parts(made)
        cycle, inverse = mean((f(g(x)) - x).abs()), mean((g(f(y)) - y).abs())
        identity = mean((g(y) - y).abs()) + mean((f(x) - x).abs())
        fooled = mean((d_y(g(x)) - 1) ** 2) + mean((d_x(f(y)) - 1) ** 2)
        found = made.method.evaluate(batch, made.numbers())
        torch.testing.assert_close(found["loss"], fooled + 10 * (cycle + inverse) + 5 * identity)
        torch.testing.assert_close(found["cycle"], cycle)
        torch.testing.assert_close(found["cycle-inverse"], inverse)


@pytest.mark.parametrize(
    ("fields", "data", "words"),
    [
        ({"identity_weight": 1.0}, sides(1, 3), r"have 1 and 3 channels\. Leave it out, or type --channels 3"),
        ({"semantic_weight": 1.0}, sides(), "its data have no labels"),
        (
            {"semantic_weight": 1.0},
            sides(1, 3, labels=torch.arange(24) % 2, classes=["a", "b"]),
            r"one classifier see both sides, but they have 1 and 3 channels",
        ),
    ],
)
def test_what_the_sides_cannot_give_is_refused(stage: Any, fields: dict[str, Any], data: Dataset, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        stage(recipe(**fields), data)


@pytest.mark.parametrize("loss", ["energy-based", "boundary-equilibrium"])
def test_losses_of_energies_are_refused(stage: Any, loss: str) -> None:
    with pytest.raises(UsageError, match=rf"'{loss}' is for discriminators that reconstruct pictures, but this one"):
        stage(recipe(adversarial=loss), sides())


def test_sides_of_two_sizes_are_refused(stage: Any) -> None:
    data = sides().changed(sides={"other": Dataset("others", Memory(noise(31, 3, 32, 32, seed=2)))})
    with pytest.raises(UsageError, match=r"of 28x24 and the second of 32\. Type --size 28x24 to have both in one"):
        stage(recipe(), data)


class TestOneSetAsBothSides:
    def faces(self) -> Dataset:
        labels = {"labels": torch.arange(24) % 3, "classes": ["none", "round", "square"]}
        return Dataset("faces", Memory(noise(24, 3, 8, 8, seed=1)), **labels)

    def test_classes_become_sides(self) -> None:
        faces = self.faces()
        found = recipe(only="none", against="square", other="ignored").arranged(faces)
        everything = faces.images(torch.arange(24))
        assert torch.equal(found.images(torch.arange(8)), everything[0::3])
        assert torch.equal(found.sides["other"].images(torch.arange(8)), everything[2::3])

    def test_without_a_second_class_only_chooses(self) -> None:
        assert recipe(only="none").arranged(self.faces()).sides == {}

    @pytest.mark.parametrize("only", [None, "square"])
    def test_the_first_side_must_be_another_class(self, only: str | None) -> None:
        with pytest.raises(UsageError, match="--only has to name another class as the first, but it is"):
            recipe(only=only, against="square").arranged(self.faces())

    def test_an_unknown_class_is_named(self) -> None:
        with pytest.raises(UsageError, match=r"no class 'sqare'\. Did you mean 'square'"):
            recipe(only="none", against="sqare").arranged(self.faces())
