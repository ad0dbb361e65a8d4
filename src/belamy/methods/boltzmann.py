r"""Restricted Boltzmann machines of black and white pictures, alone or stacked to a deep belief network.

.. math:: p(v) = \frac1Z \sum_h e^{-E(v, h)}, \qquad
          -\frac{\partial \ln p(v)}{\partial\theta} = \frac{\partial F(v)}{\partial\theta}
          - \mathrm{E}_{p}\left[\frac{\partial F(v')}{\partial\theta}\right]

The second mean is over what the machine itself would draw. Gibbs chains stand in for it: begun at the data
(contrastive divergence, ``cd``), or going on from step to step (``pcd``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from belamy.data import Batch, Dataset
from belamy.errors import UsageError
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Sampling, Turn
from belamy.methods.levels import binarised, classes_told, precise, scored
from belamy.networks.boltzmann import BoltzmannLayer, BoltzmannStack
from belamy.networks.partition import SUMMED, Normaliser, log_normaliser
from belamy.processes import gather
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws, generator

MOST_UNITS = 1 << 14
CHUNK = 10
"""Gibbs steps whose random numbers are drawn together."""
MEASURED = 10_000
"""Training pictures by which the means of pixels are measured."""


class Recipe(base.BaseRecipe):
    """Restricted Boltzmann machines: one, or several in a stack."""

    hidden: tuple[int, ...] = (500,)
    """Hidden units of each machine, the one that sees pixels first."""
    negative: Literal["cd", "pcd"] = "pcd"
    """Where the chains of the negative phase begin: at the batch, or where they were."""
    gibbs: int = Field(default=1, ge=1, le=10_000)
    """Gibbs steps of the chains in each step of training, the k of CD-k."""
    chains: int = Field(default=100, ge=1, le=65536)
    """Chains that go on (pcd); cd has one for each sample."""
    centring: float = Field(default=0.01, ge=0, le=1)
    """How fast the offsets of hidden units follow their means; 0 leaves them at a half."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Weight of half the squared norm of the weights, biases apart."""
    binarisation: Literal["threshold", "stochastic", "dynamic"] = "stochastic"
    """How pictures become black and white: at half of white; once and for all, each pixel white with the probability
    of its brightness; or so afresh each time."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="sgd", lr=0.05)
    """How it learns; sgd with momentum=0.9 is usual for cd."""
    annealing_chains: int = Field(default=100, ge=2, le=100_000)
    """Chains that estimate the normaliser, where it cannot be summed."""
    annealing_steps: int = Field(default=5000, ge=2, le=10_000_000)
    """Their temperatures: more make the estimate surer."""
    sampling_steps: int = Field(default=1000, ge=1, le=1_000_000)
    """Gibbs steps of a sample, unless another number is asked for."""

    @classmethod
    def tiny(cls) -> Self:
        """A machine whose states can be summed, with momentum."""
        sizes: dict[str, Any] = {"size": 8, "hidden": (12,), "sampling_steps": 5, "chains": 8}
        sgd = Part(name="sgd", lr=0.05, momentum=0.5)
        return cls(train_samples=96, batch=8, ema_half_life=16, optimizer=sgd, **sizes)


class Method(base.BaseMethod):
    """A player for each machine.

    Of one machine the likelihood is exact where 16 units or fewer are on one side, otherwise an estimate. Of a stack it
    is a bound, by one draw of each machine's hidden units, as loose as its normaliser's estimate makes it.

    *Departs from the papers:* the machines of a stack learn at the same time, each from what those below make of the
    data by then, where they are trained one after the other. The gradient is the centred one
    (:mod:`belamy.networks.boltzmann`).

    References:
        Hinton 2002; Tieleman 2008, "Training restricted Boltzmann machines using approximations to the likelihood
        gradient"; Hinton, Osindero & Teh 2006, "A fast learning algorithm for deep belief nets"; Salakhutdinov & Murray
        2008, "On the quantitative analysis of deep belief networks".

    Raises:
        UsageError: A machine has no hidden units, or the pictures have not 8 bits.
    """

    averaged = ("network",)
    likelihood: Literal["exact", "bound", "estimate"]

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        classes_told(False, spec, "A Boltzmann machine")
        if not recipe.hidden or not all(1 <= size <= MOST_UNITS for size in recipe.hidden):
            raise UsageError(
                f"hidden is {'x'.join(map(str, recipe.hidden)) or 'empty'}, but it must name 1 to {MOST_UNITS:,} units "
                "for each machine, e.g. --hidden 500."
            )
        self.values = spec.shape[0] * spec.shape[1] * spec.shape[2]
        sizes = (self.values, *recipe.hidden)
        self.network: Any = BoltzmannStack(sizes)
        for number, size in enumerate(sizes[:-1], 1):
            first = torch.rand(recipe.chains, size, generator=generator(recipe.seed, "chains", number))
            self.register_buffer(f"chains{number}", (first < 0.5).to(torch.get_default_dtype()))
        self.scored = scored(2, recipe.binarisation)
        small = min(sizes) <= SUMMED
        self.likelihood = "bound" if len(recipe.hidden) > 1 else "exact" if small else "estimate"
        self._found: tuple[bytes, Normaliser] | None = None

    @property
    def players(self) -> dict[str, Player]:
        """A player for each machine."""
        layers = self.network.layers
        return {f"machine{number}": Player(layer, self.recipe.optimizer) for number, layer in enumerate(layers, 1)}

    @property
    def undivided(self) -> str:
        """The chains go on once a step."""
        return "its Gibbs chains go on once in each"

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Values."""
        return {"network": ((self.values,),)}

    def measure_data(self, data: Dataset) -> None:
        """Centre the pixels at their means over training pictures, and begin with biases that give these."""
        some = data.some_training(MEASURED, "begun")
        total = torch.zeros(self.values, dtype=torch.float64)
        for part in some.split(500):
            batch = data.batch(part)
            total += binarised(batch, self.recipe.binarisation, SampleDraws(0, part.tolist())).flatten(1).sum(0)
        first = self.network.layers[0]
        first.begin((total / len(some)).to(first.weight))
        chains = self.get_buffer("chains1")
        chance = torch.rand(chains.shape, generator=generator(self.recipe.seed, "chains", 1)).to(chains)
        chains.copy_(chance < first.seen_mean)

    def seen(self, batch: Batch, draws: Draws | SampleDraws) -> Tensor:
        """The pictures of a batch as the first machine sees them.  # [N, V], 0 and 1"""
        return binarised(batch, self.recipe.binarisation, draws).flatten(1).to(self.network.layers[0].weight)

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn for each machine, from the pixels up: the gap of free energies between data and chains."""
        batch = next(data)
        values = self.seen(batch, draw)
        for number, layer in enumerate(self.network.layers, 1):
            with torch.no_grad():
                chance = layer(values).sigmoid()
                layer.recentre(gather(chance).mean((0, 1)), self.recipe.centring)
                drawn = self.chained(number, layer, values, draw)
            gap = layer.free_energy(values)
            gap = gap - (layer.free_energy(drawn) if len(drawn) == len(gap) else layer.free_energy(drawn).mean())
            decay = (0.5 * layer.weight.square().sum()).expand(len(gap))
            yield Turn(f"machine{number}", {"gap": gap, "decay": decay}, {"decay": self.recipe.weight_decay})
            values = (draw.uniform(f"hidden{number}", *chance.shape) < chance).to(chance)

    def chained(self, number: int, layer: BoltzmannLayer, values: Tensor, draw: Draws) -> Tensor:
        """What a machine draws itself, after the Gibbs steps of a step of training.  # [chains, V]

        Chains that go on are the same on all processes.
        """
        if self.recipe.negative == "cd":
            return self.gibbs(layer, values, lambda size: draw.uniform(f"chains{number}", len(values), size))
        chains = self.get_buffer(f"chains{number}")
        random = generator(draw.seed, f"chains{number}", draw.step)
        chains.copy_(self.gibbs(layer, chains, lambda size: torch.rand(len(chains), size, generator=random).to(chains)))
        return chains.clone()

    def gibbs(self, layer: BoltzmannLayer, values: Tensor, chance: Any) -> Tensor:
        """Visible units after Gibbs steps; ``chance`` gives uniform numbers for so many units.  # [n, V]"""
        for _ in range(self.recipe.gibbs):
            hidden = (chance(layer.hidden) < layer(values).sigmoid()).to(values)
            values = (chance(layer.visible) < layer.shown(hidden).sigmoid()).to(values)
        return values

    def normaliser(self) -> Normaliser:
        """ln Z of the topmost machine as it is now; found once for the same weights."""
        layer = self.network.layers[-1]
        held = b"".join(value.detach().cpu().numpy().tobytes() for value in layer.state_dict().values())
        key = hashlib.sha256(held).digest()
        if self._found is None or self._found[0] != key:
            mean = self.network.layers[-2].hidden_mean if len(self.network.layers) > 1 else layer.seen_mean
            recipe = self.recipe
            self._found = key, log_normaliser(layer, mean, recipe.annealing_chains, recipe.annealing_steps)
        return self._found[1]

    def log_prob(self, batch: Batch, draws: SampleDraws) -> Tensor:
        r"""Log-likelihood of each picture in nats: see ``likelihood``.  # [n]

        Of a stack, of each machine but the topmost: ln p(v | h) - ln q(h | v), with h drawn from q.
        """
        values, told = self.seen(batch, draws), torch.zeros(len(batch), dtype=torch.float64)
        for number, layer in enumerate(self.network.layers[:-1], 1):
            logits = layer(values)
            hidden = (draws.uniform(f"hidden{number}", *logits.shape).to(logits) < logits.sigmoid()).to(logits)
            told = told.to(logits.device) + (_told(layer.shown(hidden), values) - _told(logits, hidden)).double()
            values = hidden
        free = self.network.layers[-1].free_energy(values).double()
        return told.to(free.device) - free - self.normaliser().value

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """Nats of one pixel given all others, as many times as there are pixels: the pseudo-likelihood.

        It is of the first machine, and needs no normaliser.
        """
        values, layer = self.seen(batch, draw), self.network.layers[0]
        places = (draw.uniform("pixel", len(values), 1).to(values) * self.values).long().clamp(max=self.values - 1)
        other = values.scatter(1, places, 1 - values.gather(1, places))
        return {"loss": self.values * softplus(layer.free_energy(values) - layer.free_energy(other))}

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """Uniform numbers, by which the chains of the topmost machine begin.  # [n, V]"""
        size = self.network.layers[-1].visible
        return torch.stack([torch.rand(size, generator=generator(seed, "sample", index)) for index in indices])

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Pictures in black and white after Gibbs steps, each by a chain of its own, in [-1, 1].  # [n, C, H, W]

        Args:
            latents: By which the chains begin.
            labels: Of no account.
            sampling: How many Gibbs steps, and their random numbers.
        """
        sampling = sampling or Sampling(SampleDraws(0, range(len(latents))))
        kind = precise(latents.device)
        network: Any = deepcopy(self.network).to(kind)
        steps = self.recipe.sampling_steps if sampling.steps is None else sampling.steps
        top = network.layers[-1]
        values = (latents.to(kind) < top.seen_bias.sigmoid()).to(kind)
        for first in range(0, steps, CHUNK):
            count = min(CHUNK, steps - first)
            shape = (count, top.visible + top.hidden)
            chance = sampling.draws.uniform(f"gibbs-{first}", len(values), *shape).to(values)
            for number in range(count):
                shown, hidden = chance[:, number].split([top.visible, top.hidden], 1)
                hidden = (hidden < top(values).sigmoid()).to(kind)
                values = (shown < top.shown(hidden).sigmoid()).to(kind)
            sampling.report(first + count, steps)
        for number, layer in reversed([*enumerate(network.layers[:-1], 1)]):
            chance = sampling.draws.uniform(f"shown{number}", len(values), layer.visible).to(values)
            values = (chance < layer.shown(values).sigmoid()).to(kind)
        return (2 * values - 1).unflatten(1, self.spec.shape).to(latents.dtype)


def _told(logits: Tensor, values: Tensor) -> Tensor:
    """Log-likelihood of independent binary units.  # [N, V] to [N]"""
    return (values * logits - softplus(logits)).sum(1)
