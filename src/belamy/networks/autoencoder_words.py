"""A small dense autoencoder of vectors, such as bags of words."""

from __future__ import annotations

from torch import Tensor, nn

from belamy.networks.layers import dense
from belamy.networks.sizes import check_positive


class Encoder(nn.Module):
    """Numbers → 128 → 64 → code.

    References:
        Hinton & Salakhutdinov 2006, Science 313, whose net for documents is 2000-500-250-125-10; these sizes are ours.

    Args:
        shape: (how many numbers,).
        latent: Size of the code.
        width: Of the first hidden layer; the second has half of it.

    Example:
        >>> import torch
        >>> Encoder((2000,), 32)(torch.rand(5, 2000)).shape
        torch.Size([5, 32])
    """

    modality = "vector"
    native_shape = (2000,)
    native_latent = 32
    value_range = (0.0, 1.0)

    def __init__(self, shape: tuple[int], latent: int, *, width: int = 128) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(width // 2, "Half of the width")
        layers = [dense(shape[0], width), nn.ReLU(), dense(width, width // 2), nn.ReLU(), dense(width // 2, latent)]
        self.layers = nn.Sequential(*layers)

    def forward(self, vectors: Tensor) -> Tensor:
        """Codes ``[N, latent]`` of vectors ``[N, n]`` in [0, 1]."""
        codes: Tensor = self.layers(vectors)
        return codes


class Decoder(nn.Module):
    """Code → 64 → 128 → numbers, with a sigmoid at the end.

    Args:
        latent: Size of the code.
        shape: (how many numbers,).
        width: Of the last hidden layer; the first has half of it.
    """

    modality = "vector"
    native_shape = (2000,)
    native_latent = 32
    value_range = (0.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int], *, width: int = 128) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(width // 2, "Half of the width")
        layers = [dense(latent, width // 2), nn.ReLU(), dense(width // 2, width), nn.ReLU(), dense(width, shape[0])]
        self.layers = nn.Sequential(*layers, nn.Sigmoid())

    def forward(self, codes: Tensor) -> Tensor:
        """Vectors ``[N, n]`` in [0, 1] from codes ``[N, latent]``."""
        vectors: Tensor = self.layers(codes)
        return vectors
