r"""Diffusion models: a network learns to denoise at every level of noise, and samples are noise, denoised in steps.

.. math:: \min_F\; E\, w(\sigma) \bigl\| F(c_{in} (y + \sigma\epsilon); c_{noise})
          - (y - c_{skip} (y + \sigma\epsilon)) / c_{out} \bigr\|^2

| paper | ``parametrization`` | ``noise`` |
|---|---|---|
| EDM | ``edm`` | ``edm`` |
| DDPM, improved DDPM | ``epsilon`` | ``linear``, ``cosine`` |
| v-prediction | ``v`` | ``cosine`` |
| flow matching, rectified flow | ``flow`` | ``flow`` |

All are denoisers D(x; σ) of data plus σ times noise, so that every sampler draws from every one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, Self

from torch import Tensor

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods.base import DataSpec, Player, Turn
from belamy.methods.diffusion_filling import DiffusionFilling
from belamy.methods.diffusion_models import DiffusionMethod, DiffusionRecipe
from belamy.networks.noise_schedules import ends
from belamy.networks.probability_flow import log_density
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws

SMALL = 16
"""Values of a sample up to which the divergence of the flow is computed, not estimated."""


class Recipe(DiffusionRecipe):
    """A diffusion model of pictures, of classes that can be asked for where the data have labels."""

    @classmethod
    def tiny(cls) -> Self:
        """A narrow network of one resolution, and two steps."""
        network = Part(name="diffusion-u-net", width=8, multipliers=(1,), patch=4)
        return cls(network=network, train_samples=96, batch=8, ema_half_life=16, sampling_steps=2)


class Method(DiffusionMethod):
    """One player, the network, at a drawn level of noise for each picture; its likelihoods are those of pictures.

    Raises:
        UsageError: Texts are to be told to a recipe that is told nothing.
    """

    translating = DiffusionFilling
    likelihood: Literal["exact", "bound"] = "bound"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        if recipe.text != "none" and not recipe.conditional:
            raise UsageError(
                f"text is '{recipe.text}', but the recipe is told nothing while it learns. Type --conditional, or "
                "--text none."
            )
        super().__init__(recipe, spec)
        self.distance = 2 / (2**spec.field.bits - 1) if spec.field.bits < 32 else 0.0  # of two levels
        levels = f"pictures of {spec.field.bits} bits, each level spread evenly over its width"
        what = levels if self.distance else "densities of pictures between -1 and 1"
        estimate = "" if self.prior.latent <= SMALL else ", its divergence estimated by one probe"
        self.scored = f"{what}, by the probability flow from σ = {ends(recipe.noise)[0]:.2g}{estimate}"

    @property
    def players(self) -> dict[str, Player]:
        """One player, the network."""
        return {"model": Player(self.network, self.recipe.optimizer)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        batch = next(data)
        loss = self.loss(self.clean(batch), self.condition(batch), draw, self.recipe.label_dropout)
        yield Turn("model", {"denoising": loss})

    def log_prob(self, batch: Batch, draws: SampleDraws) -> Tensor:
        r"""A lower bound of the log-likelihood of each picture's levels in nats, by conditional models given its class.

        .. math:: \ln P(x) \ge E_u \ln p(x + u) + d \ln \Delta, \qquad u \sim U(-\Delta/2, \Delta/2)^d

        with one u for each picture, Δ the distance of two levels, and p the density of what the probability flow makes
        of noise down to the least level of it, before a sampler's last step. Of pictures of floats, ln p(x).

        References:
            Theis et al. 2015, arXiv 1511.01844, section 3.1; p: :func:`belamy.networks.probability_flow.log_density`.
        """
        count, shape = len(batch.main), self.spec.shape
        spread = self.distance * (draws.uniform("dequantisation", count, *shape) - 0.5)
        x = self.clean(batch) + spread.to(batch.main)
        labels = self.condition(batch)
        probe = None
        if self.prior.latent > SMALL:
            probe = 2 * (draws.uniform("probe", count, *shape) < 0.5).to(x) - 1
        found = log_density(
            lambda state, sigma: self.network(state, sigma.expand(len(state)), labels), x, *ends(self.recipe.noise),
            spread=float(self.network.sigma_data), probe=probe,
        )  # fmt: skip
        return found + self.prior.latent * math.log(self.distance or 1.0)
