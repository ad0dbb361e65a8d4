"""What a run needs, against counts by hand; a limit is kept or refused in numbers; the run itself is not touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import belamy
from belamy.data import Batch
from belamy.data.dataset import Dataset
from belamy.errors import UsageError
from belamy.methods import gan
from belamy.methods.base import BaseMethod, BaseRecipe, DataSpec, Player, Turn
from belamy.progress import Reporter
from belamy.registry import Part
from belamy.seeds import Draws
from belamy.training import memory
from belamy.training.distribution import World
from belamy.training.estimate import estimate, needs_of
from belamy.training.footprint import Footprint, copied, resident
from belamy.training.limits import NoRoom, choose, parse_bytes
from belamy.training.memory import Needs, Probe, rhythm
from belamy.training.setup import Options, fitted, make_trainer, trained_at
from belamy.training.trainer import Clock, Trainer, fresh

WIDTH, PIXELS, BATCH = 32, 64, 48


class Recipe(BaseRecipe):
    optimizer: Part = Part(name="adam")


class Chain(BaseMethod):
    """64 numbers → 32 → 32 → 1, with hyperbolic tangents; once more than the data are taken in."""

    averaged = ("network",)

    def __init__(self, chosen: BaseRecipe) -> None:
        super().__init__(chosen, DataSpec.pictures((1, 8, 8)))
        layers = [nn.Linear(PIXELS, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 1)]
        self.network = nn.Sequential(*layers)

    @property
    def players(self) -> dict[str, Player]:
        return {"network": Player(self.network, self.recipe.optimizer)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        yield Turn("network", {"output": self.network(next(data).images.flatten(1))[:, 0]})


def chain(noise: Dataset, **fields: Any) -> Trainer:
    chosen = Recipe(batch=BATCH, ema_half_life=10, train_samples=4800).changed(**fields)
    return Trainer(fresh(lambda: Chain(chosen), 0, torch.device("cpu"), torch.float32), noise)


def game(noise: Dataset, micro_batch: int | None = None, recompute: bool = False, **fields: Any) -> Trainer:
    chosen = gan.Recipe(
        generator="digits:width=16", discriminator="dcgan-mnist", latent=8, batch=64, train_samples=6400
    )
    options = Options(device="cpu", progress=False, micro_batch=micro_batch, recompute=recompute)
    return make_trainer(chosen.changed(**fields), noise.spec, noise, options, World())


def build(noise: Dataset, **fields: Any) -> Callable[[bool], Probe]:
    """Makes probes of the game."""
    return lambda recompute: Probe.of(game(noise, recompute=recompute, **fields))


class TestFootprint:
    def test_a_forward_and_a_backward_pass_by_hand(self) -> None:
        """Rows of 1000: x is there already; x·2 makes one and keeps none, its square keeps what it takes."""
        x = torch.ones(1000, requires_grad=True)
        with Footprint() as seen:
            doubled = x * 2
            total = doubled.square().sum()
            total.backward()
        forward = seen.timeline[:3]
        assert forward == [4000, 8000, 8004]
        assert max(seen.timeline) == 16008  # x·2, its power, twice that, the slope; the sum and its slope
        del doubled, total
        assert seen._alive == 4000  # the gradient

    def test_views_and_changes_in_place_make_nothing(self) -> None:
        x = torch.zeros(100, 10)
        with Footprint() as seen:
            x.add_(1).view(1000)[5:].mul_(2)
            x.t().reshape(10, 100)
        assert max(seen.timeline[:-1]) == 0 and seen.timeline[-1] in (0, 4000)

    def test_products_are_counted_in_both_directions(self) -> None:
        weight = torch.ones(8, 4, requires_grad=True)
        with Footprint() as seen:
            (torch.ones(16, 8) @ weight).sum().backward()
        assert seen.flops == 2 * (2 * 16 * 8 * 4)  # the input needs no gradient

    @pytest.mark.parametrize("transposed", [False, True])
    @pytest.mark.parametrize("groups", [1, 4])
    def test_convolutions_are_counted_in_both_directions(self, groups: int, transposed: bool) -> None:
        """Each weight meets each place once, forward, for the slope of the input and for its own."""
        kind = nn.ConvTranspose2d if transposed else nn.Conv2d
        layer = kind(8, 16, 3, padding=1, groups=groups, bias=False)
        with Footprint() as seen:
            layer(torch.ones(2, 8, 5, 6, requires_grad=True)).sum().backward()
        assert seen.flops == 3 * 2 * (2 * 5 * 6) * (8 * 16 * 9 // groups)

    def test_convolutions_copy_what_does_not_lie_channels_last(self) -> None:
        plain = torch.zeros(2, 3, 4, 4)
        assert copied([plain, torch.zeros(5)]) == plain.nbytes
        assert copied([plain.to(memory_format=torch.channels_last)]) == 0

    def test_where_there_is_no_more_room_it_is_left(self) -> None:
        x, done = torch.ones(1000, requires_grad=True), []
        with Footprint(room=9000) as seen:
            doubled = x * 2
            done.append(doubled)
            doubled.square().sum().backward()
            done.append(x)
        assert seen.full and len(done) == 1 and seen.timeline[-1] > 9000 >= max(seen.timeline[:-1])
        with Footprint(room=20_000) as seen:
            (x * 2).square().sum().backward()
        assert not seen.full

    def test_errors_are_not_lack_of_room(self) -> None:
        with pytest.raises(ZeroDivisionError), Footprint(room=9000):
            torch.ones(3).reshape(3, 1 // 0)

    def test_a_process_holds_something(self) -> None:
        assert resident() > 50e6


class TestNeeds:
    def test_a_chain_of_layers_by_hand(self, noise: Dataset) -> None:
        needs = needs_of(chain(noise))
        parameters = (PIXELS + 1) * WIDTH + (WIDTH + 1) * WIDTH + WIDTH + 1
        kept = needs.memory(BATCH)
        assert kept.weights == kept.averages == 4 * parameters
        assert 8 * parameters <= kept.optimizer <= 8 * parameters + 4 * 6  # moments, and a count for each tensor
        assert kept.data == 60 * 64
        # Pictures (bytes, floats and what lies between), two hidden layers twice over; the weights' gradients.
        activations = 4 * BATCH * (PIXELS + 2 * WIDTH)
        assert activations < needs.peak(BATCH) < activations + 4 * BATCH * 2 * (PIXELS + WIDTH) + 3 * 4 * parameters
        assert kept.step == needs.peak(BATCH)

    @pytest.mark.parametrize("fields", [{}, {"penalties": ("r1:every=4",)}, {"turns": "simultaneous"}])
    def test_few_samples_tell_of_many(self, noise: Dataset, fields: dict[str, Any]) -> None:
        """The peak of a large step, found from steps of two and four samples, is the one that is recorded."""
        needs = needs_of(game(noise, **fields))
        for micro in (16, 64):
            recorded = max(needs.probe.record(micro, 1, Clock(0, needs.heavy)).timeline)
            assert needs.peak(micro) == pytest.approx(recorded, rel=0.02)

    def test_micro_batches_need_less_and_are_told_as_well(self, noise: Dataset) -> None:
        needs = needs_of(game(noise))
        for micro in (8, 16, 32):
            recorded = max(needs.probe.record(micro, 64 // micro, Clock(0, needs.heavy)).timeline)
            assert needs.peak(micro, 64 // micro) == pytest.approx(recorded, rel=0.05)
        assert needs.peak(8, 8) < 0.75 * needs.peak(64)  # weights' gradients stay

    def test_a_lazy_penalty_is_met_when_it_is_due(self, noise: Dataset) -> None:
        """Every eighth step both, every other fourth one of them, else none."""
        both = rhythm(game(noise, penalties=("r1:every=8", "r2:every=4")))
        assert both == [(104, 1 / 8), (105, 3 / 4), (108, 1 / 8)]
        assert rhythm(game(noise, penalties=("r1:every=8", "r2:every=8"))) == [(104, 1 / 8), (105, 7 / 8)]
        assert rhythm(game(noise, penalties=("r1:every=2", "r2:every=3")))[0] == (102, 1 / 6)
        assert rhythm(game(noise)) == [(101, 1.0)]

    def test_a_batch_of_one_or_two(self, noise: Dataset) -> None:
        for batch in (1, 2, 3):
            assert needs_of(chain(noise, batch=batch)).peak(batch) > 0

    def test_operations_of_a_sample_by_hand(self, noise: Dataset) -> None:
        """Forward, and backward twice that but for the first layer's input, a multiplication and an addition each."""
        layers = (PIXELS * WIDTH, WIDTH * WIDTH, WIDTH)
        assert needs_of(chain(noise)).flops() == 2 * (3 * sum(layers) - layers[0])


