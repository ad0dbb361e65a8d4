"""The only training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import cycle, tee
from time import monotonic
from typing import Any

import torch
from torch import Tensor, nn

from belamy.data import Batch, Batches, Dataset
from belamy.errors import NotFinite, UsageError
from belamy.methods.base import BaseMethod, Turn
from belamy.methods.learning import Learner, first_bad_tensor, seed_torch
from belamy.methods.recipe import SCHEDULES
from belamy.runs.checkpoint import Checkpoint
from belamy.seeds import Draws, derive
from belamy.training.activations import Blocks
from belamy.training.averaging import Averages
from belamy.training.distribution import World, average_gradients
from belamy.training.finite import LateCheck, first_bad_layer
from belamy.training.ramping import Ramps
from belamy.training.state import load_module, load_optimizer, module_tensors, optimizer_tensors
from belamy.training.tally import Tally


@dataclass
class Clock:
    """Where the run is: samples seen over all processes, steps done, seconds spent training."""

    samples: int = 0
    step: int = 0
    seconds: float = 0.0


@dataclass
class Trainer(Learner):
    """Plays a method's turns and lets its players learn.

    Gradients are averaged over the processes. Randomness is a function of the seed and the step, so the state is what
    :meth:`state` returns and nothing else.

    Args:
        method: On its device, in its precision.
        dataset: Its ``train`` split is learned from.
        world: The processes that share each batch.
        mixed: Type of automatic mixed precision, None for none.
        source: Gives endless batches from a position on, in place of a data set's.
        micro_batch: Samples that a process takes at a time, None for its whole share of a batch.
        recompute: Whether blocks of networks forget their activations and compute them again for their gradients.

    Raises:
        UsageError: A micro-batch that the share of a batch is no multiple of, a method that sees batches as a whole, or
            networks without blocks.
    """

    method: BaseMethod
    dataset: Dataset
    world: World = field(default_factory=World)
    mixed: torch.dtype | None = None
    source: Callable[[int], Any] | None = None
    clock: Clock = field(default_factory=Clock)
    tally: Tally = field(default_factory=Tally)
    micro_batch: int | None = None
    recompute: bool = False

    def __post_init__(self) -> None:
        recipe = self.method.recipe
        self.parts = parts_of(self.method, self.micro_batch, self.world)
        first = next(self.method.parameters())
        self.device, self.dtype = first.device, first.dtype
        super().__init__(self.method.players, recipe.clip_value, recipe.clip_norm)
        self.schedule: Callable[[int, int], float] = SCHEDULES.build(recipe.schedule, total=recipe.train_samples)
        self.averages = Averages(self.method, recipe.ema_half_life)
        self.ramps = Ramps(self.method, self.optimizers, self.averages)
        self.batches = self.open_batches(0)
        self.blocks = Blocks(player.module for player in self.players.values()) if self.recompute else Blocks(())
        if self.recompute and not len(self.blocks):
            raise UsageError("The networks of this recipe have no blocks that could be computed again. Leave out "
                             "--checkpoint-activations, or choose --micro-batch.")  # fmt: skip
        self.late = None if self.device.type == "cpu" else LateCheck(self.device)

    def open_batches(self, position: int) -> Any:
        """The training data from a batch on."""
        if self.source:
            return self.source(position)
        recipe = self.method.recipe
        rank, size = self.world.rank, self.world.size
        return Batches(
            self.dataset, "train", recipe.batch, recipe.seed, rank=rank, world=size, position=position,
            device=self.device,
        )  # fmt: skip

    def step(self) -> None:
        """One step: all turns that the method plays, then the averages and the clock."""
        started = monotonic()
        position = self.batches.position
        self.ramps.apply(self.clock.samples)
        for number, turns in enumerate(self.turns()):
            try:
                self.take(turns, self.parts, last=(number + 1) % self.parts == 0)
            except NotFinite as error:
                raise self.explained(error, position, number + 1) from None
        if self.late:
            self.late.ask(self.clock.step)
        recipe = self.method.recipe
        self.clock.step += 1
        seen = max(self.batches.position - position, 1) * recipe.batch  # a method may draw several batches a step
        self.clock.samples += seen
        self.averages.update(self.clock.samples, seen)
        self.clock.seconds += monotonic() - started

    def turns(self) -> Iterator[tuple[Turn, ...]]:
        """The turns of the current step as tuples of simultaneous ones; of each, those of all micro-batches in order.

        Raises:
            UsageError: The micro-batches do not come to the same turns.
        """
        recipe, step, world, parts = self.method.recipe, self.clock.step, self.world, self.parts
        seed_torch(derive(recipe.seed, "step", step, world.rank), self.device)  # dropout draws from torch itself
        progress = min(self.clock.samples / recipe.train_samples, 1.0)
        played = []
        for part, batches in enumerate(tee(self.batches, parts) if parts > 1 else [self.batches]):
            rank, size = world.rank * parts + part, world.size * parts  # each part draws as a process would
            draw = Draws(recipe.seed, step, rank, size, self.device, self.dtype, progress, parts)
            played.append(self.method.play(_seen(batches, self.dtype, part, parts), draw))
        players: tuple[str, ...] | None = None
        for part, play in cycle(enumerate(played)):
            with self.precision(), self.blocks.recomputed():
                turn = next(play, None)
            turns = (turn,) if isinstance(turn, Turn) else turn or ()
            now = tuple(each.player for each in turns)
            if part and now != players:
                raise UsageError(f"The micro-batches of a step came to turns of {players} and of {now}, but one player "
                                 "learns from all of them. Leave out --micro-batch.")  # fmt: skip
            players = now
            if turns:
                yield turns
            elif part == parts - 1:
                return

    def precision(self) -> AbstractContextManager[object]:
        """The context of forward passes."""
        return torch.autocast(self.device.type, self.mixed) if self.mixed else nullcontext()

    def factor(self) -> float:
        """The schedule's factor of the learning rates."""
        return self.schedule(self.clock.samples, self.clock.step)

    def measured(self, name: str, value: Tensor, *, learned: bool) -> None:
        """Count a scalar, and note what must be finite where that is heard of later."""
        self.tally.add(name, value)
        if self.late and learned:
            kind, _, key = name.partition("/")
            self.late.note(f"the loss '{key}'" if kind == "losses" else f"the gradient norm of the {key}", value)

    def at_once(self, value: Tensor) -> bool:
        """Whether a number is looked at without waiting: on the CPU."""
        return self.late is None

    def combine(self, parameters: Sequence[nn.Parameter]) -> None:
        """Average gradients over the processes."""
        average_gradients(parameters, self.world.size)

    def check_finite(self) -> None:
        """Look for NaN and infinity in all weights, as is done before anything is saved.

        Raises:
            NotFinite: A weight is not finite, or a number of an earlier step was not.
        """
        if self.late:
            self.late.settle()
        bad = first_bad_tensor(list(self.method.state_dict().items()))
        if bad:
            raise NotFinite(f"the weight {bad} is not finite")

    def explained(self, error: NotFinite, position: int, count: int) -> NotFinite:
        """The error with the layer that started it, found by playing the step again without learning."""
        if self.world.size > 1:  # the other processes do not play along, and normalisation would wait for them
            return error
        self.batches = self.open_batches(position)
        layer = first_bad_layer(self.method, iter(self.turns()), count)
        where = f"; the first layer with a bad output is {layer}" if layer else "; no layer's output is bad"
        return NotFinite(f"{error}{where}")

    def state(self) -> Checkpoint:
        """Everything that decides how the run goes on."""
        tensors = module_tensors("method", self.method)
        for name, network in self.averages.networks.items():
            tensors |= module_tensors(f"average/{name}", network)
        for name, optimizer in self.optimizers.items():
            tensors |= optimizer_tensors(f"optimizer/{name}", optimizer.torch)
        tensors |= self.tally.tensors("tally")
        clock = self.clock
        return Checkpoint(clock.samples, clock.step, self.batches.position, clock.seconds, tensors)

    def load_state(self, state: Checkpoint) -> None:
        """Go on from a state.

        Raises:
            RunError: It belongs to another recipe.
        """
        load_module(self.method, state.below("method"))
        for name, network in self.averages.networks.items():
            load_module(network, state.below(f"average/{name}"))
        for name, optimizer in self.optimizers.items():
            load_optimizer(optimizer.torch, state.below(f"optimizer/{name}"))
        self.tally.load(state.below("tally"), self.device)
        self.clock = Clock(state.samples, state.step, state.seconds)
        self.batches = self.open_batches(state.position)


