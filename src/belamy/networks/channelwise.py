"""What a pixel's features say of its channels, each of which is told those before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelHead(nn.Module):
    r"""Numbers for each channel of a pixel, red before green before blue.

    .. math:: o_c = W_c\, \mathrm{relu}\Bigl(h + \sum_{c' < c} E_{c'}[x_{c'}]\Bigr) + b_c

    Args:
        features: Of a pixel.
        channels: How many it has.
        levels: That a channel's value may have.
        outputs: Numbers for each channel.

    Example:
        >>> head = ChannelHead(5, 3, levels=4, outputs=2)
        >>> head(torch.zeros(2, 5, 6, 6), torch.zeros(2, 3, 6, 6, dtype=torch.long)).shape
        torch.Size([2, 3, 6, 6, 2])
    """

    def __init__(self, features: int, channels: int, levels: int, outputs: int) -> None:
        super().__init__()
        self.out = nn.ModuleList(nn.Linear(features, outputs) for _ in range(channels))
        self.told = nn.ModuleList(nn.Embedding(levels, features) for _ in range(channels - 1))
        for embedding in self.told:
            nn.init.normal_(embedding.weight, std=0.1)  # type: ignore[arg-type]

    def forward(self, features: Tensor, levels: Tensor) -> Tensor:
        """Numbers for all channels of pictures.  # [N, F, H, W] and long [N, C, H, W] to [N, C, H, W, outputs]"""
        state, found = features.movedim(1, -1), []
        for channel, out in enumerate(self.out):
            if channel:
                state = state + self.told[channel - 1](levels[:, channel - 1])
            found.append(out(torch.relu(state)))
        return torch.stack(found, 1)

    def of_channel(self, features: Tensor, before: Tensor) -> Tensor:
        """Numbers for the next channel of a pixel.  # [N, F] and long [N, c] to [N, outputs]"""
        for channel in range(before.shape[1]):
            features = features + self.told[channel](before[:, channel])
        numbers: Tensor = self.out[before.shape[1]](torch.relu(features))
        return numbers
