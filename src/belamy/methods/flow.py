r"""Normalizing flows: an invertible network makes of a sample independent normal numbers, and back.

.. math:: \ln p(x) = \ln N(f(x); 0, I) + \ln \left| \det \frac{\partial f}{\partial x} \right|

Pictures have 256 levels, and a density on them could be as high as one likes; so noise of one level, uniform, is added,
afresh each time. What is learned, and told, is the density of that, of levels: a uniform one has 8 bits per dimension.
A network may choose the noise instead (variational dequantisation); what is told then is a bound of the probability of
the pictures themselves, and the less noise is wasted the closer it is:

.. math:: \ln P(x) \ge E_{u \sim q(u|x)} [\ln p(x + u) - \ln q(u \mid x)]

Vectors are numbers, not levels, and need none of that: the density is of them, in their own units.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from belamy.data import Batch, Dataset
from belamy.errors import UsageError
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Sampling, SamplingOption, Turn
from belamy.methods.levels import classes_told, labels_told
from belamy.methods.requirements import kind_of
from belamy.networks.dequantiser import Dequantiser
from belamy.networks.priors.normal import Prior
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws, derive

FLOWS = Registry("belamy.networks", "flow", "Flow")
LEVELS = 256
BEGUN = 256
"""Training samples at most that a network begins with."""
SCORED = {
    "vector": "vectors in their own units, a density",
    "uniform": "pictures of 8 bits with uniform noise of one level added, a density",
    "variational": "pictures of 8 bits, by one draw of noise that a network chose",
}
"""What the likelihood is of, by the noise."""


class Recipe(base.BaseRecipe):
    """A normalizing flow of pictures or vectors: exact densities, and latents of every sample."""

    network: Annotated[Part, FLOWS] = Part(name="real-nvp")
    """The invertible network."""
    logit_alpha: float = Field(default=0.05, ge=0, le=0.49)
    """Values are drawn so far from black and white before the logit is taken; 0 for no logit."""
    dequantisation: Literal["uniform", "variational"] = "uniform"
    """What noise makes 8-bit pictures continuous: uniform, or chosen by a network of its own. Vectors need none."""
    dequantiser_width: int = Field(default=16, gt=0, le=1024)
    """Channels of that network."""
    conditional: bool = False
    """Learn samples given their class, so that classes can be asked for."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How the network learns."""
    clip_norm: float | None = Field(default=1.0, gt=0)
    """Scale the gradient down to this Euclidean norm."""

    @classmethod
    def tiny(cls) -> Self:
        """A narrow network of two resolutions."""
        network = Part(name="real-nvp", width=4, blocks=1)
        return cls(network=network, size=8, train_samples=96, batch=8, ema_half_life=16)


