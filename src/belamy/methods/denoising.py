"""What methods that denoise have in common: the network, what it is asked for, and what it must know of the data."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from belamy.data import Batch, Dataset
from belamy.errors import DataError
from belamy.methods.base import OPTIMIZERS, BaseMethod, BaseRecipe, DataSpec, normal_latents
from belamy.networks.noise_schedules import NoiseSchedule
from belamy.networks.preconditioning import Parametrization, Preconditioned
from belamy.networks.priors.normal import Prior
from belamy.registry import Part, Registry

DENOISERS = Registry("belamy.networks", "denoiser", "Denoiser")
MEASURED = 4096
"""Pictures at most that the mean and the spread of the data are measured on."""


class DenoisingRecipe(BaseRecipe):
    """A network that denoises pictures, of classes that can be asked for where the data have labels."""

    network: Annotated[Part, DENOISERS] = Part(name="diffusion-u-net")
    """The network that denoises."""
    parametrization: Parametrization = "edm"
    """What the network is asked for: the noise (epsilon), the picture (x0), v, EDM's mixture of the last two, or the
    way from picture to noise (flow)."""
    noise: NoiseSchedule = "edm"
    """Which levels of noise are learned and stepped through: DDPM's linear or cosine ones, EDM's, or those of a flow
    with logit-normal times."""
    sigma_data: float | None = Field(default=None, gt=0, le=100)
    """Standard deviation of the pictures, black at -1 and white at 1; by default it is measured."""
    centre: float | None = Field(default=None, ge=-1, le=1)
    """Their mean, which is taken off; by default it is measured."""
    conditional: bool = True
    """Learn pictures given their class, where they have such."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How the network learns."""
    clip_norm: float | None = Field(default=1.0, gt=0)
    """Scale the gradient down to this Euclidean norm."""
    ema_half_life: int = Field(default=10_000, ge=0)
    """Half-life, in samples, of the exponential average of the weights that is sampled from; 0 for none."""


class DenoisingMethod(BaseMethod):
    """A method whose ``network`` denoises centred pictures; its latents are noise.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
        shape: (channels, height, width) of what is denoised; by default that of pictures.
    """

    averaged = ("network",)

    def __init__(self, recipe: DenoisingRecipe, spec: DataSpec, shape: tuple[int, ...] | None = None) -> None:
        super().__init__(recipe, spec)
        self.shape = shape or spec.shape
        self.classes = len(spec.classes) if recipe.conditional else 0
        self.network = self.built()
        self.prior = Prior(prod(self.shape))

    def built(self) -> Preconditioned:
        """A network as the recipe says, in its first state."""
        recipe = self.recipe
        network = DENOISERS.build(recipe.network, shape=self.shape, classes=self.classes)
        centre, spread = recipe.centre or 0.0, recipe.sigma_data or 0.5  # until they are measured
        return Preconditioned(network, recipe.parametrization, centre, spread)

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Noisy pictures and levels of noise."""
        return {"network": (self.shape, torch.ones(2))}

    def measure_data(self, data: Dataset) -> None:
        """The mean and the standard deviation of up to 4,096 training pictures, where the recipe does not name them.

        Raises:
            DataError: All pixels are alike.
        """
        some = data.some_training(MEASURED, "measured")
        sums = torch.zeros(3, dtype=torch.float64)
        for part in some.split(256):
            values = data.batch(part).main.double()
            sums += torch.stack([torch.ones_like(values).sum(), values.sum(), values.square().sum()])
        mean, square = (sums[1:] / sums[0]).tolist()
        centre = mean if self.recipe.centre is None else self.recipe.centre
        spread = max(square - 2 * centre * mean + centre**2, 0.0) ** 0.5
        if spread < 1e-4 and self.recipe.sigma_data is None:
            raise DataError(f"All pixels of {data.name} are alike: there is nothing to learn. Choose other pictures.")
        self.network.centre.fill_(centre)
        self.network.sigma_data.fill_(self.recipe.sigma_data or spread)

    def clean(self, batch: Batch) -> Tensor:
        """What noise is added to: the pictures less their mean.  # [N, *shape]"""
        return batch.main - self.network.centre

    def shown(self, clean: Tensor) -> Tensor:
        """Pictures in [-1, 1] of what was denoised.  # [N, *shape] to [N, C, H, W]"""
        return (clean + self.network.centre).clamp(-1, 1)

    def condition(self, batch: Batch) -> Tensor | None:
        """The classes of a batch, if the model is told them.  # [N]"""
        return batch.labels if self.classes else None

    def hidden(self, told: Tensor, hidden: Tensor) -> Tensor:
        """What is told, but no class where it is hidden.  # [N], bool [N]"""
        return torch.where(hidden, self.classes, told)

    def heard(self, told: Tensor | None) -> Tensor | None:
        """What the model listens to of what it is asked for: classes, if it learned with them; None for nothing."""
        return told if self.classes else None

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """Standard normal noise of the size of what is denoised.  # [n, latent]"""
        return normal_latents(seed, indices, self.prior.latent)
