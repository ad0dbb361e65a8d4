"""Colourisation by loops in float64: bins against Zhang, Isola & Efros 2016, arXiv 1603.08511, eq. 2 to 5; values
against a discriminator, Isola et al. 2016, arXiv 1611.07004; hints, palettes: Zhang et al. 2017, arXiv 1705.02999."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from belamy.api.given_colours import Hint, as_values, hinted
from belamy.api.given_files import Given
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.colourisation import Recipe
from belamy.networks.cielab import colours_of, grey_of, lab_of
from belamy.networks.colour_bins import ColourBins, gamut
from belamy.networks.user_guided import Colouriser
from belamy.registry import Part
from belamy.seeds import Draws


@pytest.fixture
def colours() -> Dataset:
    pixels = torch.randint(0, 256, (24, 3, 8, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    return Dataset("colours", Memory(pixels))


def recipe(**fields: Any) -> Recipe:
    usual = {"generator": Part(name="zhang", width=2, halvings=1), "batch": 3, "train_samples": 60, "mirror": False}
    return Recipe(**{**usual, **fields})


def values(**fields: Any) -> Recipe:
    guided = Part(name="user-guided", width=2, halvings=2)
    return recipe(**{"form": "values", "generator": guided, **fields})


def lab_by_hand(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """IEC 61966-2-1 and CIE 15, of one colour in [0, 1]."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))
    x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047
    y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
    z = (0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883
    f, h, k = (t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29 for t in (x, y, z))
    return 116 * h - 16, 500 * (f - h), 200 * (h - k)


class TestLab:
    def test_colours_there_and_back(self) -> None:
        colours = torch.rand(2, 3, 5, 4, dtype=torch.float64)
        lab = lab_of(colours)
        for n, h, w in ((0, 0, 0), (1, 4, 3), (0, 2, 1)):
            assert lab[n, :, h, w].tolist() == pytest.approx(lab_by_hand(*colours[n, :, h, w].tolist()), abs=1e-9)
        torch.testing.assert_close(colours_of(lab), colours, rtol=0, atol=1e-9)

    def test_published_values(self) -> None:
        """Of pure red, green and blue."""
        pure = torch.eye(3, dtype=torch.float64).view(3, 3, 1, 1)
        wanted = [[53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86]]
        torch.testing.assert_close(lab_of(pure)[:, :, 0, 0], torch.tensor(wanted).double(), rtol=0, atol=0.02)

    def test_grey_is_as_light(self) -> None:
        colours = torch.rand(2, 3, 5, 4, dtype=torch.float64)
        grey = grey_of(colours)
        torch.testing.assert_close(lab_of(grey.expand(-1, 3, -1, -1))[:, 0], lab_of(colours)[:, 0], rtol=0, atol=1e-4)

    def test_gradients_are_finite_at_black_and_white(self) -> None:
        for value in (0.0, 1.0):
            given = torch.full((1, 3, 2, 2), value, requires_grad=True)
            (lab_of(given).sum() + colours_of(lab_of(given)).sum()).backward()
            assert given.grad is not None and torch.isfinite(given.grad).all()


class TestBins:
    def test_the_nearest_five_by_a_gaussian(self) -> None:
        bins = ColourBins(0.5)
        ab = torch.tensor([12.0, -37.0], dtype=torch.float64)
        weights, places = bins.encoded(ab.view(1, 2, 1, 1))
        apart = ((gamut().double() - ab) ** 2).sum(1)
        nearest = apart.argsort()[:5]
        by_hand = torch.exp(-apart[nearest] / 50)
        assert set(places.flatten().tolist()) == set(nearest.tolist())
        torch.testing.assert_close(weights.flatten(), by_hand / by_hand.sum(), rtol=1e-9, atol=1e-12)

    def test_what_is_rare_weighs_more(self) -> None:
        """Equation 4: w ∝ (½ p̃ + ½ / Q)⁻¹ with E[w] = 1, p̃ smoothed with a deviation of 5."""
        bins = ColourBins(0.5).double()
        bins.count(torch.tensor([8.0, 2.0]), torch.tensor([40, 41]))
        p = torch.zeros(len(bins), dtype=torch.float64)
        p[40], p[41] = 0.8, 0.2
        middles = gamut().double()
        near = torch.exp(-((middles[:, None] - middles[None]) ** 2).sum(2) / 50)
        p = p @ (near / near.sum(1, keepdim=True))
        rare = 1 / (0.5 * p + 0.5 / len(bins))
        torch.testing.assert_close(bins.weights(), rare / (p * rare).sum(), rtol=1e-6, atol=1e-9)
        assert bins.weights()[40] < bins.weights()[100]

    def test_the_annealed_mean_lies_between_mode_and_mean(self) -> None:
        bins = ColourBins(0.5).double()
        z = torch.rand(1, len(bins), 2, 2, dtype=torch.float64)
        z = z / z.sum(1, keepdim=True)
        for temperature in (1.0, 0.38, 0.01):
            share = torch.exp(z.log() / temperature)
            wanted = torch.einsum("nqhw,qc->nchw", share / share.sum(1, keepdim=True), gamut().double())
            torch.testing.assert_close(bins.annealed(z.log(), temperature), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rebalancing", [0.0, 0.5])
def test_one_step(stage: Any, check: Any, colours: Dataset, rebalancing: float) -> None:
    made = stage(recipe(rebalancing=rebalancing), colours)
    pictures = next(made.batches).main.double()
    generator, bins = made.method.generator, made.method.bins
    turn = next(made.turns())
    lab = lab_of((pictures + 1) / 2)
    chances = torch.softmax(generator(lab[:, :1] / 50 - 1), 1)
    middles = gamut().double()
    factors = bins.weights()  # of what was counted in this step: by another test they are the paper's
    assert float(bins.counts.sum()) == pytest.approx(3 * 8 * 12)
    losses = []
    for n in range(3):
        total = torch.zeros((), dtype=torch.float64)
        for h in range(8):
            for w in range(12):
                apart = ((middles - lab[n, 1:, h, w]) ** 2).sum(1)
                nearest = apart.argsort()[:5]
                soft = torch.exp(-apart[nearest] / 50)
                soft = soft / soft.sum()
                total = total - factors[nearest[0]] * (soft * chances[n, nearest, h, w].log()).sum()
        losses.append(total / 96)
    check(turn, "generator", generator, {"colours": torch.stack(losses)})


def test_lightness_stays_and_sizes_are_free(stage: Any, colours: Dataset) -> None:
    method = stage(recipe(), colours).method.eval()
    grey = torch.rand(2, 1, 7, 9, dtype=torch.float64) * 1.2 - 0.6
    with torch.no_grad():
        made = method.translate(grey, None, {"temperature": 1.0})
        assert made.shape == (2, 3, 7, 9) and made.abs().max() <= 1
        inside = (made.abs() < 0.999).all(1)
        assert inside.any()
        light = lab_of((made + 1) / 2)[:, 0], lab_of((grey.expand(-1, 3, -1, -1) + 1) / 2)[:, 0]
        torch.testing.assert_close(light[0][inside], light[1][inside], rtol=0, atol=1e-6)


def test_published_counts_of_the_network() -> None:
    from belamy.networks.zhang import Colouriser

    def convolution(incoming: int, outgoing: int, side: int = 3) -> int:
        return incoming * outgoing * side * side + outgoing

    plan = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512)]
    plan += [(512, 512)] * 11
    whole = sum(convolution(a, b) for a, b in plan) + 2 * (64 + 128 + 256 + 4 * 512)
    whole += convolution(512, 256, 4) + 2 * convolution(256, 256) + convolution(256, 313, 1)
    network = Colouriser((1, 64, 64), 313)
    assert sum(each.numel() for each in network.parameters()) == whole == 32_235_385
    assert network(torch.zeros(1, 1, 37, 64)).shape == (1, 313, 10, 16)