class Method(base.BaseMethod):
    """One player, the network, that minimises the nats of pictures with noise, or of vectors.

    *Departs from the paper* in the logit: of α + (1 - 2α) x, which treats black and white alike.

    References:
        Dinh et al. 2017, arXiv 1605.08803, section 4.1; Kingma & Dhariwal 2018, arXiv 1807.03039; variational
        dequantisation: Ho et al. 2019, arXiv 1902.00275, section 3.1.

    Raises:
        UsageError: The pictures have not 8 bits, or a conditional model's have no classes.
    """

    averaged: tuple[str, ...] = ("network",)
    likelihood: Literal["exact", "bound"] = "exact"
    nats_terms = ("model.nats",)
    sampling_options: Mapping[str, SamplingOption] = {
        "temperature": SamplingOption(1.0, "Factor of the latents: below 1 likelier and plainer.", least=0, most=100)
    }

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.classes = classes_told(recipe.conditional, spec, "A flow")
        self.network = FLOWS.build(recipe.network, shape=spec.shape, classes=self.classes)
        self.prior = Prior(math.prod(spec.shape))
        self.pictures = spec.modality == "image"
        chosen = self.pictures and recipe.dequantisation == "variational"
        self.dequantiser = Dequantiser(spec.shape[0], recipe.dequantiser_width) if chosen else None
        self.scored = SCORED[recipe.dequantisation if self.pictures else "vector"]
        if chosen:
            self.averaged, self.likelihood = ("network", "dequantiser"), "bound"

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        """Data of the kind that the network takes."""
        return {"main": kind_of(FLOWS, recipe.network)}

    @property
    def players(self) -> dict[str, Player]:
        """One player: the network, with that which chooses the noise if there is one."""
        learning = self.network if self.dequantiser is None else nn.ModuleList([self.network, self.dequantiser])
        return {"model": Player(learning, self.recipe.optimizer)}

    def measure_data(self, data: Dataset) -> None:
        """Let the network begin with up to 256 training samples."""
        some = data.some_training(BEGUN, "begun")
        like = next(self.network.parameters())
        values = data.batch(some).main.to(like)
        if self.pictures:
            noise = SampleDraws(0, some.tolist()).uniform("begun", *values.shape).to(like)
            values = prepared(levels_of(values), noise, self.recipe.logit_alpha)[0]
        self.network.begin(values)

    def nats(self, batch: Batch, draw: Draws | SampleDraws) -> Tensor:
        """Minus the logarithm of the density: of pictures with noise in levels, of vectors in their units.  # [N]

        With noise that a network chooses they are a bound: its own logarithm is counted.

        Args:
            batch: The samples.
            draw: Its stream ``dequantisation`` is the noise of pictures.

        Raises:
            UsageError: A conditional model is given no classes.
        """
        labels = labels_told(self.classes, batch.labels)
        values, told = self.seen(batch.main, draw)
        latents, more = self.network(values, labels)
        size = latents.shape[1]
        return 0.5 * (latents.square().sum(1) + size * math.log(2 * math.pi)) - told - more

    def seen(self, main: Tensor, draw: Draws | SampleDraws) -> tuple[Tensor, Tensor]:
        """What the network sees, and ln |det J| of the way there, less ln q(u | x) of noise that was chosen."""
        if not self.pictures:
            return main, main.new_full((len(main),), stretched(self.spec.field.facts))
        levels, noise = levels_of(main), draw.uniform("dequantisation", *main.shape).to(main)
        if self.dequantiser is None:
            return prepared(levels, noise, self.recipe.logit_alpha)
        noise, chosen = self.dequantiser(2 * levels / (LEVELS - 1) - 1, noise)
        values, told = prepared(levels, noise, self.recipe.logit_alpha)
        return values, told - chosen

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn; the nats are weighted by 1 over a sample's values, so that gradients keep their size."""
        batch = next(data)
        nats = self.nats(batch, draw)
        yield Turn("model", {"nats": nats}, {"nats": 1 / self.prior.latent})

    def log_prob(self, batch: Batch, draws: SampleDraws) -> Tensor:
        """Log-density of each sample in nats, of what ``scored`` says.  # [n]"""
        return -self.nats(batch, draws)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """Nats of a sample, and bits of each of its values."""
        nats = self.nats(batch, draw)
        return {"loss": nats, "bits_per_dimension": nats / (math.log(2) * self.prior.latent)}

    def round_trip(self, batch: Batch, draws: SampleDraws) -> Mapping[str, Tensor]:
        """Errors of the way there and back, how far the network stretches, and the noise of pictures.  # [n] each

        References:
            Behrmann et al. 2021, "Understanding and mitigating exploding inverses in invertible neural networks", arXiv
            2006.09347, section 3: a map that is invertible on paper need not be so in floating point.
        """
        labels = labels_told(self.classes, batch.labels)
        values, _ = self.seen(batch.main, draws)
        latents, stretch = self.network(values, labels)
        drawn = draws.normal("round trip", len(values), self.prior.latent).to(values)
        again = self.network(self.network.inverse(drawn, labels), labels)[0]
        lost = (self.network.inverse(latents, labels) - values) / values.std().clamp(min=1e-6)
        errors = {"data": lost, "latents": again - drawn}
        found = {name: error.square().flatten(1).mean(1).sqrt() for name, error in errors.items()}
        if self.pictures:
            other, _ = self.seen(batch.main, SampleDraws(derive(draws.seed, "another noise"), draws.indices))
            found["noise"] = (self.levels_seen(values) - self.levels_seen(other)).abs().flatten(1).mean(1)
        return {**found, "stretch": stretch / self.prior.latent}

    def levels_seen(self, values: Tensor) -> Tensor:
        """The levels of pictures that the network sees as these values."""
        return shown_levels(restored(values, self.recipe.logit_alpha))

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """Standard normal numbers, as many as a sample has values.  # [n, C H W]"""
        return base.normal_latents(seed, indices, self.prior.latent)

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Pictures in [-1, 1], or vectors.  # [n, C H W] to [n, C, H, W]

        Args:
            latents: Standard normal numbers; option ``temperature`` is their factor.
            labels: Classes of a conditional model; without them, by what classes have in common.
            sampling: Its option.

        Raises:
            UsageError: A number of steps is asked for.
        """
        if sampling is not None and sampling.steps is not None:
            raise UsageError("A flow draws in one pass, so --steps chooses nothing. Leave it out.")
        factor = float((sampling.options if sampling else {}).get("temperature", 1.0))
        values = self.network.inverse(latents * factor, labels if self.classes else None)
        return restored(values, self.recipe.logit_alpha) if self.pictures else values

    def encode(self, images: Tensor) -> Tensor:
        """The latents of samples, of pictures with noise in the middle of a level.  # [n, C, H, W] to [n, C H W]"""
        values = images
        if self.pictures:
            values, _ = prepared(shown_levels(images), torch.full_like(images, 0.5), self.recipe.logit_alpha)
        latents: Tensor = self.network(values)[0]
        return latents

    def reconstruct(self, images: Tensor) -> Tensor:
        """The samples again, but for rounding: the map is invertible."""
        return self.generate(self.encode(images))

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """A sample; of what chooses the noise, with uniform noise."""
        shape = self.spec.shape
        noise = {} if self.dequantiser is None else {"dequantiser": (shape, torch.full((2, *shape), 0.5))}
        return {"network": (shape,), **noise}


