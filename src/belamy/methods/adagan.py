r"""AdaGAN: generators one after the other, each of which learns what the mixture of those before it lacks.

.. math:: G_t = (1 - \beta_t)\,G_{t-1} + \beta_t\,G^c_t
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from belamy.data import Batch, Dataset
from belamy.errors import UsageError
from belamy.losses.boosting import boosting_level, boosting_weights
from belamy.methods import gan
from belamy.methods.base import DataSpec, Player, Turn
from belamy.methods.construction import FULL_SIZE, UNCONDITIONAL, Build, make_critic
from belamy.seeds import Draws, SampleDraws

WEIGHED = 16_384
"""Training samples at most over which λ* is found."""
AT_ONCE = 512
SUREST = 20.0
"""Scores beyond ±20 differ in the ninth digit of their probabilities only."""


class Recipe(gan.Recipe):
    """AdaGAN: a mixture of generators, each of which learns what those before it miss."""

    generators: int = Field(default=5, gt=1, le=64)
    """Components of the mixture, which learn one after the other, each for as long."""
    component_share: float | None = Field(default=None, gt=0, lt=1)
    """Share of each new component in the mixture, β; by default 1/t of the t-th, so that all weigh alike in the end."""
    ratio_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of each component's time but the last's in which a network learns how much the mixture so far makes of what
    is in the data."""

    @classmethod
    def tiny(cls) -> Self:
        """Two narrow components of few digits with classes."""
        return super().tiny().changed(generators=2, train_samples=192)


