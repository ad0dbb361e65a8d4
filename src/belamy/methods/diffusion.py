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
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods.base import DataSpec, Player, Sampling, SamplingOption, Turn
from belamy.methods.denoising import DenoisingMethod, DenoisingRecipe
from belamy.methods.diffusion_filling import DiffusionFilling
from belamy.networks.denoising import SAMPLERS, Sampler, denoised
from belamy.networks.noise_schedules import STEPS, ends, sampled_sigmas, trained_sigmas
from belamy.networks.probability_flow import log_density
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws

SMALL = 16
"""Values of a sample up to which the divergence of the flow is computed, not estimated."""
LOOKED_AT = (0.1, 1.0, 10.0)
"""Levels of noise at which what was learned is measured."""
FARTHEST = 1e6
OPTIONS = {
    "sampler": SamplingOption(
        0,
        "How samples are drawn: the recipe's own way, ddpm (new noise at each step), ddim (Euler's steps), heun (two "
        "evaluations of the network at each step but the last), dpm-solver (second order, one evaluation).",
        choices=("own", *SAMPLERS),
    ),
    "guidance": SamplingOption(
        1.0,
        "w of D = D(no class) + w (D(class) - D(no class)): 1 is the conditional model, 0 the one without classes, "
        "more is clearer and less varied. Papers that write 1 + w mean one less.",
        least=0,
        most=100,
    ),
    "guidance_above": SamplingOption(0.0, "Guide only at levels of noise above this one.", least=0, most=FARTHEST),
    "guidance_below": SamplingOption(
        FARTHEST, "Guide only at levels of noise below this one.", least=0, most=FARTHEST
    ),
}  # fmt: skip


class Recipe(DenoisingRecipe):
    """A diffusion model of pictures, of classes that can be asked for where the data have labels."""

    level_mean: float = Field(default=-1.2, ge=-10, le=10)
    """Mean of ln σ of the levels that are learned, of the edm ones; higher where pictures are nearly black and white,
    whose fine noise is easily told."""
    level_spread: float = Field(default=1.2, gt=0, le=10)
    """Standard deviation of the same."""
    weighting: Literal["plain", "min-snr"] = "plain"
    """How much levels weigh: alike in what the network is asked for, or by min(SNR, 5) in the picture."""
    sampler: Sampler = "dpm-solver"
    """How samples are drawn where nobody chooses."""
    sampling_steps: int = Field(default=12, gt=0, le=STEPS)
    """Steps of the sampler where nobody chooses."""
    label_dropout: float = Field(default=0.1, ge=0, le=1)
    """How often a class is hidden in training, so that samples can be guided."""

    @classmethod
    def tiny(cls) -> Self:
        """A narrow network of one resolution, and two steps."""
        network = Part(name="diffusion-u-net", width=8, multipliers=(1,), patch=4)
        return cls(network=network, train_samples=96, batch=8, ema_half_life=16, sampling_steps=2)