def stretched(facts: Mapping[str, Any]) -> float:
    """ln |det J| of the way from vectors in their units to [-1, 1]; what never changes counts for nothing.

    Args:
        facts: ``low`` and ``high`` of each number, or nothing.

    Example:
        >>> stretched({"low": [0.0, 5.0], "high": [4.0, 5.0]})  # 4 become 2
        -0.6931471805599453
    """
    widths = [(high - low) / 2 for low, high in zip(facts.get("low", ()), facts.get("high", ()), strict=True)]
    return -sum(math.log(width) for width in widths if width > 0)


def shown_levels(images: Tensor) -> Tensor:
    """Pictures in [-1, 1] as levels from 0 to 255, not rounded."""
    return (images + 1) * ((LEVELS - 1) / 2)


def levels_of(images: Tensor) -> Tensor:
    """Pictures in [-1, 1] as whole levels.

    Example:
        >>> levels_of(torch.tensor([-1.0, 0.0, 1.0])).tolist()
        [0.0, 128.0, 255.0]
    """
    return shown_levels(images).round()


def prepared(levels: Tensor, noise: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    r"""What the network sees of levels with noise, and ln |det J| of the way there.

    .. math:: y = (x + u) / 256, \qquad v = \ln\frac{\alpha + (1 - 2\alpha)\,y}{1 - \alpha - (1 - 2\alpha)\,y}

    Args:
        levels: 0 to 255.  # [N, …]
        noise: Uniform on [0, 1).  # [N, …]
        alpha: α; with 0, v is 2 y - 1.

    Example:
        >>> prepared(torch.zeros(1, 3), torch.zeros(1, 3), 0.0)[1] / math.log(2)  # of [-1, 1): 7 bits for each
        tensor([-21.])
    """
    shares, size = (levels + noise) / LEVELS, levels[0].numel()
    if alpha == 0:
        return 2 * shares - 1, levels.new_full((len(levels),), size * math.log(2 / LEVELS))
    shares = alpha + (1 - 2 * alpha) * shares
    values = shares.log() - (1 - shares).log()
    told = (-logsigmoid(values) - logsigmoid(-values)).flatten(1).sum(1)
    return values, told + size * math.log((1 - 2 * alpha) / LEVELS)


def restored(values: Tensor, alpha: float) -> Tensor:
    """Pictures in [-1, 1] from what the network sees; the way back, less half a level of noise."""
    shares = (values + 1) / 2 if alpha == 0 else (values.sigmoid() - alpha) / (1 - 2 * alpha)
    return ((shares * LEVELS - 0.5) * (2 / (LEVELS - 1)) - 1).clamp(-1, 1)