class Importance(nn.Module):
    """Weights of the real samples of the batch that is being learned from, as a part of the objective.

    Args:
        relativistic: Whether the generator's loss compares pairs, whose real ones have these weights, too.
    """

    weights: Tensor | None = None

    def __init__(self, relativistic: bool) -> None:
        super().__init__()
        self.relativistic = relativistic

    def real(self, scores: Tensor, progress: float) -> Tensor:
        """The weights; of each patch, those of its sample.  # [N P]"""
        if self.weights is None:
            return torch.ones_like(scores)
        return self.weights.repeat_interleave(len(scores) // len(self.weights)).to(scores)

    def fake(self, scores: Tensor, progress: float) -> Tensor:
        """Ones, or of pairs the weights of the real ones."""
        return self.real(scores, progress) if self.relativistic else torch.ones_like(scores)


class Method(gan.Method):
    r"""A GAN for each component, and between them a network that learns the ratio of generated to real density.

    Component t learns from data that weigh (the first: all alike)

    .. math:: w_i = \tfrac1{\beta_t}\,\bigl(\lambda^* - (1-\beta_t)\,h(x_i)\bigr)_+, \qquad h = e^{-s},

    where s is the score of a discriminator of data and mixture so far, and λ* makes the mean weight 1. That is what the
    new component must make for the mixture to be as near to the data as it can be. Weights are factors in the loss;
    they are at most λ*/β. A sample's component is drawn by its share of the mixture.

    *Departs from the paper*: the players' discriminator and the network of the ratio go on from component to component
    and do not begin anew; λ* is found over up to 16,384 training samples; of the paper's ways to choose β there are
    the share 1/t and a constant one. Of pairs (relativistic losses) a pair has its real sample's weight.

    References:
        Tolstikhin, Gelly, Bousquet, Simon-Gabriel & Schölkopf 2017, arXiv 1701.02386, algorithms 1 to 3, equations
        for w and λ* in section 3.2.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
        generator: Makes a component for a size of latents, in place of the recipe's.
        discriminator: Makes a discriminator for a shape, in place of the recipe's; also that of the ratio.

    Raises:
        UsageError: Networks that grow, or replayed images, which would be of components before.
    """

    component: Tensor
    threshold: Tensor

    def __init__(
        self, recipe: Recipe, spec: DataSpec, generator: Build | None = None, discriminator: Build | None = None
    ) -> None:
        super().__init__(recipe, spec, generator, discriminator)
        if recipe.growth != FULL_SIZE or recipe.replay:
            raise UsageError(
                "The components of AdaGAN learn one after the other, so they neither grow over the run nor are images "
                "replayed from those before. Type --growth none --replay 0."
            )
        plain = recipe.changed(discriminator_condition=UNCONDITIONAL, statistics=(), penalties=(), auxiliary=0.0)
        self.ratio = make_critic(plain, self.seen, self.prior, discriminator)
        self.importance = Importance(self.objective.relativistic)
        self.objective.weightings.append(self.importance)
        self.register_buffer("component", torch.zeros((), dtype=torch.long))
        self.register_buffer("threshold", torch.ones(()))
        self.training_batches: Callable[[], Iterable[Batch]] = tuple

    @property
    def players(self) -> dict[str, Player]:
        """Discriminator and generator, and the network of the ratio."""
        return {**super().players, "ratio": Player(self.ratio, self.recipe.discriminator_optimizer)}

    def networks(self) -> dict[str, nn.Module]:
        """Generator, discriminator and the network of the ratio."""
        return {**super().networks(), "ratio": self.ratio}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """As of any GAN; the network of the ratio sees images alone."""
        return {**super().inputs(), "ratio": (self.seen.shape,)}

    def measure_data(self, data: Dataset) -> None:
        """Remember over which training samples λ* will be found."""
        super().measure_data(data)
        device = self.threshold.device
        parts = data.some_training(WEIGHED, "weighed").split(AT_ONCE)
        self.training_batches = lambda: (data.batch(part, device, self.threshold.dtype) for part in parts)

    def phase(self, progress: float) -> tuple[int, bool]:
        """Which component learns at a share of the run, and whether it is the ratio's turn."""
        place = progress * self.recipe.generators
        component = min(int(place), self.recipe.generators - 1)
        last = component == self.recipe.generators - 1
        return component, not last and place - component >= 1 - self.recipe.ratio_share

    def beta(self, component: int) -> float:
        """Share of a component in the mixture that it joins; 1 of the first."""
        return 1.0 if component == 0 else self.recipe.component_share or 1 / (component + 1)

    @property
    def shares(self) -> Tensor:
        """Of the components in the mixture so far, the present one's too; 0 of those to come.  # [T]"""
        shares = torch.zeros(self.recipe.generators)
        for number in range(int(self.component) + 1):
            shares *= 1 - self.beta(number)
            shares[number] = self.beta(number)
        return shares

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn | tuple[Turn, ...]]:
        """The turns of the present component's GAN, or of the ratio."""
        component, of_ratio = self.phase(draw.progress)
        if component != int(self.component):
            self.component.fill_(component)
            self.threshold.copy_(self.level_found())
        if of_ratio:
            yield self.ratio_turn(next(data), draw)
        else:
            yield from super().play(data, draw)

    def ratio_turn(self, batch: Batch, draw: Draws) -> Turn:
        """Learn to tell data from the mixture so far, by the cross-entropy, whatever the players' loss."""
        self.ratio.train()
        latents = self.mixed(self.prior.sample(len(batch), draw, "latents"), draw.uniform("component", len(batch), 1))
        with torch.no_grad():
            made = self.fake(latents, batch.labels)
        real, fake = (self.ratio.judge(images, None).scores for images in (super().real(batch), made))
        signals = {"component": self.component.to(real), "real": real.detach(), "fake": fake.detach()}
        return Turn("ratio", {"classification": softplus(-real) + softplus(fake)}, signals=signals)

    @torch.no_grad()
    def ratios(self, images: Tensor) -> Tensor:
        """h, the density of the mixture before the present component over the data's, by the network.  # [N] float64"""
        self.ratio.eval()
        return (-self.ratio.judge(images, None).scores.double().clamp(-SUREST, SUREST)).exp()

    def level_found(self) -> Tensor:
        """λ* for the present component."""
        found = [self.ratios(super(Method, self).real(batch)) for batch in self.training_batches()]
        return boosting_level(torch.cat(found), self.beta(int(self.component)))

    def real(self, batch: Batch) -> Tensor:
        """The batch's images in the generator's range; their weights are remembered for the losses to come."""
        images, component = super().real(batch), int(self.component)
        self.importance.weights = None
        if component:
            self.importance.weights = boosting_weights(self.ratios(images), self.beta(component), self.threshold)
        return images

    @property
    def strengths(self) -> dict[str, Tensor]:
        """As of any GAN, and the component with the share of the batch that it learns from."""
        weights = self.importance.weights
        learned = torch.ones(()) if weights is None else (weights > 0).double().mean()
        return {**super().strengths, "component": self.component.double(), "learned-from": learned}

    def noise(self, count: int, draw: Draws) -> Tensor:
        """Latents for the present component.  # [count, latent + 1]"""
        z: Tensor = self.prior.sample(count, draw, "latents")
        return torch.cat([z, self.choice(self.component).to(z).expand(count, 1)], 1)

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """The latent of each sample index; the last number chooses its component.  # [n, latent + 1]"""
        numbers = SampleDraws(seed, indices)
        count = len(numbers.indices)
        return self.mixed(self.prior.sample(count, numbers), numbers.uniform("generator", count, 1))

    def mixed(self, z: Tensor, chance: Tensor) -> Tensor:
        """Latents of components that uniform numbers choose.  # [n, latent], [n, 1] to [n, latent + 1]"""
        reached = self.shares.cumsum(0).to(chance)
        chosen = torch.searchsorted(reached, chance, right=True).clamp(max=int(self.component))
        return torch.cat([z, self.choice(chosen).to(z)], 1)

    def choice(self, component: Tensor) -> Tensor:
        """The number in [0, 1) by which a mixture of generators chooses a component."""
        return (component + 0.5) / self.recipe.generators