class TestEstimate:
    def test_nothing_of_the_run_changes(self, noise: Dataset) -> None:
        one, other = game(noise, penalties=("r1:every=2",)), game(noise, penalties=("r1:every=2",))
        told = estimate(one)
        assert told.seconds > 0 and told.memory.total > 10e6 and told.speed > 0
        for engine in (one, other):
            engine.step()
            engine.step()
        held_by_both = other.state().tensors
        assert all(torch.equal(tensor, held_by_both[name]) for name, tensor in one.state().tensors.items())

    def test_seconds_are_steps_times_what_one_takes(self, noise: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
        """A lazy term is due on a share of the steps."""
        engine = game(noise, penalties=("r1:every=4",), batch=8, critic_steps=2)

        def play(self: Probe, micro: int, parts: int, clock: Clock) -> float:
            lazy = clock.step % 4 == 0
            played(self, micro, parts, clock)
            return 0.01 * micro * parts * (3 if lazy else 1)

        played = Probe.play
        monkeypatch.setattr(Probe, "play", play)
        told = estimate(engine)
        step = 0.08 * (1 + 2 / 4)
        assert told.seconds == pytest.approx(6400 / 16 * step)
        assert told.speed == pytest.approx(16 / step)

    def test_each_pattern_of_lazy_terms_counts_as_often_as_it_comes(
        self, noise: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of four steps one has both terms, one the cheap one alone: (9 + 1 + 2 + 1) / 4."""
        engine = game(noise, penalties=("r1:every=4", "r2:every=2"), batch=8)

        def play(self: Probe, micro: int, parts: int, clock: Clock) -> float:
            step = clock.step
            played(self, micro, parts, clock)
            return 0.01 * micro * parts * (9 if step % 4 == 0 else 2 if step % 2 == 0 else 1)

        played = Probe.play
        monkeypatch.setattr(Probe, "play", play)
        assert estimate(engine).speed == pytest.approx(8 / (0.08 * 13 / 4))

    @pytest.mark.parametrize(("seconds", "samples", "most"), [(0.1, 640, 16), (0.1, 10_000, 64), (1.0, 10**6, 16)])
    def test_a_step_that_takes_long_is_timed_with_fewer_samples(
        self, noise: Dataset, monkeypatch: pytest.MonkeyPatch, seconds: float, samples: int, most: int
    ) -> None:
        """Two seconds, or a hundredth of the run up to half a minute, are enough for so many of 64."""
        tried: list[int] = []
        played = Probe.play

        def play(self: Probe, micro: int, parts: int, clock: Clock) -> float:
            tried.append(micro * parts)
            played(self, 2, 1, clock)
            clock.samples += micro * parts - 2
            return seconds * micro * parts

        monkeypatch.setattr(Probe, "play", play)
        told = estimate(game(noise, train_samples=samples))
        assert max(tried) == most
        assert told.seconds == pytest.approx(samples * seconds)

    def test_it_says_time_and_memory(self, noise: Dataset) -> None:
        assert " of memory, " in str(estimate(chain(noise)))


class TestLimit:
    def test_no_step_of_the_search_passes_the_limit(self, noise: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
        """The largest micro-batch is taken; an operation that would pass the limit is the last of its step."""
        monkeypatch.setattr(memory, "resident", lambda: 0)
        needs = Needs(build(noise, batch=32)(False), 0)
        wanted = {micro: needs.memory(micro, 32 // micro).total for micro in (4, 32)}
        recorded, inside = Probe.record, []

        def record(self: Probe, micro: int, parts: int, clock: Clock, room: int | None = None) -> Footprint:
            found = recorded(self, micro, parts, clock, room)
            inside.append(room is not None and max(found.timeline[:-1]) <= room)
            return found

        monkeypatch.setattr(Probe, "record", record)
        for micro, limit in wanted.items():
            chosen = choose(build(noise, batch=32), limit)
            assert (chosen.micro_batch, chosen.recompute, chosen.memory.total) == (micro, False, limit)
        assert inside and all(inside)

    def test_what_cannot_fit_is_refused_in_numbers(self, noise: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(NoRoom, match=r"fit into 1 MB: the smallest step had taken [\d.]+ [MG]B \(process .*\) when "
                           r"it was broken off. Type --memory \d+MB to try"):  # fmt: skip
            choose(build(noise), 10**6)
        monkeypatch.setattr(Needs, "peak", lambda needs, micro, parts: 10**10)
        with pytest.raises(NoRoom, match=r"fit into 9.0 GB: the least that this recipe takes is 1\d.\d GB \(process .*"
                           r"--memory \d+MB, or choose"):  # fmt: skip
            choose(build(noise), 9 * 10**9)

    def test_what_is_broken_off_leaves_no_gradients(self, noise: Dataset) -> None:
        probe = build(noise)(False)
        assert probe.record(2, 1, Clock(0, 101), 10**5).full
        assert all(parameter.grad is None for parameter in probe.method.parameters())
        assert not probe.record(2, 1, Clock(0, 101), 10**9).full

    def test_activations_are_computed_again_where_no_micro_batch_fits(
        self, noise: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Needs, "peak", lambda needs, micro, parts: 10**9 if needs.probe.recompute else 10**10)
        chosen = choose(build(noise), 8 * 10**9)
        assert chosen.recompute and chosen.micro_batch == 64
        assert "activations computed again" in str(chosen)

    def test_a_run_keeps_what_was_chosen(self, noise_file: Path, tmp_path: Path) -> None:
        given: dict[str, Any] = {"data": str(noise_file), "samples": 32, "snapshots": 1, "progress": False, "batch": 16}
        run = belamy.train("digits", out=tmp_path / "run", memory="30GB", **given)
        assert run.provenance.micro_batch is None and not run.provenance.checkpoint_activations
        with pytest.raises(UsageError, match="does not fit into 20 MB"):
            belamy.train("digits", out=tmp_path / "small", memory="20 MB", **given)
        assert not (tmp_path / "small").exists()
        with pytest.raises(UsageError, match="Leave out --memory or --micro-batch"):
            belamy.train("digits", out=tmp_path / "both", memory="20 MB", micro_batch=4, **given)

    def test_a_run_is_fitted_with_micro_batches(self, noise: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
        """The limit is replaced by what was chosen for it."""
        monkeypatch.setattr(Needs, "peak", lambda needs, micro, parts: 10**9 * micro)
        options = Options(device="cpu", progress=False, memory="40GB")
        recipe = game(noise).method.recipe
        made, kept, cost = fitted(recipe, noise.spec, noise, options, World(), Reporter())
        assert kept.micro_batch == 64 // made.parts and made.parts > 1 and kept.memory is None
        assert cost is not None and str(estimate(made, cost=cost)).startswith("about ")

    def test_what_does_not_fit_is_not_trained_at_any_speed(self, noise: Dataset) -> None:
        recipe = game(noise).method.recipe
        for limit, trains in (("20MB", False), ("40GB", True), (None, True)):
            options = Options(device="cpu", progress=False, memory=limit)
            assert (trained_at(recipe, noise.spec, noise, options, World()).now > 0) is trains

    @pytest.mark.parametrize("text", ["8 apples", "", "0", "0GB", "-1GB", "GB", "8GBB", "1e9", "nan", "8 8GB"])
    def test_words_that_are_no_memory(self, text: str) -> None:
        with pytest.raises(UsageError, match=r"must be a number of bytes, e\.g\. --memory 8GB"):
            parse_bytes(text)

    def test_words_that_are(self) -> None:
        assert parse_bytes("8gb") == parse_bytes(" 8 G ") == parse_bytes("8000000000B") == 8 * 10**9
        assert parse_bytes("2GiB") == 2 * parse_bytes("1024Mi") == 2**31


def test_a_probe_takes_no_offence(noise: Dataset) -> None:
    engine = chain(noise)
    with torch.no_grad():
        next(engine.method.parameters()).fill_(float("nan"))
    probe: Tensor | float = Probe.of(engine).play(2, 1, Clock(0, 101))
    assert float(probe) > 0
