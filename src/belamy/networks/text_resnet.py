"""The residual one-dimensional convolutions of text GANs: rows of probabilities from latents, and scores of such."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.layers import FIRST_WEIGHTS, Initializer, Reshape, ScoringNetwork, dense
from belamy.networks.sizes import check_choice, check_positive

BLOCKS = 5
SHARE = 0.3
"""Of what a block adds to its input."""
_TAPS = 3


class ResidualBlock1d(nn.Module):
    r"""x + 0.3 F(x) with F = ReLU, 3 taps, ReLU, 3 taps.

    *Departs from the book's code*, in which every block adds what the first layer made in place of its own input.

    Args:
        features: Channels, in and out.
        init: What draws the first weights.
    """

    def __init__(self, features: int, init: Initializer) -> None:
        super().__init__()
        first, second = (_convolution(features, features, _TAPS, init) for _ in range(2))
        self.layers = nn.Sequential(nn.ReLU(), first, nn.ReLU(), second)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x`` ``[N, features, length]``."""
        return x + SHARE * self.layers(x)


class Generator(nn.Module):
    """Latents 128 → 32 × 512 → 5 residual blocks → a softmax over the vocabulary at each place.

    11,033,600 parameters of 2,048 words, 10,032,224 of 96 characters, 1,033,568 of these with 128 features. Each place
    sees 21 places of the first layer.

    References:
        Gulrajani et al. 2017, arXiv 1704.00028, section 5.4 (a character model); in this form Valle 2019, "Hands-On
        Generative Adversarial Networks with Keras", chapter 8.

    Args:
        latent: Size of the latents.
        shape: (length, vocabulary) of a text's rows.
        features: Channels of every layer.
        init: First weights of convolutions: ``gaussian`` for N(0, 0.02²), as the book has them, or ``lecun`` for
            N(0, 1/n) of n incoming numbers, in every layer. With few features the book's leave rows uniform for long.

    Raises:
        UsageError: Data that are no rows of a vocabulary, or an unknown ``init``.

    Example:
        >>> Generator(128, (32, 96), features=16)(torch.randn(2, 128)).shape
        torch.Size([2, 32, 96])
    """

    modality = "text"
    native_shape = (32, 96)
    native_latent = 128
    value_range = (0.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, ...], *, features: int = 512, init: str = "gaussian") -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(features, "text-resnet.features")
        length, vocabulary = _sides(shape)
        whole, part = FIRST_WEIGHTS[check_choice(init, list(FIRST_WEIGHTS), "init")]
        self.layers = nn.Sequential(
            dense(latent, length * features, init=whole),
            Reshape(features, length),
            *(ResidualBlock1d(features, part) for _ in range(BLOCKS)),
            _convolution(features, vocabulary, 1, part),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Probabilities ``[N, length, vocabulary]`` from latents ``[N, latent]``."""
        scores: Tensor = self.layers(latents)
        return scores.softmax(1).transpose(1, 2)


class Discriminator(ScoringNetwork):
    """The generator mirrored, rows of 32 × vocabulary → 5 residual blocks of 512 → score.

    8,934,913 parameters of 2,048 words, 7,935,489 of 96 characters, 509,313 of these with 128 features.

    References:
        Gulrajani et al. 2017, arXiv 1704.00028, section 5.4; Valle 2019, chapter 8.

    Args:
        shape: (length, vocabulary) of a text's rows.
        features: Channels of every layer.
        init: First weights, as the generator's.

    Raises:
        UsageError: Data that are no rows of a vocabulary, or an unknown ``init``.
    """

    modality = "text"
    native_shape = (32, 96)

    def __init__(self, shape: tuple[int, ...], *, features: int = 512, init: str = "gaussian") -> None:
        super().__init__()
        check_positive(features, "text-resnet.features")
        length, vocabulary = _sides(shape)
        whole, part = FIRST_WEIGHTS[check_choice(init, list(FIRST_WEIGHTS), "init")]
        blocks = (ResidualBlock1d(features, part) for _ in range(BLOCKS))
        self.trunk = nn.Sequential(_Transposed(), _convolution(vocabulary, features, 1, part), *blocks, nn.Flatten())
        self.head = dense(length * features, 1, init=whole)


class _Transposed(nn.Module):
    """Rows ``[N, length, vocabulary]`` with the symbols as channels."""

    def forward(self, rows: Tensor) -> Tensor:
        """``[N, vocabulary, length]``."""
        return rows.transpose(1, 2)


def _convolution(incoming: int, outgoing: int, taps: int, init: Initializer) -> nn.Conv1d:
    """A convolution that keeps the length, with offsets of 0."""
    layer = nn.Conv1d(incoming, outgoing, taps, padding=taps // 2)
    with torch.no_grad():
        init(layer.weight)
        cast(Tensor, layer.bias).zero_()
    return layer


def _sides(shape: tuple[int, ...]) -> tuple[int, int]:
    """Length and vocabulary."""
    if len(shape) != 2:
        raise UsageError(
            f"text-resnet reads and writes texts, rows of a vocabulary, but these data are {shape}. Type `belamy train "
            "text-gan --data FILE.txt`."
        )
    length, vocabulary = shape
    return length, vocabulary
