"""One step of CUT and of FastCUT against Park et al. 2020, arXiv 2007.15651, equations 1 to 5, in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.cut import Recipe
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws


def noise(count: int, *shape: int, seed: int) -> Tensor:
    return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def sides(here: int = 3, there: int = 3) -> Dataset:
    """24 pictures of 24x16 pixels beside 31 others."""
    other = Dataset("others", Memory(noise(31, there, 24, 16, seed=2)))
    return Dataset("pictures", Memory(noise(24, here, 24, 16, seed=1)), sides={"other": other})


def recipe(**fields: Any) -> Recipe:
    usual = {
        "generator": Part(name="resnet-translator", width=2, blocks=2, resampling="filtered"),
        "discriminator": Part(name="patch-gan", width=2, receptive_field=16),
        "batch": 3,
        "train_samples": 60,
        "mirror": False,
        "patches": 5,
        "features": 12,
    }
    return Recipe(**{**usual, **fields})


def mean(values: Tensor) -> Tensor:
    """Of each sample."""
    return values.flatten(1).sum(1) / values[0].numel()


def contrast(made: Any, given: list[Tensor], found: list[Tensor], draw: Draws) -> Tensor:
    """PatchNCE of maps of inputs and of translations, place by place, as equations 2 to 4 write it."""
    totals = []
    heads, chosen = made.method.heads.heads, [
        draw.uniform("places", 3, maps.shape[2] * maps.shape[3]).argsort(dim=1, stable=True)[:, :5] for maps in found
    ]  # fmt: skip
    for head, keys, queries, places in zip(heads, given, found, chosen, strict=True):
        for sample in range(3):
            numbers = places[sample].tolist()
            vectors = []
            for maps in (queries, keys.detach()):
                rows = torch.stack([maps[sample, :, at // maps.shape[3], at % maps.shape[3]] for at in numbers])
                rows = head[2](head[0](rows).relu())
                vectors.append(rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-3))
            q, k = vectors[0], vectors[1].detach()
            loss = torch.zeros((), dtype=torch.float64)
            for s in range(len(numbers)):
                positive = ((q[s] * k[s]).sum() / 0.07).exp()
                negatives = sum(((q[s] * k[t]).sum() / 0.07).exp() for t in range(len(numbers)) if t != s)
                loss = loss - (positive / (positive + negatives)).log()
            totals.append(loss / len(numbers))
    return torch.stack(totals).view(len(found), 3).mean(0)


def learners(made: Any) -> nn.Module:
    return nn.ModuleList([made.method.generator, made.method.heads])


def pictures(made: Any) -> tuple[Tensor, Tensor]:
    batch = next(made.batches)
    return batch["image"].double(), batch["other"].double()


class TestStep:
    @pytest.mark.parametrize("resampling", ["filtered", "strided"])
    def test_cut(self, stage: Any, check: Any, resampling: str) -> None:
        generator = Part(name="resnet-translator", width=2, blocks=2, resampling=resampling)
        made = stage(recipe(contrast_weight=2.0, generator=generator), sides())
        x, y = pictures(made)
        g, d = made.method.generator, made.method.discriminator
        turns = made.turns()
        terms = {"adversarial": mean((d(y) - 1) ** 2 + d(g(x).detach()) ** 2)}
        check(next(turns), "discriminator", d, terms, {"adversarial": 0.5})
        second, draw = next(turns), made.numbers()  # now the discriminator has learned
        terms = {
            "adversarial": mean((d(g(x)) - 1) ** 2),
            "contrast": contrast(made, g.seen(x), g.seen(g(x)), draw),
            "identity-contrast": contrast(made, g.seen(y), g.seen(g(y)), draw),
        }
        check(second, "generator", learners(made), terms, {"contrast": 2.0})
        assert next(turns, None) is None

    def test_every_scale_of_a_discriminator_has_a_loss_of_its_own(self, stage: Any, check: Any) -> None:
        judge = Part(name="multi-scale", count=2, width=2, receptive_field=16)
        made = stage(recipe(discriminator=judge, identity_contrast_weight=0.0, contrast_weight=0.0), sides())
        x, y = pictures(made)
        g, d = made.method.generator, made.method.discriminator
        turns = made.turns()
        pairs = zip(d.scales(y), d.scales(g(x).detach()), strict=True)
        loss = sum((mean((one.scores - 1) ** 2 + other.scores**2) for one, other in pairs), torch.zeros(3).double())
        check(next(turns), "discriminator", d, {"adversarial": loss}, {"adversarial": 0.5})
        second = next(turns)
        loss = sum((mean((scale.scores - 1) ** 2) for scale in d.scales(g(x))), torch.zeros(3).double())
        check(second, "generator", learners(made), {"adversarial": loss})

    @pytest.mark.parametrize("loss", ["energy-based", "boundary-equilibrium"])
    def test_losses_of_energies_are_refused(self, stage: Any, loss: str) -> None:
        with pytest.raises(UsageError, match=rf"'{loss}' is for discriminators that reconstruct pictures"):
            stage(recipe(adversarial=loss), sides())

    def test_fastcut_compares_places_as_they_lay_before_mirroring(self, stage: Any, check: Any) -> None:
        fields = {"contrast_weight": 10.0, "identity_contrast_weight": 0.0, "flip_equivariance": True, "seed": 4}
        made = stage(recipe(**fields), sides())
        x, y = pictures(made)
        flips = made.numbers().uniform("flip", 3) < 0.5
        assert 0 < int(flips.sum()) < 3
        shown = x.clone()
        shown[flips] = x[flips].flip(3)
        g, d = made.method.generator, made.method.discriminator
        turns = made.turns()
        terms = {"adversarial": mean((d(y) - 1) ** 2 + d(g(shown).detach()) ** 2)}
        check(next(turns), "discriminator", d, terms, {"adversarial": 0.5})
        second = next(turns)
        found = []
        for maps in g.seen(g(shown)):
            again = maps.clone()
            again[flips] = maps[flips].flip(3)
            found.append(again)
        terms = {
            "adversarial": mean((d(g(shown)) - 1) ** 2),
            "contrast": contrast(made, g.seen(x), found, made.numbers()),
        }
        check(second, "generator", learners(made), terms, {"contrast": 10.0})

    def test_micro_batches_learn_what_a_batch_does(self, stage: Any) -> None:
        """But for the places, which are drawn for each."""
        whole, parted = (stage(recipe(batch=4, patches=4096), sides()) for _ in range(2))
        parted.engine.micro_batch = 2
        parted.engine.parts = 2
        whole.engine.step()
        parted.engine.step()
        for one, other in zip(whole.method.parameters(), parted.method.parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


class TestMaps:
    def test_pixels_convolutions_and_blocks_are_compared(self, stage: Any) -> None:
        generator = Part(name="resnet-translator", width=2, blocks=6)
        g = stage(recipe(generator=generator), sides()).method.generator
        x = torch.rand(1, 3, 24, 16).double()
        kept: dict[str, Tensor] = {}
        for name, part in {"first": g.down[0].convolution, "second": g.down[1].convolution, "1": g.blocks[0],
                           "5": g.blocks[4]}.items():  # fmt: skip
            part.register_forward_hook(lambda _part, _given, made, name=name: kept.__setitem__(name, made))
        made, maps = g.made_and_seen(x)
        assert torch.equal(made, g(x)) and torch.equal(maps[0], x)
        for name, each, again in zip(("first", "second", "1", "5"), maps[1:], g.seen(x)[1:], strict=True):
            assert torch.equal(each, kept[name]) and torch.equal(each, again)
        assert [each.shape[1] for each in maps] == list(g.map_channels)

    def test_places_differ_within_a_picture_and_between_pictures(self, stage: Any) -> None:
        method = stage(recipe(), sides()).method
        places = method.places(torch.zeros(3, 1, 6, 4), Draws(0, 0))
        assert places.shape == (3, 5) and all(len(set(row)) == 5 for row in places.tolist())
        assert len({tuple(sorted(row)) for row in places.tolist()}) == 3
        assert method.places(torch.zeros(3, 1, 2, 2), Draws(0, 0)).shape == (3, 4)


def test_what_is_held_out_is_measured_by_what_is_learned(stage: Any) -> None:
    made = stage(recipe(contrast_weight=3.0), sides())
    batch = next(made.batches).map(lambda values: values.double())
    x, g = batch["image"], made.method.generator
    found = made.method.evaluate(batch, made.numbers())
    wanted = contrast(made, g.seen(x), g.seen(g(x)), made.numbers())
    torch.testing.assert_close(found["contrast"], wanted)
    torch.testing.assert_close(found["loss"], mean((made.method.discriminator(g(x)) - 1) ** 2) + 3 * wanted)


def test_pictures_of_any_size_are_translated(stage: Any) -> None:
    method = stage(recipe(), sides()).method.eval()
    assert method.translate(torch.zeros(1, 3, 11, 42).double(), SampleDraws(0, [0])).shape == (1, 3, 11, 42)


@pytest.mark.parametrize(
    ("fields", "data", "words"),
    [
        ({}, sides(1, 3), r"the sides have 1 and 3 channels\. Type --channels 3, or train cyclegan"),
        ({"generator": Part(name="u-net", width=2)}, sides(), "'u-net' shows none. Type --generator resnet-translator"),
    ],
)
def test_what_cannot_be_compared_is_refused(stage: Any, fields: dict[str, Any], data: Dataset, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        stage(recipe(**fields), data)