def _seen(batches: Iterator[Batch], dtype: torch.dtype, part: int, parts: int) -> Iterator[Batch]:
    """A part of each batch, in the type of the weights."""
    for whole in batches:
        batch = whole.part(part, parts)
        yield batch if dtype == torch.float32 else batch.map(lambda values: values.to(dtype))


def parts_of(method: BaseMethod, micro_batch: int | None, world: World) -> int:
    """How many micro-batches a process takes its share of a batch in.

    Raises:
        UsageError: The share is no multiple of the micro-batch, or the method sees batches as a whole.
    """
    batch = method.recipe.batch
    share = batch // world.size
    if micro_batch is None or micro_batch == share:
        return 1
    if micro_batch < 1 or share % micro_batch:
        fits = [size for size in range(1, share + 1) if share % size == 0]
        nearest = min(fits, key=lambda size: abs(size - micro_batch))
        of = f"{share} samples that each of {world.size} processes takes of the " if world.size > 1 else ""
        raise UsageError(f"The micro-batch is {micro_batch}, but it must divide the {of}batch of {batch}. "
                         f"Type --micro-batch {nearest}.")  # fmt: skip
    if method.undivided:
        raise UsageError(f"A step of this recipe cannot be taken in micro-batches: {method.undivided}. Leave out "
                         "--micro-batch, or choose a smaller --batch.")  # fmt: skip
    return share // micro_batch


def fresh(build: Callable[[], BaseMethod], seed: int, device: torch.device, dtype: torch.dtype) -> BaseMethod:
    """A method with initial weights drawn from the seed, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "weights"))
        method = build()
    return method.to(device=device, dtype=dtype).train()
