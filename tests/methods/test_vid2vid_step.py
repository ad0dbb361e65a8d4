"""A step of vid2vid against Wang et al. 2018, arXiv 1808.06601, equations 4 to 10, in float64; frames; resuming."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.data import open_data
from belamy.data.dataset import Column, Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.vid2vid import Method, Recipe, picked
from belamy.modalities.fields import Field
from belamy.modalities.label_map import edges
from belamy.networks.warping import warped
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

JUDGE = Part(name="patch-gan", width=3, receptive_field=16)


@pytest.fixture(scope="module")
def scenes() -> Dataset:
    return open_data("moving-scenes:side=16,count=20", length=6)


def recipe(**fields: Any) -> Recipe:
    usual = {
        "generator": Part(name="resnet-translator", width=3, halvings=1, blocks=1),
        "composer_width": 3,
        "composer_halvings": 1,
        "composer_blocks": 1,
        "discriminator": JUDGE,
        "film_discriminator": JUDGE,
        "film_frames": 2,
        "film_rates": 2,
        "frames": 4,
        "batch": 3,
        "train_samples": 90,
        "mirror": False,
    }
    return Recipe(**{**usual, **fields})


def trainer(made: Recipe, data: Dataset) -> Trainer:
    return make_trainer(made, data.spec, data, Options(device="cpu", progress=False), World())


def mean(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1)


class Numbers:
    """The next film as the paper's symbols, and what its equations make of it, written frame by frame."""

    def __init__(self, made: Any) -> None:
        batch = next(made.batches)
        raw, draw, count = made.data.raw(batch.indices), made.numbers(), len(batch)
        start = (draw.uniform("window", count) * 3).long()  # 4 of 6 frames
        films = [slice(int(at), int(at) + 4) for at in start]

        def cut(values: Tensor) -> Tensor:
            return torch.stack([film[window] for film, window in zip(values, films, strict=True)])

        classes, objects = cut(raw["label_film"]).long(), cut(raw["instances"]).long()
        maps = torch.stack([(classes == k).double() for k in range(7)], 2)
        lines = torch.stack([edges(objects[:, t]) for t in range(4)], 1).unsqueeze(2).double()
        self.s, self.x = torch.cat([maps, lines], 2), cut(batch["target"].double())
        self.w = cut(raw["flow"]).double()
        self.method, self.count = made.method, count
        self.starts = {step: (draw.uniform(f"clips {step}", count) * (4 - step)).long() for step in (1, 2)}

    def rolled(self) -> tuple[list[Tensor], list[Tensor]]:
        """Equation 4: two frames back, the first repeated; nothing learns through the frames before."""
        made = [self.method.generator(self.s[:, 0])]
        flows = []
        for t in range(1, 4):
            back = [max(t - 2, 0), t - 1]
            maps = torch.cat([self.s[:, back[0]], self.s[:, back[1]], self.s[:, t]], 1)
            before = torch.cat([made[place].detach() for place in back], 1)
            found = self.method.composer(maps, before)
            kept = warped(made[t - 1].detach(), found.flow)
            made.append((1 - found.mask) * kept + found.mask * found.drawn)
            flows.append(found.flow)
        return made, flows

    def of_frames(self, frames: list[Tensor]) -> list[Any]:
        return [self.method.discriminator.scales(torch.cat([self.s[:, t], frames[t]], 1), features=True)[0]
                for t in range(4)]  # fmt: skip

    def of_films(self, frames: list[Tensor], step: int) -> Any:
        """Two frames of each film beside the flow between them, or two that are two apart."""
        rows = []
        for n, start in enumerate(self.starts[step].tolist()):
            parts = [frames[start][n], frames[start + step][n]]
            rows.append(torch.cat([*parts, self.w[n, start + 1, :2]] if step == 1 else parts))
        judge = self.method.film_discriminators[f"film_discriminator_{step}"]
        return judge.scales(torch.stack(rows), features=True)[0]

    def flow_loss(self, flows: list[Tensor]) -> Tensor:
        """Equation 9: the true flow where a place was seen, and the frames that are warped by the flow."""
        warp = sum(mean((warped(self.x[:, t], flows[t]) - self.x[:, t + 1]).abs()) for t in range(3)) / 3
        seen = self.w[:, 1:, 2]
        apart = sum(((flows[t] - self.w[:, t + 1, :2]).abs().sum(1) * seen[:, t]).sum((1, 2)) for t in range(3))
        return warp + apart / (2 * seen.sum((1, 2, 3)))


