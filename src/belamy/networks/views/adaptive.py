"""Adaptive discriminator augmentation (ADA): as much as the discriminator's overfitting asks for."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.views import colour, corruption, geometry
from belamy.processes import gather
from belamy.seeds import Draws

INTERVAL = 4
"""Updates of the discriminator between two adjustments."""


class View(nn.Module):
    r"""Each of many transformations with probability p, where p follows the discriminator.

    .. math:: r_t = E[\operatorname{sign} D(x)], \qquad p \leftarrow p + \operatorname{sign}(r_t - r^*)\,n / N

    every four updates of the discriminator, with n the real images seen since the last adjustment and N the ``speed``.
    Scores must be logits whose sign says real or fake, which those of the Wasserstein and relativistic losses are not:
    choose ``target=none`` and a fixed ``strength`` there.

    The paper's groups are: x-flip, quarter turns, whole-pixel translation (*blit*); isotropic scaling, rotation before
    and after anisotropic scaling, fractional translation (*geometry*, one resampling with all of the above);
    brightness, contrast, luma flip, hue, saturation (*colour*; brightness and contrast alone unless there are three
    channels); four bands of frequencies amplified or weakened (*filters*); white noise (*noise*); a grey rectangle
    (*cutout*). The first three are what the paper settles on in section 2.3, and the default here.

    *Departs from the paper*: unless ``resampling=wavelet``, images are resampled bilinearly without enlargement and
    low-pass filters around it, which is quicker, but fine detail blurs where an image is turned or scaled; p stops at
    ``limit``, since augmentations may leak into the generated images above 0.8 (section 2.2); r_t is that of the last
    four updates, over all processes.

    References:
        Karras et al. 2020, arXiv 2006.06676, sections 2.2 and 3 (equation 1), appendix B.

    Args:
        shape: (C, H, W) of the images.
        value_range: What black and white are.
        target: r*, in (-1, 1); None keeps p as it is.
        speed: Images in which p can go from 0 to 1.
        strength: p at the start.
        limit: The largest p.
        blit: Whether to flip, turn and move by whole pixels, or a factor of p for it, up to 1.
        geometry: The same of scaling, rotating and moving by fractions.
        colour: The same of changing colours.
        filters: The same of amplifying and weakening frequencies.
        noise: The same of adding noise.
        cutout: The same of cutting a hole.
        resampling: ``bilinear``, or ``wavelet`` for the paper's, at twice the size between two low-pass filters.

    Raises:
        UsageError: A number out of range.
    """

    strength: Tensor
    signs: Tensor
    seen: Tensor
    steps: Tensor

    def __init__(
        self,
        shape: tuple[int, int, int],
        value_range: tuple[float, float] = (-1.0, 1.0),
        *,
        target: float | None = 0.6,
        speed: int = 500_000,
        strength: float = 0.0,
        limit: float = 0.8,
        blit: bool | float = True,
        geometry: bool | float = True,
        colour: bool | float = True,
        filters: bool | float = False,
        noise: bool | float = False,
        cutout: bool | float = False,
        resampling: Literal["bilinear", "wavelet"] = "bilinear",
    ) -> None:
        super().__init__()
        if target is not None and not -1 < target < 1:
            raise UsageError(f"adaptive.target is {target:g}, but a mean of signs lies in -1..1. Type target=0.6.")
        if speed < 1:
            raise UsageError(f"adaptive.speed is {speed}, but it must be a positive number of images.")
        if not 0 <= strength <= limit <= 1:
            raise UsageError(
                f"adaptive.strength is {strength:g} and adaptive.limit is {limit:g}, but they are probabilities of "
                "which the second is the larger. Type limit=0.8."
            )
        shares = {
            "blit": blit,
            "geometry": geometry,
            "colour": colour,
            "filters": filters,
            "noise": noise,
            "cutout": cutout,
        }
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise UsageError(f"adaptive.{name} is {share:g}, but it is a factor from 0 to 1. Type {name}=1.")
        self.middle, self.unit = sum(value_range) / 2, (value_range[1] - value_range[0]) / 2
        self.target, self.speed, self.limit = target, speed, limit
        self.blit, self.geometry, self.colour = blit, geometry, colour
        self.filters, self.noise, self.cutout = filters, noise, cutout
        self.wavelet = resampling == "wavelet"
        self.register_buffer("strength", torch.tensor(float(strength)))
        self.register_buffer("signs", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, images: Tensor, draw: Draws, progress: float) -> Tensor:
        """Augmented images ``[N, C, H, W]``; ``progress`` is not used."""
        if not self.strength:
            return images
        count, channels, height, width = images.shape
        u = draw.uniform("adaptive", count, geometry.UNIFORMS + colour.UNIFORMS).to(images.device)
        z = draw.normal("adaptive-sizes", count, geometry.NORMALS + colour.NORMALS).to(images.device)
        p = self.strength.to(u)
        if self.blit or self.geometry:
            places = u[:, : geometry.UNIFORMS], z[:, : geometry.NORMALS]
            inverse = geometry.random_map(*places, p * self.blit, p * self.geometry, height, width)
            warp = geometry.filtered_warp if self.wavelet and self.geometry else geometry.warp
            images = warp(images, inverse)
        if self.colour:
            shades = u[:, geometry.UNIFORMS :], z[:, geometry.NORMALS :]
            images = colour.recolour(
                images, *colour.random_colours(*shades, p * self.colour, channels), self.middle, self.unit
            )
        return self._corrupted(images, draw, p) if self.filters or self.noise or self.cutout else images

    def _corrupted(self, images: Tensor, draw: Draws, p: Tensor) -> Tensor:
        """Images with filters, noise and holes."""
        count = len(images)
        u = draw.uniform("adaptive-corruption", count, corruption.UNIFORMS).to(p.device)
        z = draw.normal("adaptive-corruption-sizes", count, corruption.NORMALS).to(p.device)
        if self.filters:
            filters = corruption.random_filter(u[:, :4], z[:, :4], p * self.filters)
            images = corruption.filtered(images, filters, self.middle)
        if self.noise:
            noise = draw.normal("adaptive-noise", *images.shape).to(p.device)
            images = corruption.noisy(images, u[:, 4], z[:, 4], p * self.noise, noise, self.unit)
        return corruption.cut(images, u[:, 5:], p * self.cutout, self.middle) if self.cutout else images

    @torch.no_grad()
    def observe(self, real_scores: Tensor) -> None:
        """Count the signs of the scores ``[N]`` of real images; each fourth time, adjust p."""
        if self.target is None:
            return
        self.signs += real_scores.sign().sum()
        self.seen += real_scores.numel()
        self.steps += 1
        if self.steps % INTERVAL:
            return
        totals = gather(torch.stack([self.signs, self.seen])).sum(0)
        overfitting = totals[0] / totals[1]  # r_t
        self.strength += (overfitting - self.target).sign() * totals[1] / self.speed
        self.strength.clamp_(0, self.limit)
        self.signs.zero_()
        self.seen.zero_()

    def extra_repr(self) -> str:
        """The controller's settings, as ``print`` shows them."""
        return f"target={self.target}, speed={self.speed}, limit={self.limit}"
