"""What methods that denoise have in common: the network, what it is asked for, and what it must know of the data."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from belamy.data import Batch, Dataset
from belamy.data.captions import FIELD as CAPTION
from belamy.errors import DataError, UsageError
from belamy.methods.base import OPTIMIZERS, BaseMethod, BaseRecipe, DataSpec, normal_latents
from belamy.modalities.fields import Field as DataField
from belamy.networks.captioned import Captioned
from belamy.networks.noise_schedules import NoiseSchedule
from belamy.networks.preconditioning import Parametrization, Preconditioned
from belamy.networks.priors.normal import Prior
from belamy.registry import Part, Registry

DENOISERS = Registry("belamy.networks", "denoiser", "Denoiser")
TEXT_ENCODERS = Registry("belamy.networks", "text encoder", "TextEncoder")
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
    """Standard deviation of the pictures, black at -1 and white at 1, or of latents; by default it is measured."""
    centre: float | None = Field(default=None, ge=-1, le=1)
    """Their mean, which is taken off; by default it is measured."""
    conditional: bool = True
    """Learn pictures given their class, where they have such."""
    text: Literal["none", "cross-attention", "modulation"] = "none"
    """How captions are told, where the data have such, in place of classes: a vector of the whole scales and shifts all
    places (modulation), and each also looks at the symbols (cross-attention)."""
    text_encoder: Annotated[Part, TEXT_ENCODERS] = Part(name="text-transformer")
    """The network that reads captions; it learns along, where it learns."""
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
        told = spec.fields.get(CAPTION) if recipe.conditional and recipe.text != "none" else None
        self.caption = told if told is not None and told.modality == "text" else None
        self.classes = len(spec.classes) if recipe.conditional and self.caption is None else 0
        self.network = self.built()
        self.prior = Prior(prod(self.shape))

    def built(self) -> Preconditioned:
        """A network as the recipe says, in its first state."""
        recipe = self.recipe
        network = self.captioned(self.caption) if self.caption else DENOISERS.build(
            recipe.network, shape=self.shape, classes=self.classes
        )  # fmt: skip
        centre, spread = recipe.centre or 0.0, recipe.sigma_data or 0.5  # until they are measured
        return Preconditioned(network, recipe.parametrization, centre, spread)

    def captioned(self, caption: DataField) -> Captioned:
        """A network that is told captions of a field.

        Raises:
            UsageError: It takes none.
        """
        recipe, length = self.recipe, caption.shape[0]
        if not getattr(DENOISERS.load(recipe.network.name), "takes_text", False):
            raise UsageError(f"The network '{recipe.network.name}' takes no captions. Type --text none.")
        encoder = TEXT_ENCODERS.build(
            recipe.text_encoder, length=length, vocabulary=len(caption.classes), symbols=caption.classes
        )
        attends = recipe.text == "cross-attention"
        network = DENOISERS.build(recipe.network, shape=self.shape, classes=0, text=encoder.width, attends=attends)
        return Captioned(network, encoder, length)

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
        """The captions of a batch, or its classes, if the model is told them.  # long [N, L] or [N]"""
        if self.caption is not None:
            return batch[CAPTION]
        return batch.labels if self.classes else None

    def hidden(self, told: Tensor, hidden: Tensor) -> Tensor:
        """What is told, but no class, or an empty caption, where it is hidden.  # [N, L] or [N], bool [N]"""
        if self.caption is not None:
            captioned: Any = self.network.inner
            return torch.where(hidden[:, None], captioned.empty, told)
        return torch.where(hidden, self.classes, told)

    def heard(self, told: Tensor | None) -> Tensor | None:
        """What the model listens to of what it is asked for: what it learned with; None for nothing."""
        asked = told is not None and (told.dim() == 2 if self.caption is not None else self.classes > 0)
        return told if asked else None

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """Standard normal noise of the size of what is denoised.  # [n, latent]"""
        return normal_latents(seed, indices, self.prior.latent)
