"""What style-based generators have in common: a mapping network, styles, and the mixing of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.equalised import SLOPE, EqualisedLinear
from belamy.networks.normalisations.pixel import PixelNorm
from belamy.networks.sizes import check_positive
from belamy.processes import gather


class StyledGenerator(nn.Module, ABC):
    """Latents → styles, one for each layer → images.

    In training the finer styles of most samples are those of another latent, and the mean of all styles is followed.

    *Departs from the paper*: the other latent is that of another sample of the batch.

    References:
        Karras et al. 2018, arXiv 1812.04948, sections 2 and 3.1.
    """

    bounded = False
    mixes_styles = True
    mapping: MappingNetwork
    mixing: float
    style_layers: tuple[int, ...]
    """Resolution at which each layer acts, coarse first."""

    @abstractmethod
    def synthesize(self, styles: Tensor, noise: Sequence[torch.Generator] | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` from styles ``[N, layers, w]``.

        Args:
            styles: One of each layer.
            noise: Random numbers of each sample; None for new noise in training and for a constant one in evaluation.
        """

    @property
    def active_layers(self) -> int:
        """How many layers are in use, from the first."""
        return len(self.style_layers)

    @property
    def mean_style(self) -> Tensor:
        """``[w]``: the mean of the styles seen in training."""
        return self.mapping.mean

    def styles(self, latents: Tensor) -> Tensor:
        """Styles ``[N, layers, w]``, all layers alike, from latents ``[N, latent]``."""
        style: Tensor = self.mapping(latents)
        return style[:, None].expand(-1, len(self.style_layers), -1)

    def forward(self, latents: Tensor, others: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` from latents ``[N, latent]``.

        Args:
            latents: What the images are of.
            others: In training, whose styles the finer layers may have; by default those of other samples.
        """
        styles = self.styles(latents)
        if self.training:
            self.mapping.follow(styles[:, 0])
        if self.training and self.mixing:
            others = latents[torch.randperm(len(latents), device=latents.device)] if others is None else others
            styles = crossover(styles, self.styles(others), self.active_layers, self.mixing)
        return self.synthesize(styles)


def check_mixing(mixing: float, network: str) -> float:
    """The share, from 0 to 1.

    Raises:
        UsageError: It is beyond.
    """
    if not 0 <= mixing <= 1:
        raise UsageError(f"{network}.mixing is {mixing}, but a share must be from 0 to 1. The paper's is 0.9.")
    return mixing


class MappingNetwork(nn.Module):
    r"""Latents of mean square 1 → dense layers with leaky rectifiers → styles, whose mean is kept.

    .. math:: \bar w \leftarrow 0.995\,\bar w + 0.005\,\tfrac1N \sum_i f(z_i)

    References:
        Karras et al. 2018, arXiv 1812.04948, section 2, appendices B (the mean) and C (the rate).

    Args:
        latent: Size of the latents.
        width: Size w of the styles and of all layers.
        layers: How many.
        rate: Multiplier of their learning rate.
        keep: Share of the mean that an update keeps.

    Raises:
        UsageError: A size or number that is not positive.
    """

    mean: Tensor

    def __init__(
        self, latent: int, width: int = 512, layers: int = 8, *, rate: float = 0.01, keep: float = 0.995
    ) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(width, "The width of the mapping network")
        sizes = [latent] + [width] * check_positive(layers, "The depth of the mapping network")
        stack: list[nn.Module] = [PixelNorm(1e-8)]
        for incoming, outgoing in pairwise(sizes):
            stack += [EqualisedLinear(incoming, outgoing, rate=rate), nn.LeakyReLU(SLOPE)]
        self.layers, self.keep = nn.Sequential(*stack), keep
        self.register_buffer("mean", torch.zeros(width))

    def forward(self, latents: Tensor) -> Tensor:
        """``[N, w]`` from latents ``[N, latent]``; the mean stays."""
        styles: Tensor = self.layers(latents)
        return styles

    @torch.no_grad()
    def follow(self, styles: Tensor) -> None:
        """Take a batch's styles ``[N, w]``, of all processes, into the mean."""
        self.mean.lerp_(gather(styles.detach().mean(0).to(self.mean)).mean(0), 1 - self.keep)


def crossover(first: Tensor, second: Tensor, active: int, probability: float) -> Tensor:
    """Styles of which, with a probability, the finer ones are another latent's, from a layer drawn for each sample.

    References:
        Karras et al. 2018, arXiv 1812.04948, section 3.1.

    Args:
        first: Styles ``[N, layers, w]``.
        second: Styles of other latents, of the same shape.
        active: How many layers are in use; what is drawn lies between them.
        probability: Of mixing at all, for each sample.

    Example:
        >>> crossover(torch.zeros(1, 4, 1), torch.ones(1, 4, 1), 2, 1.0).flatten().tolist()
        [0.0, 1.0, 1.0, 1.0]
    """
    count, layers = first.shape[:2]
    if active < 2:
        return first
    at = torch.randint(1, active, (count, 1), device=first.device)
    mixed = torch.rand(count, 1, device=first.device) < probability
    taken = mixed & (torch.arange(layers, device=first.device) >= at)  # [N, layers]
    return torch.where(taken[:, :, None], second, first)