def features_apart(mine: Any, its: Any) -> Tensor:
    return sum(mean((a - b.detach()).abs()) for a, b in zip(mine.features, its.features, strict=True))


class TestStep:
    @pytest.mark.parametrize("weight", [10.0, 0.0])
    def test_every_term_and_the_weighted_total(self, stage: Any, check: Any, scenes: Dataset, weight: float) -> None:
        made = stage(recipe(matching_weight=weight), scenes)
        numbers, method = Numbers(made), made.method
        real = [numbers.x[:, t] for t in range(4)]
        fake = [frame.detach() for frame in numbers.rolled()[0]]
        turns = made.turns()
        game = zip(numbers.of_frames(real), numbers.of_frames(fake), strict=True)
        of_judge = sum(mean((r.scores - 1).square()) + mean(f.scores.square()) for r, f in game) / 4
        of_films = sum(
            mean((numbers.of_films(real, step).scores - 1).square())
            + mean(numbers.of_films(fake, step).scores.square())
            for step in (1, 2)
        )
        check(next(turns), "discriminator", method.discriminator, {"adversarial": of_judge})
        check(next(turns), "film_discriminator", method.film_discriminators, {"adversarial": of_films})
        second = next(turns)
        frames, flows = numbers.rolled()
        own, other = numbers.of_frames(frames), numbers.of_frames(real)
        films = [(numbers.of_films(frames, step), numbers.of_films(real, step)) for step in (1, 2)]
        terms = {
            "adversarial": sum(mean((each.scores - 1).square()) for each in own) / 4,
            "matching": sum(features_apart(*pair) for pair in zip(own, other, strict=True)) / 4,
            "film": sum(mean((mine.scores - 1).square()) for mine, _ in films),
            "film_matching": sum(features_apart(*pair) for pair in films),
            "flow": numbers.flow_loss(flows),
        }
        if not weight:
            del terms["matching"], terms["film_matching"]
        module = nn.ModuleList([method.generator, method.composer])
        weights = {"matching": 10.0, "film_matching": 10.0, "flow": 10.0}
        check(second, "generator", module, terms, weights)
        assert next(turns, None) is None

    def test_without_a_true_flow_only_the_warped_frames_count(self, stage: Any, scenes: Dataset) -> None:
        blind = scenes.changed(extra={name: each for name, each in scenes.extra.items() if name != "flow"})
        made = stage(recipe(), blind)
        assert made.method.seen_of_film(1) == 6
        batch = next(made.batches)
        film = made.method.film_of(batch)
        turn = [turn for turn, _ in made.turns()][-1]
        assert film.flow is None and turn.terms["flow"].shape == (3,)

    def test_mirrored_films_have_mirrored_flow(self, stage: Any, scenes: Dataset) -> None:
        made = stage(recipe(mirror=True, frames=6, batch=9), scenes)
        batch, draw = next(made.batches).map(lambda values: values.double()), made.numbers()
        plain, chosen = made.method.film_of(batch), made.numbers().uniform("mirror", 9) < 0.5
        film = made.method.drawn(batch, draw)
        assert chosen.any() and not chosen.all()
        for n, turned in enumerate(chosen.tolist()):
            wanted, flow = (each[n].flip(3) if turned else each[n] for each in (plain.wanted, plain.flow))
            assert torch.equal(film.wanted[n], wanted)
            sign = torch.tensor([-1.0 if turned else 1.0, 1.0, 1.0]).view(1, 3, 1, 1)
            assert torch.equal(film.flow[n], flow * sign)

    @pytest.mark.parametrize("stop", [1, 3])
    def test_resumed_it_goes_on_bit_for_bit(self, goes_on: Any, scenes: Dataset, stop: int) -> None:
        made = recipe(train_samples=12, ema_half_life=8, mirror=True)
        goes_on(trainer(made, scenes), trainer(made, scenes), stop, 4)


