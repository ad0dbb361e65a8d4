r"""AR(p), the linear autoregressive model of series: each step is a linear function of the p before it, and noise.

.. math:: y_t = c + \sum_{i=1}^{p} A_i y_{t-i} + L \epsilon_t, \qquad \epsilon_t \sim N(0, I)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field
from torch import Tensor

from belamy.data import Batch, Dataset
from belamy.errors import UsageError
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Sampling, SamplingOption, Turn
from belamy.methods.flow import stretched
from belamy.methods.recipe import SCHEDULES
from belamy.networks.linear_autoregression import LinearAutoregression
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws

BEGUN = 4096
"""Training series at most whose moments are measured."""


class Recipe(base.BaseRecipe):
    """AR(p): each step of a series is a linear function of the steps before it, and normal noise."""

    data: str = "sines"
    """A named set of series, a file or a folder of them."""
    order: int = Field(default=4, ge=1, le=256)
    """Steps before that tell a step, p."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-2, beta1=0.9)
    """How coefficients and covariances learn."""
    schedule: Annotated[Part, SCHEDULES] = Part(name="cosine")
    """How the learning rate changes over the run; falling to nothing it ends at the optimum."""
    train_samples: int = Field(default=200_000, gt=0, le=10**12)
    """Training samples to see, repetitions counted: the length of the run."""

    @classmethod
    def tiny(cls) -> Self:
        """Few short sines, told by two steps."""
        return cls(data="sines:count=60,steps=10,channels=2", order=2, train_samples=96, batch=8, ema_half_life=16)


class Method(base.BaseMethod):
    """One player, the coefficients and covariances, by the likelihood of whole series (teacher forcing: all steps at
    once, each told by true ones).

    The likelihood is exact, and has one maximum: the least-squares coefficients, the covariance of what they leave, and
    mean and covariance of the first p steps. Coefficients are learned of whitened pasts, for which neighbouring steps
    may be alike; the less a step leaves to noise, the longer the loop is on its way there. ``largest_root``, which
    ``evaluate`` tells, is the modulus of the companion matrix's largest eigenvalue: from 1 on a series grows without
    end when it is continued.

    References:
        Box & Jenkins 1970, Time Series Analysis, section 3.2; of several channels: Lütkepohl 2005, New Introduction to
        Multiple Time Series Analysis, sections 2.1 and 3.4.

    Raises:
        UsageError: The order is not below the series' length.
    """

    averaged = ("network",)
    objective_terms = ("model.nats",)
    likelihood: Literal["exact"] = "exact"
    scored = "series in their own units, a density"
    sampling_options: Mapping[str, SamplingOption] = {
        "temperature": SamplingOption(1.0, "Factor of the noise: below 1 likelier and plainer.", least=0, most=100)
    }

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        steps, channels = spec.shape
        self.network = LinearAutoregression(steps, channels, recipe.order)
        self.values = steps * channels

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        """Series."""
        return {"main": "series"}

    @property
    def players(self) -> dict[str, Player]:
        """One player."""
        return {"model": Player(self.network, self.recipe.optimizer)}

    def measure_data(self, data: Dataset) -> None:
        """Measure the moments in whose units all is learned."""
        some = data.some_training(BEGUN, "begun")
        self.network.begin(data.batch(some).main)

    def nats(self, series: Tensor) -> Tensor:
        """Minus the logarithm of the density in the series' own units.  # [N, T, C] to [N]"""
        noise, told = self.network(series)
        units = len(series[0]) * stretched(self.spec.field.facts)
        return 0.5 * (noise.square().sum(1) + self.values * math.log(2 * math.pi)) - told - units

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn; the nats are weighted by 1 over a series' numbers."""
        yield Turn("model", {"nats": self.nats(next(data).main)}, {"nats": 1 / self.values})

    def log_prob(self, batch: Batch, draws: SampleDraws) -> Tensor:
        """Log-density of each series in nats, in its own units.  # [n]"""
        return -self.nats(batch.main)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """Nats of a series, bits of each of its numbers, and the largest root, below 1 where it is stationary."""
        nats = self.nats(batch.main)
        root = self.network.largest_root().to(nats).expand(len(nats))
        return {"loss": nats, "bits_per_dimension": nats / (math.log(2) * self.values), "largest_root": root}

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """Standard normal numbers, one for each of a series.  # [n, T C]"""
        return base.normal_latents(seed, indices, self.values)

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Series, each step on those made before.  # [n, T C] to [n, T, C]

        Args:
            latents: The noise; option ``temperature`` is its factor.
            labels: Of no use here.
            sampling: Its option.

        Raises:
            UsageError: A number of steps is asked for.
        """
        if sampling is not None and sampling.steps is not None:
            raise UsageError("A series has a step for each of its own, so --steps chooses nothing. Leave it out.")
        factor = float((sampling.options if sampling else {}).get("temperature", 1.0))
        series: Tensor = self.network.inverse(latents * factor)
        return series

    def continuation(self, prefix: Tensor, count: int, sampling: Sampling, labels: Tensor | None = None) -> Tensor:
        """Series that begin with a prefix, each later step on those before it.  # [n, t, C] to [n, t + count, C]

        Args:
            prefix: The first steps, none or more.
            count: How many follow.
            sampling: Its streams are the noise; option ``temperature`` is its factor, 0 for what is expected.
            labels: Of no use here.
        """
        noise = sampling.draws.normal("continuation", len(prefix), count, self.spec.shape[1]).to(prefix)
        made: Tensor = self.network.continued(prefix, noise * float(sampling.options.get("temperature", 1.0)))
        return made
