"""How players learn from turns: the one place where gradients are taken, clipped and applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import NotFinite, UsageError
from belamy.methods.base import OPTIMIZERS, Player, Turn
from belamy.methods.recipe import SCHEDULES
from belamy.registry import Part

COSINE = Part(name="cosine")


class Learner:
    """Lets players learn from their turns.

    For each turn the gradients are taken with respect to that player's parameters only, clipped and applied.

    Args:
        players: Who learns, by name.
        clip_value: Clip every element of the gradients to this magnitude.
        clip_norm: Scale each player's gradient down to this Euclidean norm.
    """

    def __init__(
        self, players: Mapping[str, Player], clip_value: float | None = None, clip_norm: float | None = None
    ) -> None:
        self.players, self.clip_value, self.clip_norm = players, clip_value, clip_norm
        self.parameters = {
            name: [parameter for parameter in player.module.parameters() if parameter.requires_grad]
            for name, player in players.items()
        }
        self.optimizers = {name: self.optimizer(name) for name in players}

    def optimizer(self, player: str) -> Any:
        """A player's optimiser as new.

        Raises:
            UsageError: PyTorch refuses one of its numbers, e.g. a negative learning rate.
        """
        part = self.players[player].optimizer
        try:
            return OPTIMIZERS.build(part, parameters=self.parameters[player])
        except ValueError as error:
            raise UsageError(f"The optimizer '{part}' of the {player} cannot be: {error}.") from None

    def factor(self) -> float:
        """The factor of the learning rates at this moment."""
        return 1.0

    def measured(self, name: str, value: Tensor, *, learned: bool) -> None:
        """Is told each scalar: losses that are ``learned`` from, signals, and the norms of gradients."""

    def at_once(self, value: Tensor) -> bool:
        """Whether a number is looked at as soon as it is computed; on an accelerator that would wait for it."""
        return value.device.type == "cpu"

    def combine(self, parameters: Sequence[nn.Parameter]) -> None:
        """Change gradients before they are clipped and applied."""

    def take(self, turns: tuple[Turn, ...], parts: int = 1, last: bool = True) -> None:
        """Let the players of simultaneous turns learn.

        Args:
            turns: Of a batch, or of one of the equal parts of a batch.
            parts: How many parts the batch has; the gradients of all are averaged.
            last: Whether this is the last part: only then the players move.
        """
        for number, turn in enumerate(turns, start=1):
            self.differentiate(turn, retain=number < len(turns), parts=parts)
        if last:
            for turn in turns:
                self.apply(turn.player)

    def differentiate(self, turn: Turn, retain: bool, parts: int = 1) -> None:
        """Add a turn's gradients over the number of parts, with respect to its player's parameters and only those."""
        for name, term in {**turn.terms, **turn.signals}.items():
            self.measured(f"losses/{turn.player}.{name}", term.mean(), learned=name in turn.terms)
        total = turn.total()
        if self.at_once(total) and not torch.isfinite(total):
            bad = next((name for name, term in turn.terms.items() if not torch.isfinite(term).all()), "sum")
            raise NotFinite(f"the loss '{turn.player}.{bad}' is {float(total.detach()):g}")
        share = torch.full_like(total, 1 / parts)
        total.backward(share, inputs=self.parameters[turn.player], retain_graph=retain)

    def apply(self, player: str) -> None:
        """Combine, clip and apply a player's gradients."""
        parameters = self.parameters[player]
        self.combine(parameters)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        self.measured(f"gradient_norms/{player}", norm, learned=True)
        if self.at_once(norm) and not torch.isfinite(norm):
            raise NotFinite(self.bad_gradient(player))
        if self.clip_value is not None:
            torch._foreach_clamp_min_(gradients, -self.clip_value)
            torch._foreach_clamp_max_(gradients, self.clip_value)
        if self.clip_norm is not None:
            torch._foreach_mul_(gradients, (self.clip_norm / (norm + 1e-12)).clamp(max=1))
        self.optimizers[player].step(self.factor())
        self.optimizers[player].torch.zero_grad(set_to_none=True)

    def bad_gradient(self, player: str) -> str:
        """Which gradient of a player is not finite, in words."""
        named = [(name, parameter.grad) for name, parameter in self.players[player].module.named_parameters()]
        name = first_bad_tensor(named)
        return f"the gradient of {player}.{name} is not finite" if name else f"the gradients of {player} overflow"


class _Fit(Learner):
    """A learner whose rates follow a schedule of steps."""

    def __init__(self, players: Mapping[str, Player], steps: int, schedule: Part) -> None:
        super().__init__(players)
        self.step, self.schedule = 0, SCHEDULES.build(schedule, total=steps)

    def factor(self) -> float:
        found: float = self.schedule(self.step, self.step)
        return found


def fit(
    players: Mapping[str, Player],
    play: Callable[[int], Turn | tuple[Turn, ...]],
    steps: int,
    *,
    schedule: Part = COSINE,
    seed: int = 0,
) -> None:
    """Let small networks learn for a number of steps, without a run: judges, detectors, heads.

    Args:
        players: Who learns, by name.
        play: The turn of each step, counted from 0, or simultaneous ones.
        steps: How many.
        schedule: Of the learning rates; its total is the steps.
        seed: Of what networks draw from PyTorch, such as dropout; the process's own random numbers are left alone.

    Raises:
        NotFinite: A loss, a gradient or a weight is NaN or infinite.
    """
    learner = _Fit(players, steps, schedule)
    device = next(parameter.device for each in learner.parameters.values() for parameter in each)
    with torch.random.fork_rng(devices=[]):
        seed_torch(seed, device)
        for step in range(steps):
            learner.step = step
            turns = play(step)
            learner.take(turns if isinstance(turns, tuple) else (turns,))
    for name, player in players.items():
        if bad := first_bad_tensor(list(player.module.state_dict().items())):
            raise NotFinite(f"the weight {name}.{bad} is not finite")


def first_bad_tensor(named: Sequence[tuple[str, Tensor | None]]) -> str | None:
    """The name of the first tensor that is not finite."""
    return next((name for name, tensor in named if tensor is not None and not torch.isfinite(tensor).all()), None)


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed the generators that networks on a device draw from; ``torch.manual_seed`` also queues calls, and stack
    traces with them, for every absent kind of device."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