class TestFilms:
    @torch.no_grad()
    def test_of_any_length_and_size(self, scenes: Dataset) -> None:
        method: Any = trainer(recipe(), scenes).method.eval()
        source = torch.randint(0, 7, (2, 9, 19, 27))
        made = method.translate(source, SampleDraws(0, range(2)))
        assert made.shape == (2, 9, 3, 19, 27) and made.abs().max() <= 1
        single = method.translate(source[:, :1], SampleDraws(0, range(2)))
        torch.testing.assert_close(single, made[:, :1])

    @torch.no_grad()
    def test_nothing_comes_from_the_future(self, scenes: Dataset) -> None:
        method: Any = trainer(recipe(), scenes).method.eval()
        source = scenes.batch(torch.arange(2)).main
        other = source.clone()
        other[:, 4:] = 0
        made, again = (method.translate(each, SampleDraws(0, range(2))) for each in (source, other))
        torch.testing.assert_close(made[:, :4], again[:, :4])
        assert not torch.allclose(made[:, 4:], again[:, 4:])

    def test_own_measures(self, scenes: Dataset) -> None:
        method: Any = trainer(recipe(), scenes).method.eval()
        batch = scenes.batch(torch.arange(3))
        found = method.evaluate(batch, Draws(0, 0))
        assert {name: tuple(each.shape) for name, each in found.items()} == {"distance": (3,), "warping_error": (3,)}

    def test_pictures_are_films_of_one_frame(self) -> None:
        """Where there is no film, the generator of first frames learns alone."""
        streets = open_data("streets:side=16,count=20")
        engine = trainer(recipe(), streets)
        assert [*engine.players] == ["discriminator", "generator"] and engine.method.composer is None
        engine.step()
        source = streets.batch(torch.arange(2)).main
        assert engine.method.eval().translate(source, SampleDraws(0, range(2))).shape == (2, 3, 16, 16)

    def test_films_of_pictures(self) -> None:
        films = torch.randint(0, 256, (20, 5, 1, 16, 16), dtype=torch.uint8)
        target = Column(Field("video", (5, 3, 16, 16)), Memory(films.expand(-1, -1, 3, -1, -1)))
        data = Dataset("grey", Memory(films), field=Field("video", (5, 1, 16, 16)), extra={"target": target})
        engine = trainer(recipe(), data)
        engine.step()
        assert engine.method.maps == 1 and isinstance(engine.method, Method)


class TestRefusals:
    def data(self, field: Field, target: Field) -> Dataset:
        stores = [Memory(torch.zeros(20, *each.shape, dtype=torch.int32)) for each in (field, target)]
        return Dataset("zeros", stores[0], field=field, extra={"target": Column(target, stores[1])})

    @pytest.mark.parametrize(
        ("field", "target", "words"),
        [
            (Field("label_film", (4, 16, 16), ("a",)), Field("image", (3, 16, 16)), "films of films and pictures of"),
            (Field("label_film", (4, 16, 16)), Field("video", (4, 3, 16, 16)), "label maps of up to 256 classes"),
            (Field("label_film", (4, 16, 16), ("a",)), Field("video", (5, 3, 16, 16)), "those are 4 of 16×16 and"),
        ],
    )
    def test_data_that_do_not_belong_together(self, field: Field, target: Field, words: str) -> None:
        with pytest.raises(UsageError, match=words):
            trainer(recipe(), self.data(field, target))


def test_a_batch_keeps_its_order() -> None:
    """Picked frames are those of their own film."""
    films = torch.arange(12).view(2, 6)
    assert picked(films, torch.tensor([[0, 2], [5, 1]])).tolist() == [[0, 2], [11, 7]]
