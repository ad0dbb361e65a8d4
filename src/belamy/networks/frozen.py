"""Features of pictures by a small pretrained network that never learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from belamy.networks.efficientnet_lite import EfficientNetLite

STAGES = ("stem", "b2", "b4", "b7")
"""The last layers at a half, a quarter, an eighth and a sixteenth of the picture's size."""
CHANNELS = (32, 24, 40, 80)
"""Of the stages."""


class FrozenFeatures(nn.Module):
    """Outputs of a network of photographs for pictures in [-1, 1], through which gradients flow to the pictures.

    By default it is the embedded EfficientNet-lite0. Its weights are buffers that are not saved, since the package or
    the user carries them: nothing of it learns, and no optimiser or form of weights finds it. Grey pictures are seen as
    colours that are alike. Pictures of other than one or three channels are mixed to three by fixed random numbers,
    which are saved; of more than three channels, what lies across that mixture is not seen.

    Args:
        channels: Of the pictures.
        stages: How many of the four stages are wanted, from the first on.
        network: Another network, which becomes this module's own.
        names: The stages of that network.

    Example:
        >>> [tuple(found.shape) for found in FrozenFeatures(3, 2)(torch.zeros(1, 3, 64, 48))]
        [(1, 32, 32, 24), (1, 24, 16, 12)]
    """

    def __init__(self, channels: int, stages: int = 4, network: Any = None, names: Sequence[str] = STAGES) -> None:
        super().__init__()
        self.names = names[:stages]
        self.network = _cut(EfficientNetLite.pretrained(), self.names[-1]) if network is None else network
        for module in self.network.modules():
            for name, weight in list(module.named_parameters(recurse=False)):
                delattr(module, name)
                module.register_buffer(name, weight.detach(), persistent=False)
        self.mixture: Tensor | None
        self.register_buffer("mixture", None if channels in (1, 3) else torch.randn(3, channels) * channels**-0.5)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features ``[N, C, H/2ᵏ, W/2ᵏ]``, rounded up, of images ``[N, C, H, W]``, one tensor for each stage."""
        if self.mixture is not None:
            images = torch.einsum("oc,nchw->nohw", self.mixture.to(images), images)
        found = self.network.outputs(self.network.prepare((images + 1) / 2), self.names)
        return [found[name] for name in self.names]


def _cut(network: EfficientNetLite, last: str) -> EfficientNetLite:
    """A network without the blocks after a stage."""
    network.blocks = network.blocks[: 0 if last == "stem" else int(last[1:]) + 1]
    return network
