"""What diffusion models of pictures and of latents have in common: their loss, their samplers, and guidance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods.base import Sampling, SamplingOption
from belamy.methods.denoising import DenoisingMethod, DenoisingRecipe
from belamy.networks.denoising import SAMPLERS, Sampler, denoised
from belamy.networks.noise_schedules import STEPS, sampled_sigmas, trained_sigmas
from belamy.seeds import Draws, SampleDraws

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


class DiffusionRecipe(DenoisingRecipe):
    """A diffusion model: which levels of noise it learns at, and how samples are drawn."""

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


class DiffusionMethod(DenoisingMethod):
    """A method whose network learns at a drawn level of noise for each picture, and whose samples are denoised noise.

    References:
        Karras et al. 2022, arXiv 2206.00364, equation 8; Ho et al. 2020, arXiv 2006.11239, algorithms 1 and 2; Salimans
        & Ho 2022, arXiv 2202.00512, section 4; Liu et al. 2022, arXiv 2209.03003, equation 1; guidance: Ho & Salimans
        2022, arXiv 2207.12598, equation 6, whose w is one less.
    """

    sampling_options = OPTIONS

    def loss(self, clean: Tensor, told: Tensor | None, draw: Draws, dropout: float = 0.0) -> Tensor:
        """The weighted squared error, a mean over pixels.  # [N]

        Args:
            clean: What noise is added to.  # [N, *shape]
            told: What the network is told of each, e.g. its class; None for nothing.
            draw: Levels, noise, and of whom it is hidden.
            dropout: How often it is.
        """
        count = len(clean)
        recipe, numbers = self.recipe, (draw.normal("level", count), draw.uniform("step", count))
        sigma = trained_sigmas(recipe.noise, *numbers, recipe.level_mean, recipe.level_spread).to(clean)
        if told is not None:
            told = self.hidden(told, draw.uniform("hidden", count).to(clean) < dropout)
        error = self.network.error(clean, draw.normal("noise", count, *self.shape).to(clean), sigma, told)
        return error if self.recipe.weighting == "plain" else self.network.min_snr(sigma) * error

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        r"""The loss, no class hidden; and of three levels of noise the squared error, in that of the best linear guess.

        .. math:: \| D(y + \sigma\epsilon; \sigma) - y \|^2 \Big/ \frac{d\, \sigma^2 s^2}{\sigma^2 + s^2}

        with s the standard deviation of the d values of a picture. Where it is not below 1, nothing was learned at that
        level. ``spread`` is the mean square of the centred pictures over s squared, about 1 if s is theirs.
        """
        clean, condition, count = self.clean(batch), self.condition(batch), len(batch.main)
        found = {"loss": self.loss(clean, condition, draw)}
        found["spread"] = clean.square().flatten(1).mean(1) / self.network.sigma_data.square()
        for level in LOOKED_AT:
            noise = draw.normal("looked at", count, *self.shape).to(clean)
            told = self.network(clean + level * noise, torch.full_like(clean[:, 0, 0, 0], level), condition)
            linear = (level**-2 + self.network.sigma_data**-2).reciprocal()
            found[f"error-at-{level:g}"] = (told - clean).square().flatten(1).mean(1) / linear
        return found

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Samples in [-1, 1]; the state is float64 where the device has it.  # [n, latent] to [n, C, H, W]

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
        start = sigmas[0] * latents.to(state).unflatten(1, self.shape)

        def fresh(step: int) -> Tensor:
            """New noise of a step."""
            return sampling.draws.normal(f"step-{step}", len(latents), *self.shape).to(start)

        denoise = self.guided(labels, chosen)
        x = denoised(kind, denoise, start, sigmas, noise=fresh, report=sampling.report)
        return self.shown(x).to(latents)

    def guided(self, labels: Tensor | None, options: Mapping[str, float]) -> Callable[[Tensor, Tensor], Tensor]:
        """D of a state and a level, with classifier-free guidance.

        Args:
            labels: Classes; None for none.  # [n]
            options: ``guidance``, ``guidance_above`` and ``guidance_below``.
        """
        labels = self.heard(labels)

        def denoise(x: Tensor, sigma: Tensor) -> Tensor:
            level = sigma.expand(len(x))
            within = options["guidance_above"] < float(sigma) < options["guidance_below"]
            weight = options["guidance"] if within and labels is not None else 1.0
            told: Tensor = self.network(x, level, labels)
            if weight == 1.0:
                return told
            return torch.lerp(self.network(x, level), told, weight)

        return denoise