def test_grey_data_are_refused(stage: Any) -> None:
    with pytest.raises(UsageError, match=r"learns from pictures in colour, but these have 1 channel\(s\)"):
        stage(recipe(), Dataset("grey", Memory(torch.zeros(24, 1, 8, 8, dtype=torch.uint8))))


class TestValues:
    def test_one_step_by_the_distance_alone(self, stage: Any, check: Any, colours: Dataset) -> None:
        made = stage(values(), colours)
        lab = lab_of((next(made.batches).main.double() + 1) / 2)
        generator = made.method.generator
        turns = made.turns()
        first = next(turns)
        ab = torch.tanh(generator(lab[:, :1] / 50 - 1))
        wanted = {"reconstruction": (ab - lab[:, 1:] / 110).abs().mean((1, 2, 3))}
        check(first, "generator", generator, wanted, {"reconstruction": 100.0})
        assert next(turns, None) is None and "discriminator" not in made.method.networks()

    def test_one_step_against_a_discriminator(self, stage: Any, check: Any, colours: Dataset) -> None:
        """L_D = -log D(x, y) - log(1 - D(x, G(x))); L_G = -w log D(x, G(x)) + 100 |y - G(x)|."""
        judge = Part(name="patch-gan", receptive_field=1, width=2)
        made = stage(values(adversarial_weight=0.5, discriminator=judge), colours)
        lab = lab_of((next(made.batches).main.double() + 1) / 2)
        generator, discriminator = made.method.generator, made.method.discriminator
        turns = made.turns()
        first = next(turns)
        light, target = lab[:, :1] / 50 - 1, lab[:, 1:] / 110
        ab = torch.tanh(generator(light))
        real, fake = (discriminator(torch.cat([light, each], 1)) for each in (target, ab.detach()))
        told = (softplus(-real) + softplus(fake)).mean((1, 2, 3))
        check(first, "discriminator", discriminator, {"adversarial": told})
        second = next(turns)
        fooled = softplus(-discriminator(torch.cat([light, ab], 1))).mean((1, 2, 3))
        wanted = {"adversarial": fooled, "reconstruction": (ab - target).abs().mean((1, 2, 3))}
        check(second, "generator", generator, wanted, {"adversarial": 0.5, "reconstruction": 100.0})
        assert next(turns, None) is None

    def test_one_step_with_hints_and_a_palette(self, stage: Any, check: Any, colours: Dataset) -> None:
        made = stage(values(hints=5, palette=4), colours)
        lab = lab_of((next(made.batches).main.double() + 1) / 2)
        generator, numbers = made.method.generator, made.numbers()
        turn = next(made.turns())
        told = [hints_by_hand(lab, 5, numbers), palettes_by_hand(lab, 4, numbers)]
        assert 0 < int(told[0][:, 2].sum()) < 3 * 96 and told[1].any()
        ab = torch.tanh(generator(lab[:, :1] / 50 - 1, *told))
        wanted = {"reconstruction": (ab - lab[:, 1:] / 110).abs().mean((1, 2, 3))}
        check(turn, "generator", generator, wanted, {"reconstruction": 100.0})

    def test_bins_may_be_told_by_hints_too(self, stage: Any, colours: Dataset) -> None:
        made = stage(values(form="bins", hints=3), colours)
        ((turn, gradients),) = made.turns()
        assert turn.terms.keys() == {"colours"} and all(each is not None for each in gradients)


