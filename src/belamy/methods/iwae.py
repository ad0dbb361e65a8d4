r"""A variational autoencoder whose likelihood is bounded: importance-weighted, with a flow or a second level if wanted.

.. math:: \ln p(x) \ge \mathcal L_K = E \ln \frac1K \sum_{k=1}^{K} \frac{p(x \mid z_k)\, p(z_k)}{q(z_k \mid x)},
          \qquad z_k \sim q(z \mid x)

:math:`\mathcal L_1` is the usual evidence lower bound; the bound rises with K, to the likelihood. So a bound is told
with its K. The decoder says how likely each level of a value is, so that bounds stand beside other models' likelihoods.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import base
from belamy.methods.base import DataSpec, Player, Turn
from belamy.methods.levels import ShadesMethod, ShadesRecipe, classes_told
from belamy.networks import stochastic
from belamy.networks.layers import dense
from belamy.networks.stochastic import Gaussian, InverseFlow, Tower, active_units, log_normal, sampled
from belamy.seeds import Draws, SampleDraws

MOST_UNITS = 1 << 16
ROWS = 1 << 14
"""Codes at most that are decoded at a time when a bound is told."""


class Recipe(ShadesRecipe):
    """A variational autoencoder that knows a bound of the likelihood: importance-weighted, by flow, of two levels."""

    hidden: tuple[int, ...] = (500, 500)
    """Units of each hidden layer, of the encoder from the picture on, of the decoder the other way round."""
    latent: int = Field(default=40, gt=0, le=4096)
    """Size of the code."""
    importance: int = Field(default=1, ge=1, le=4096)
    """Codes of each picture in a training step: 1 learns the evidence lower bound, more an importance-weighted one."""
    bound: int = Field(default=500, ge=1, le=1_000_000)
    """Codes of each picture when a likelihood is told, the K of the bound."""
    flow_steps: int = Field(default=0, ge=0, le=64)
    """Steps of an inverse autoregressive flow in the posterior; 0 for independent normal numbers."""
    flow_hidden: int = Field(default=320, ge=1, le=MOST_UNITS)
    """Units of each step's hidden layer."""
    second: int = Field(default=0, ge=0, le=4096)
    """Size of a second code above the first, which tells the first's distribution; 0 for none."""
    second_hidden: tuple[int, ...] = (100,)
    """Units of each hidden layer between the two codes."""
    warm_up: float = Field(default=0.0, ge=0, le=1)
    """Share of the training in which the Kullback-Leibler term's weight rises from 0 to 1, where importance is 1."""

    @classmethod
    def tiny(cls) -> Self:
        """A flow and two levels on few pixels."""
        sizes: dict[str, Any] = {"hidden": (16,), "latent": 4, "second": 2, "second_hidden": (8,)}
        return cls(train_samples=96, batch=8, size=8, ema_half_life=16, bound=8, flow_steps=2, flow_hidden=8, **sizes)


