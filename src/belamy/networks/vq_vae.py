"""The networks of VQ-VAE: an autoencoder with codes in its middle, and the law of those codes.

References:
    Van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937, section 4.1.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from belamy.networks.quantisers import Quantised
from belamy.networks.sizes import check_divisible

STRIDE = 4


class CodeResidual(nn.Module):
    """ReLU, 3 × 3, ReLU, 1 × 1, added to what comes in.

    Args:
        width: Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 1)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        total: Tensor = maps + self.body(maps)
        return total


class CodedAutoencoder(nn.Module):
    """Two strided convolutions and two residual blocks, a quantiser, and the same back.

    Args:
        shape: (channels, height, width) of the pictures, multiples of 4.
        quantiser: What makes codes of features.
        outputs: Channels of what is told of each pixel.
        width: Channels between.

    Raises:
        UsageError: A side that is no multiple of 4.
    """

    def __init__(self, shape: tuple[int, ...], quantiser: Any, outputs: int, width: int) -> None:
        super().__init__()
        check_divisible((shape[0], shape[1], shape[2]), STRIDE, "vq-vae")
        self.encoder = nn.Sequential(
            nn.Conv2d(shape[0], width // 2, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(width // 2, width, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), CodeResidual(width), CodeResidual(width),
            nn.Conv2d(width, quantiser.dimensions, 1),
        )  # fmt: skip
        self.quantiser = quantiser
        self.decoder = nn.Sequential(
            nn.Conv2d(quantiser.dimensions, width, 3, padding=1), CodeResidual(width), CodeResidual(width), nn.ReLU(),
            nn.ConvTranspose2d(width, width // 2, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(width // 2, outputs, 4, 2, 1),
        )  # fmt: skip

    def forward(self, images: Tensor) -> tuple[Tensor, Quantised]:
        """What is told of each pixel of pictures in [-1, 1], and their codes.  # [N, C, H, W] to [N, outputs, H, W]"""
        quantised: Quantised = self.quantiser(self.encoder(images))
        return self.decoder(quantised.vectors), quantised


class CodeLaw(nn.Module):
    """How likely each code is, given those before it, row by row.

    Args:
        network: A model of pixels that sees the codes' vectors.
        codes: How many codes there are.
    """

    def __init__(self, network: Any, codes: int) -> None:
        super().__init__()
        self.network, self.head = network, nn.Linear(network.features, codes)

    def forward(self, vectors: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits of the codes of all places.  # [N, D, h, w] to [N, h, w, codes]"""
        logits: Tensor = self.head(self.network(vectors, labels).movedim(1, -1))
        return logits