def hints_by_hand(lab: Tensor, largest: int, numbers: Draws) -> Tensor:
    """Section 3.2: a geometric number of patches of sides 1 to so many, about the middle with a quarter of the size."""
    count, _, height, width = lab.shape
    numbers_of = numbers.uniform("hints", count)
    sides, places = numbers.uniform("sides", count, 32), numbers.normal("places", count, 32, 2)
    told = torch.zeros(count, 3, height, width, dtype=torch.float64)
    for n in range(count):
        for point in range(floor(log(1 - float(numbers_of[n])) / log(7 / 8))):
            side = 1 + floor(float(sides[n, point]) * largest)
            corner = []
            for axis, whole in enumerate((height, width)):
                free = whole - side + 1
                corner.append(min(max(int(free / 2 + float(places[n, point, axis]) * free / 4), 0), free - 1))
            rows, columns = (slice(each, each + side) for each in corner)
            for channel in range(2):
                told[n, channel, rows, columns] = lab[n, 1 + channel, rows, columns].mean() / 110
            told[n, 2, rows, columns] = 1
    return told


def palettes_by_hand(lab: Tensor, most: int, numbers: Draws) -> Tensor:
    """Of half of the pictures, the soft bins of 1 to so many pixels, in their mean."""
    count, _, height, width = lab.shape
    chances, pixels = numbers.uniform("palette", count, 2), numbers.uniform("pixels", count, most, 2)
    middles = gamut().double()
    told = torch.zeros(count, len(middles), dtype=torch.float64)
    for n in range(count):
        size = 0 if chances[n, 0] < 0.5 else 1 + floor(float(chances[n, 1]) * most)
        for row, column in pixels[n, :size].tolist():
            apart = ((middles - lab[n, 1:, floor(row * height), floor(column * width)]) ** 2).sum(1)
            nearest = apart.argsort()[:5]
            told[n, nearest] += torch.softmax(-apart[nearest] / 50, 0) / size
    return told