class Method(ShadesMethod):
    """One player, all networks together, that maximises the bound of its ``importance``.

    The Kullback-Leibler term is exact where posterior and prior are normal, and else a difference of log-densities at
    the codes that were drawn. Samples and reconstructions show the mean of what the decoder says.

    *Departs from the papers:* rectifiers in place of tanh (Burda) and of convolutions (Kingma); no free bits.

    References:
        Burda, Grosse & Salakhutdinov 2015, "Importance weighted autoencoders", arXiv:1509.00519; Kingma et al. 2016,
        arXiv:1606.04934.

    Raises:
        UsageError: A hidden layer has no units, or the pictures have not 8 bits.
    """

    averaged: tuple[str, ...] = ("encoder", "decoder")
    nats_terms = ("model.nats", "model.reconstruction")
    likelihood: Literal["exact", "bound"] = "bound"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        classes_told(False, spec, "A model of levels")
        for name in ("hidden", "second_hidden"):
            sizes = getattr(recipe, name)
            if not sizes or not all(1 <= size <= MOST_UNITS for size in sizes):
                raise UsageError(
                    f"{name} is {'x'.join(map(str, sizes)) or 'empty'}, but it must name layers of 1 to "
                    f"{MOST_UNITS:,} units, e.g. --{name.replace('_', '-')} 500x500."
                )
        self.scored = f"{self.scored}, importance-weighted with K = {recipe.bound:,}"
        latent, hidden, between = recipe.latent, recipe.hidden, recipe.second_hidden
        self.encoder = Gaussian(self.values, hidden, latent)
        last = dense(hidden[0], self.values * self.law.parameters)
        self.decoder = nn.Sequential(Tower(latent, hidden[::-1]), last)
        if recipe.flow_steps:
            self.flow = InverseFlow(latent, hidden[-1], recipe.flow_steps, recipe.flow_hidden)
        if recipe.second:
            self.upper = Gaussian(latent, between, recipe.second)
            self.prior = Gaussian(recipe.second, between[::-1], latent)
        self.averaged = tuple(self.networks())

    @property
    def players(self) -> dict[str, Player]:
        """One player, the whole model."""
        return {"model": Player(self, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Values of a picture for the encoder, codes and features for the others."""
        recipe = self.recipe
        code, features = (recipe.latent,), (recipe.hidden[-1],)
        found: dict[str, Any] = {"encoder": ((self.values,),), "decoder": (code,)}
        found |= {"flow": (code, features)} if recipe.flow_steps else {}
        return found | ({"upper": (code,), "prior": ((recipe.second,),)} if recipe.second else {})

    @property
    def plain(self) -> bool:
        """Whether posterior and prior are both independent normal numbers."""
        return not self.recipe.flow_steps and not self.recipe.second

    def posterior(self, features: Tensor, mean: Tensor, log_variance: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Codes of the first level, and their log-density.  # noise [K, N, latent]; to [K, N, latent] and [K, N]"""
        code = sampled(mean, log_variance, noise)
        density = log_normal(code, mean, log_variance)
        if self.recipe.flow_steps:
            context = features.expand(len(noise), *features.shape).flatten(0, 1)
            moved, log_det = self.flow(code.flatten(0, 1), context)
            code, density = moved.view_as(code), density - log_det.view_as(density)
        return code, density

    def divergence(self, code: Tensor, density: Tensor, noise: Tensor) -> Tensor:
        """log q - log p of codes of the first level, with codes of the second drawn.  # [K, N]"""
        zero = code.new_zeros(1)
        if not self.recipe.second:
            return density - log_normal(code, zero, zero)
        _, mean, log_variance = self.upper(code)
        above = sampled(mean, log_variance, noise)
        _, prior_mean, prior_log_variance = self.prior(above)
        upper = log_normal(above, mean, log_variance) - log_normal(above, zero, zero)
        return density + upper - log_normal(code, prior_mean, prior_log_variance)

    def told(self, levels: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of each of K codes the reconstruction's nats and log q - log p, and the posterior means.

        Args:
            levels: Of N pictures.  # long [N, C, H, W]
            noise: Normal, of the first level's code and then the second's.  # [K, N, latent + second]
        """
        latent = self.recipe.latent
        features, mean, log_variance = self.encoder(self.shown(levels, noise.dtype).flatten(1))
        code, density = self.posterior(features, mean, log_variance, noise[..., :latent])
        if self.plain and len(noise) == 1:
            divergence = stochastic.divergence(mean, log_variance)[None]
        else:
            divergence = self.divergence(code, density, noise[..., latent:])
        parameters = self.decoder(code).unflatten(-1, (self.values, self.law.parameters))
        nats = -self.law.log_prob(parameters, levels.flatten(1).expand(len(noise), -1, -1)).sum(-1)
        return nats, divergence, mean

    def noise(self, draws: Draws | SampleDraws, count: int, codes: int) -> Tensor:
        """Normal numbers of K codes of each picture.  # [K, N, latent + second]"""
        drawn = draws.normal("code", count, codes, self.recipe.latent + self.recipe.second)
        return drawn.transpose(0, 1).to(next(self.parameters()))

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn; nats are weighted by 1 over a picture's values, so that gradients keep their size."""
        batch = next(data)
        levels = self.levels(batch, draw)
        nats, divergence, mean = self.told(levels, self.noise(draw, len(levels), self.recipe.importance))
        signals = {"active": active_units(mean)}
        if self.recipe.importance > 1:
            yield Turn("model", {"nats": weighed(nats, divergence)}, {"nats": 1 / self.values}, signals)
            return
        share = min(1.0, draw.progress / self.recipe.warm_up) if self.recipe.warm_up else 1.0
        weights = {"reconstruction": 1 / self.values, "kl": share / self.values}
        yield Turn("model", {"reconstruction": nats[0], "kl": divergence[0]}, weights, signals)

    def log_prob(self, batch: Batch, draws: SampleDraws) -> Tensor:
        """The importance-weighted bound of each picture in nats, of what ``scored`` says.  # [n]"""
        levels, codes = self.levels(batch, draws), self.recipe.bound
        noise = self.noise(draws, len(levels), codes)
        if codes == 1:
            nats, divergence, _ = self.told(levels, noise)
            return -(nats + divergence)[0]
        parts = [self.told(levels, part)[:2] for part in chunks(noise, max(2, ROWS // len(levels)))]
        nats, divergence = (torch.cat(each) for each in zip(*parts, strict=True))
        return -weighed(nats, divergence)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The evidence lower bound, in nats to pay, and its two terms."""
        levels = self.levels(batch, draw)
        nats, divergence, _ = self.told(levels, self.noise(draw, len(levels), 1))
        return {"loss": nats[0] + divergence[0], "reconstruction": nats[0], "kl": divergence[0]}

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """Normal numbers: of two levels, the second's code and what the first adds to it.  # [n, second + latent]"""
        return base.normal_latents(seed, indices, self.recipe.second + self.recipe.latent)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures, of each value the mean of what the decoder says, in [-1, 1].  # [n, C, H, W]"""
        code = latents
        if self.recipe.second:
            above, code = latents.split([self.recipe.second, self.recipe.latent], 1)
            _, mean, log_variance = self.prior(above)
            code = sampled(mean, log_variance, code)
        parameters = self.decoder(code).unflatten(-1, (self.values, self.law.parameters))
        return self.mean_shown(parameters).unflatten(1, self.spec.shape)

    def encode(self, images: Tensor) -> Tensor:
        """The latents of the posterior's mean, of pictures in [-1, 1] as they are.  # [n, second + latent]"""
        features, mean, log_variance = self.encoder(images.flatten(1))
        code, _ = self.posterior(features, mean, log_variance, torch.zeros_like(mean)[None])
        if not self.recipe.second:
            return code[0]
        _, above, _ = self.upper(code[0])
        _, mean, log_variance = self.prior(above)
        return torch.cat([above, (code[0] - mean) * (-0.5 * log_variance).exp()], 1)

    def reconstruct(self, images: Tensor) -> Tensor:
        """What the decoder says of the posterior's mean."""
        return self.generate(self.encode(images))


def chunks(noise: Tensor, most: int) -> tuple[Tensor, ...]:
    """Parts of at least two codes each, about ``most``, so that each is told in the same way.  # [K, …] to parts"""
    return noise.tensor_split(max(1, min(len(noise) // 2, math.ceil(len(noise) / most))))


def weighed(nats: Tensor, divergence: Tensor) -> Tensor:
    """Nats by importance weights: minus the logarithm of their mean.  # [K, N] twice to [N]

    Example:
        >>> weighed(torch.tensor([[1.0], [1.0]]), torch.tensor([[0.5], [0.5]]))
        tensor([1.5000])
    """
    return math.log(len(nats)) - (-nats - divergence).logsumexp(0)
