"""A discriminator of pairs: an image and its code."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from belamy.networks.critic import count_features
from belamy.networks.dense import SLOPE, hidden
from belamy.networks.layers import dense


class JointDiscriminator(nn.Module):
    r"""Scores whether an image and a code belong together, beside what it says of each alone.

    .. math:: D(x, z) = s_x(x) + s_z(z) + s_{xz}\bigl(a, b, a \odot b\bigr), \qquad a = A f(x),\; b = B g(z)

    with f the features behind the image's score and g dense layers of the code. It is easier to judge images alone than
    whether a code belongs to one, and a discriminator that only puts both side by side may never come to it; the
    product says nothing of the one without the other.

    References:
        Three scores that are summed: Donahue & Simonyan 2019, arXiv 1907.02544, section 2 (there also each in a loss of
        its own); layers of the code before it meets the image, and dropout over both: Dumoulin et al. 2016, arXiv
        1606.00704, appendix A. The product is ours, after Miyato & Koyama 2018, arXiv 1802.05637, equation 3.

    Args:
        network: Scores images: a discriminator.
        shape: (channels, height, width) of the images.
        latent: Size of the code.
        width: Units of the layers of the code and over both.
        dropout: Share of what the layers over both see that is left out at random in training.
    """

    def __init__(self, network: nn.Module, shape: tuple[int, ...], latent: int, width: int, dropout: float) -> None:
        super().__init__()
        self.images: Any = network
        self.codes, self.codes_head = hidden(latent, width, 2), dense(width, 1)
        self.image_map, self.code_map = dense(count_features(network, shape), width), dense(width, width)
        self.joint = nn.Sequential(
            nn.Dropout(dropout), dense(3 * width, width), nn.LeakyReLU(SLOPE),
            nn.Dropout(dropout), dense(width, width), nn.LeakyReLU(SLOPE), dense(width, 1),
        )  # fmt: skip

    def forward(self, images: Tensor, codes: Tensor) -> Tensor:
        """Scores: logits.  # [N, C, H, W] and [N, latent] to [N]"""
        score, features = self.images.scores_and_features(images)
        told = self.codes(codes)
        a, b = self.image_map(features), self.code_map(told)
        joined: Tensor = self.codes_head(told) + self.joint(torch.cat([a, b, a * b], 1))
        return score + joined.squeeze(1)