class TestTold:
    def test_nothing_told_is_exactly_nothing(self, stage: Any, colours: Dataset) -> None:
        """Of pictures, and of the network against one with the same weights that can be told nothing."""
        method = stage(values(hints=5, palette=4), colours).method.eval()
        grey = torch.rand(2, 1, 7, 9, dtype=torch.float64) * 2 - 1
        without = method.translate(grey, None)
        nothing = torch.cat([grey, torch.rand(2, 3, 7, 9).double(), -torch.ones(2, 1, 7, 9).double()], 1)
        assert torch.equal(method.translate(nothing, None), without)
        assert torch.equal(method.translate(nothing, None, palette=torch.zeros(0, 3)), without)
        assert not torch.equal(method.translate(grey, None, palette=torch.ones(1, 3)), without)
        plain = Colouriser((1, 8, 12), 2, width=2, halvings=2).double().eval()
        own: Mapping[str, Tensor] = method.generator.state_dict()
        plain.load_state_dict({name: own[name] for name in plain.state_dict()})
        light = torch.rand(2, 1, 7, 9).double()
        assert torch.equal(plain(light), method.generator(light, torch.zeros(2, 3, 7, 9).double()))

    def test_hints_of_a_user(self) -> None:
        raw = torch.arange(48, dtype=torch.uint8).view(1, 6, 8)
        (made,) = hinted([Given("a", raw)], [Hint(7, 0, (255, 0, 51)), Hint(3, 4, (1, 2, 3))], 3)
        assert made.dtype == torch.uint8 and torch.equal(made[:1], raw)
        known = torch.zeros(6, 8, dtype=torch.bool)
        known[:2, 6:], known[3:6, 2:5] = True, True
        assert torch.equal(made[4] == 255, known) and not made[:, ~known][1:].any()
        assert made[1:4, 1, 7].tolist() == [255, 0, 51] and made[1:4, 5, 2].tolist() == [1, 2, 3]
        (deep,) = hinted([Given("a", raw.to(torch.uint16))], [Hint(0, 0, (255, 51, 0))], 1)
        assert deep[1:, 0, 0].tolist() == [65535, 13107, 0, 65535]
        assert as_values([(255, 0, 51)]).tolist() == [[1.0, -1.0, pytest.approx(-0.6)]]

    @pytest.mark.slow
    def test_hints_are_followed(self, stage: Any) -> None:
        """Pictures of one lightness, each of one colour that nothing tells but a hint: with it the error falls."""
        draw = torch.Generator().manual_seed(3)
        lab = torch.cat([torch.full((64, 1), 60.0), torch.rand(64, 2, generator=draw) * 80 - 40], 1).view(64, 3, 1, 1)
        pixels = (colours_of(lab.expand(-1, -1, 8, 8)).clamp(0, 1) * 255).round().to(torch.uint8)
        told = values(hints=3, batch=16, generator=Part(name="user-guided", width=8, halvings=1),
                      optimizer=Part(name="adam", lr=1e-2))  # fmt: skip
        made = stage(told, Dataset("plain", Memory(pixels)))
        for _ in range(80):
            made.engine.step()
        method, grey = made.method.eval(), grey_of(pixels[:24].double() / 255)
        raw = [Given("", (each * 255).round().to(torch.uint8)) for each in grey]
        place = [Hint(3, 3, tuple(pixels[n, :, 3, 3].tolist())) for n in range(24)]
        marked = [hinted([each], [hint], method.hint_side)[0] for each, hint in zip(raw, place, strict=True)]
        errors = []
        for source in (torch.stack([each.raw for each in raw]), torch.stack(marked)):
            with torch.no_grad():
                found = lab_of((method.translate(source.double() / 127.5 - 1, None) + 1) / 2)[:, 1:, 3, 3]
            errors.append(float((found - lab[:24, 1:, 0, 0]).norm(dim=1).mean()))
        assert errors[1] < 0.75 * errors[0]


def test_counts_of_the_guided_network() -> None:
    def convolution(incoming: int, outgoing: int, side: int = 3) -> int:
        return incoming * outgoing * side * side + outgoing

    plan = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512)]
    plan += [(512, 512)] * 11
    whole = sum(convolution(a, b) for a, b in plan) + 2 * (64 + 128 + 256 + 4 * 512)
    whole += convolution(512, 256, 4) + convolution(256, 256) * 3 + 2 * 256
    whole += convolution(256, 128, 4) + convolution(128, 128) * 2 + 2 * 128
    whole += convolution(128, 128, 4) + convolution(64, 128) + convolution(128, 128) + 128 * 2 + 2
    assert sum(each.numel() for each in Colouriser((1, 64, 64), 2).parameters()) == whole == 34_049_346
    with_all = sum(each.numel() for each in Colouriser((1, 64, 64), 2, True, 259).parameters())
    assert with_all == whole + 3 * 64 * 9 + 259 * 512 + 3 * 512 * 512 == 34_970_114


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"adversarial_weight": 1.0}, "A discriminator judges colours, but the form 'bins'"),
        ({"hints": 3}, "The generator 'zhang' can be told no colours. Type --generator user-guided"),
        ({"palette": 3}, "The generator 'zhang' can be told no colours"),
    ],
)
def test_what_does_not_go_together_is_refused(stage: Any, colours: Dataset, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        stage(recipe(**fields), colours)
