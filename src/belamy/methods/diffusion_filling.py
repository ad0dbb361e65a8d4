"""A trained diffusion model that fills holes of pictures and draws pictures anew from what they are (SDEdit)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from belamy.data.holes import HoleShapes
from belamy.errors import UsageError
from belamy.methods.base import SamplingOption
from belamy.methods.filling import FillsHoles, parted
from belamy.modalities.sizes import text_of
from belamy.networks.denoising import denoised
from belamy.networks.noise_schedules import STEPS, sampled_sigmas
from belamy.seeds import SampleDraws

MOST_ROUNDS = 100
WAYS = MappingProxyType({
    "strength": SamplingOption(
        1.0,
        "Where pictures are drawn anew: from pure noise, 1, or from what is there with the noise of so great a share "
        "of the steps. Below 1 a picture without holes is drawn anew as a whole.",
        least=0.01, most=1.0,
    ),
    "steps": SamplingOption(25, "Steps from noise to pictures.", least=1, most=STEPS, whole=True),
    "rounds": SamplingOption(
        4, "How often each step is gone, noise added again in between, so that holes fit what is known.", least=1,
        most=MOST_ROUNDS, whole=True,
    ),
    "label": SamplingOption(-1, "The number of the class that is drawn, from 0 on; -1 for any.", least=-1, whole=True),
    "guidance": SamplingOption(1.0, "As of belamy sample, where a class is named.", least=0, most=100),
})  # fmt: skip


class DiffusionFilling(FillsHoles):
    r"""Holes are denoised, while what is known is held to its own pixels with the noise of each level.

    .. math:: x_\sigma \leftarrow m\,(y + \sigma\epsilon) + (1 - m)\,x_\sigma

    before each evaluation, m being 1 where pixels are known. Each step is gone several times, from the lower level back
    to the higher one by new noise. Known pixels are the given ones, bit for bit.

    *Departs from RePaint*: levels are those of the run's schedule, and jumps are one step long.

    References:
        Lugmayr et al. 2022, arXiv 2201.09865, equation 8 and algorithm 1; beginning from noised pictures: Meng et al.
        2021, arXiv 2108.01073, algorithm 2.

    Args:
        model: Of the method ``diffusion``.

    Raises:
        UsageError: It makes pictures with opacity, or of channels that are no colours.
    """

    sampling_options = WAYS

    def __init__(self, model: Any) -> None:
        super().__init__(model.recipe, model.spec, HoleShapes("mixed", 0.1, 0.5))
        self.model = model

    def fill(self, source: Tensor, feather: int = 0) -> Tensor:
        """As ``translate`` with the first seed.

        Raises:
            UsageError: A seam is to be feathered.
        """
        if feather:
            raise UsageError("A diffusion run draws into holes what fits what is known. Leave --feather out.")
        return self.translate(source, SampleDraws(0, range(len(source))))

    def translate(self, source: Tensor, draws: SampleDraws, options: Mapping[str, float] | None = None) -> Tensor:
        """Pictures ``[n, C, H, W]`` in [-1, 1], drawn anew in their holes, or as a whole where they have none.

        Args:
            source: Pictures in [-1, 1] with opacity.  # [n, C + 1, H, W]
            draws: All noise; the i-th picture's depends on the seed and its index alone.
            options: Of :data:`WAYS`.

        Raises:
            UsageError: There is no such class.
        """
        chosen = {name: option.default for name, option in WAYS.items()} | dict(options or {})
        pictures, known = parted(source)
        known = known * (known == 0).flatten(1).any(1)[:, None, None, None]  # without a hole nothing is kept
        made = self.drawn_anew(pictures, known, draws, chosen)
        return torch.where(known > 0, pictures, made)

    def drawn_anew(self, pictures: Tensor, known: Tensor, draws: SampleDraws, chosen: Mapping[str, float]) -> Tensor:
        """What the model makes of pictures of which this is known.  # [n, C, H, W]"""
        model, count = self.model, len(pictures)
        state = torch.float32 if pictures.device.type == "mps" else torch.float64
        steps, rounds = int(chosen["steps"]), int(chosen["rounds"])
        sigmas = sampled_sigmas(model.recipe.noise, steps).to(pictures.device, state)
        first = steps - max(1, round(chosen["strength"] * steps))
        held, clean = known.to(state), pictures.to(state) - model.network.centre.to(state)
        denoise = model.guided(self.labels(int(chosen["label"]), count).to(pictures.device), {**chosen, **_ALL_LEVELS})

        def fresh(name: str) -> Tensor:
            return draws.normal(name, count, *pictures.shape[1:]).to(clean)

        x = (clean if chosen["strength"] < 1 else 0 * clean) + sigmas[first] * fresh("latents")
        for step in range(first, steps):
            sigma, lower = sigmas[step], sigmas[step + 1]
            for again in range(rounds if lower > 0 else 1):
                if again:
                    x = x + (sigma.square() - lower.square()).sqrt() * fresh(f"back-{step}-{again}")
                x = held * (clean + sigma * fresh(f"known-{step}-{again}")) + (1 - held) * x
                noise = fresh(f"step-{step}-{again}")
                x = denoised("ddpm", denoise, x, sigmas[step : step + 2], noise=lambda _, new=noise: new)  # type: ignore[misc]
        return (x + model.network.centre.to(state)).clamp(-1, 1).to(pictures)

    def labels(self, label: int, count: int) -> Tensor:
        """The class that is asked for, or that which stands for none.  # [count]

        Raises:
            UsageError: There is none of that number.
        """
        classes: int = self.model.classes
        if label >= classes:
            known = f"0 to {classes - 1}" if classes else "none, for it learned without them"
            raise UsageError(f"label is {label}, but the classes of this run are {known}. Leave --label out for any.")
        return torch.full((count,), classes if label < 0 else label)

    def redraws(self, options: Mapping[str, float]) -> bool:
        """Whether pictures without holes are drawn anew: from less than pure noise."""
        return options.get("strength", 1.0) < 1

    def check_size(self, name: str, raw: Tensor) -> None:
        """Refuse a picture of another size than the model's.

        Raises:
            UsageError: What to type.
        """
        own = tuple(self.spec.shape[1:])
        if tuple(raw.shape[-2:]) != own:
            raise UsageError(
                f"{name} is {raw.shape[-1]} wide and {raw.shape[-2]} high, but this run draws pictures of "
                f"{own[1]}x{own[0]}. Type --size {text_of(own)}; a mask must then be of that size too."
            )


_ALL_LEVELS = {"guidance_above": 0.0, "guidance_below": float("inf")}