class Method(DenoisingMethod):
    """One player, the network, at a drawn level of noise for each picture.

    References:
        Karras et al. 2022, arXiv 2206.00364, equation 8; Ho et al. 2020, arXiv 2006.11239, algorithms 1 and 2; Salimans
        & Ho 2022, arXiv 2202.00512, section 4; Liu et al. 2022, arXiv 2209.03003, equation 1; guidance: Ho & Salimans
        2022, arXiv 2207.12598, equation 6, whose w is one less.
    """

    sampling_options = OPTIONS
    translating = DiffusionFilling
    likelihood: Literal["exact", "bound"] = "bound"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
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
        yield Turn("model", {"denoising": self.loss(next(data), draw, self.recipe.label_dropout)})

    def loss(self, batch: Batch, draw: Draws, dropout: float = 0.0) -> Tensor:
        """The weighted squared error, a mean over pixels.  # [N]

        Args:
            batch: Pictures.
            draw: Levels, noise, and whose class is hidden.
            dropout: How often one is.
        """
        count, clean = len(batch.main), batch.main - self.network.centre
        recipe, numbers = self.recipe, (draw.normal("level", count), draw.uniform("step", count))
        sigma = trained_sigmas(recipe.noise, *numbers, recipe.level_mean, recipe.level_spread).to(clean)
        labels = self.known_labels(batch)
        if labels is not None:
            hidden = draw.uniform("hidden", count).to(clean) < dropout
            labels = torch.where(hidden, self.classes, labels)
        error = self.network.error(clean, draw.normal("noise", count, *self.spec.shape).to(clean), sigma, labels)
        return error if self.recipe.weighting == "plain" else self.network.min_snr(sigma) * error

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        r"""The loss, no class hidden; and of three levels of noise the squared error, in that of the best linear guess.

        .. math:: \| D(y + \sigma\epsilon; \sigma) - y \|^2 \Big/ \frac{d\, \sigma^2 s^2}{\sigma^2 + s^2}

        with s the standard deviation of the d values of a picture. Where it is not below 1, nothing was learned at that
        level. ``spread`` is the mean square of the centred pictures over s squared, about 1 if s is theirs.
        """
        found, count = {"loss": self.loss(batch, draw)}, len(batch.main)
        clean, labels = batch.main - self.network.centre, self.known_labels(batch)
        found["spread"] = clean.square().flatten(1).mean(1) / self.network.sigma_data.square()
        for level in LOOKED_AT:
            noise = draw.normal("looked at", count, *self.spec.shape).to(clean)
            told = self.network(clean + level * noise, torch.full_like(clean[:, 0, 0, 0], level), labels)
            linear = (level**-2 + self.network.sigma_data**-2).reciprocal()
            found[f"error-at-{level:g}"] = (told - clean).square().flatten(1).mean(1) / linear
        return found

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
        x = batch.main - self.network.centre + spread.to(batch.main)
        labels = self.known_labels(batch)
        probe = None
        if self.prior.latent > SMALL:
            probe = 2 * (draws.uniform("probe", count, *shape) < 0.5).to(x) - 1
        found = log_density(
            lambda state, sigma: self.network(state, sigma.expand(len(state)), labels), x, *ends(self.recipe.noise),
            spread=float(self.network.sigma_data), probe=probe,
        )  # fmt: skip
        return found + self.prior.latent * math.log(self.distance or 1.0)

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Samples in [-1, 1]; the state is float64 where the device has it.  # [n, C H W] to [n, C, H, W]

        Args:
            latents: The noise that is denoised.
            labels: Classes; of a conditional model without them, pictures of any.
            sampling: Options ``sampler``, ``guidance`` and its bounds; steps; new noise for ``ddpm``.

        Raises:
            UsageError: More steps than there are levels.
        """
        sampling = sampling or Sampling(SampleDraws(0, range(len(latents))))
        chosen = {name: option.default for name, option in OPTIONS.items()} | dict(sampling.options)
        steps = self.recipe.sampling_steps if sampling.steps is None else sampling.steps
        if not 1 <= steps <= STEPS:
            raise UsageError(f"steps is {steps:,}, but a diffusion model takes 1 to {STEPS:,}. Type --steps {STEPS}.")
        kind = SAMPLERS[int(chosen["sampler"]) - 1] if chosen["sampler"] else self.recipe.sampler
        state = torch.float32 if latents.device.type == "mps" else torch.float64
        sigmas = sampled_sigmas(self.recipe.noise, steps).to(latents.device, state)
        start = sigmas[0] * latents.to(state).unflatten(1, self.spec.shape)

        def fresh(step: int) -> Tensor:
            """New noise of a step."""
            return sampling.draws.normal(f"step-{step}", len(latents), *self.spec.shape).to(start)

        denoise = self.guided(labels, chosen)
        x = denoised(kind, denoise, start, sigmas, noise=fresh, report=sampling.report)
        return (x + self.network.centre).clamp(-1, 1).to(latents)

    def guided(self, labels: Tensor | None, options: Mapping[str, float]) -> Callable[[Tensor, Tensor], Tensor]:
        """D of a state and a level, with classifier-free guidance.

        Args:
            labels: Classes; None for none.  # [n]
            options: ``guidance``, ``guidance_above`` and ``guidance_below``.
        """
        labels = labels if self.classes else None

        def denoise(x: Tensor, sigma: Tensor) -> Tensor:
            level = sigma.expand(len(x))
            within = options["guidance_above"] < float(sigma) < options["guidance_below"]
            weight = options["guidance"] if within and labels is not None else 1.0
            told: Tensor = self.network(x, level, labels)
            if weight == 1.0:
                return told
            return torch.lerp(self.network(x, level), told, weight)

        return denoise
