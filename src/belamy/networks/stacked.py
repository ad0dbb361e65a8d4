"""Two stages of pictures from texts: a network for each, of which the second begins when the first has learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.networks.conditioning_augmentation import Augmentation, AugmentedGenerator


class StackedGenerator(nn.Module):
    """Small pictures of texts, then larger ones made of these and the texts, while what made the small ones stays.

    References:
        Zhang et al. 2017, arXiv 1612.03242, section 3.

    Args:
        first: Makes small pictures of latents and texts.
        second: Makes larger ones of small ones and texts.
        text: Numbers of a text's vector.
        size: Numbers that each stage is told it by, each with noise of its own; 0 for the vector itself.
    """

    refines: Tensor

    def __init__(self, first: nn.Module, second: nn.Module, text: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.first = AugmentedGenerator(first, text, size) if size else first
        self.second = second
        self.augmentation = Augmentation(text, size) if size else None
        self.register_buffer("refines", torch.tensor(True))

    def small(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures of the first stage.  # [N, latent + 2 size], [N, text] to [N, C, h, w]"""
        made: Tensor = self.first(latents[:, : latents.shape[1] - self.size], text)
        return made

    def forward(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures of the stage that learns, in its size.  # [N, latent + 2 size], [N, text] to [N, C, H, W]"""
        if not self.refining:
            return self.small(latents, text)
        with torch.no_grad():
            small = self.small(latents, text)
        told = self.augmentation(text, latents[:, -self.size :]) if self.augmentation is not None else text
        made: Tensor = self.second(small, told)
        return made

    @property
    def refining(self) -> bool:
        """Whether the second stage learns."""
        return self.refines.is_meta or bool(self.refines)  # a tensor without values is traced at full size

    def divergence(self, text: Tensor) -> Tensor:
        """That of the augmentation of the stage that learns.  # [N, text] to [N]"""
        stage = self.augmentation if self.refining else self.first
        found: Tensor = stage.divergence(text)  # type: ignore[union-attr, operator]
        return found


class StackedDiscriminator(nn.Module):
    """A judge for each stage, which is known by the size of its pictures.

    Args:
        first: Of small pictures with texts.
        second: Of large ones.
        side: Height of the small ones.
    """

    def __init__(self, first: nn.Module, second: nn.Module, side: int) -> None:
        super().__init__()
        self.first, self.second, self.side = first, second, side

    def of(self, images: Tensor) -> nn.Module:
        """The judge of pictures of their size."""
        return self.first if images.shape[2] == self.side else self.second

    def scores_and_features(self, images: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[N]`` and the features ``[N, F]`` behind them, of pictures in [-1, 1] and vectors of texts."""
        found: tuple[Tensor, Tensor] = self.of(images).scores_and_features(images, text)  # type: ignore[operator]
        return found

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        """Logits: high for a real picture of what the text says.  # [N, C, H, W], [N, text] to [N]"""
        return self.scores_and_features(images, text)[0]
