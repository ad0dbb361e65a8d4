"""Dropout in a generator that stays on when it samples."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.layers import Dropout
from belamy.networks.surgery import Handed, exchange, hidden_activations
from belamy.seeds import generator as random_stream


def add_dropout(generator: nn.Module, rate: float) -> nn.Module:
    """The generator with dropout after each activation but the last, in training and in sampling.

    In training the masks are those of :class:`belamy.networks.layers.Dropout`. In evaluation a sample's masks are a
    function of what enters the generator for it, so the sample does not depend on its batch and can be drawn again.

    References:
        Noise by dropout, also at test time: Isola et al. 2016, arXiv 1611.07004, section 2.1.

    Args:
        generator: Maps latents to images; it is changed in place. A condition may then be put around it.
        rate: Probability of dropping, in [0, 1); 0 leaves the generator as it is.

    Raises:
        UsageError: A rate outside [0, 1), or a generator whose activations are not layers.

    Example:
        >>> from belamy.networks.dense_fashion import Generator
        >>> dropping = add_dropout(Generator(30, (1, 28, 28)), 0.5).eval()
        >>> latents = torch.randn(3, 30)
        >>> torch.equal(dropping(latents), dropping(latents))
        True
    """
    if rate == 0:
        return generator
    streams = Handed[list[torch.Generator]]()
    activations = hidden_activations(generator)
    if not activations:
        raise UsageError(
            "The generator has no activations as layers before its last layer, so dropout cannot follow them. "
            "Choose another --generator, or --generator-dropout 0."
        )
    new: dict[nn.Module, nn.Module] = {
        activation: nn.Sequential(activation, SamplingDropout(rate, streams)) for activation in activations
    }
    return GeneratorWithDropout(exchange(generator, new), streams)


class GeneratorWithDropout(nn.Module):
    """Gives the dropout layers of a generator, in evaluation, one random stream for each sample.

    Args:
        network: The generator with its dropout layers.
        streams: What it shares with them.
    """

    def __init__(self, network: nn.Module, streams: Handed[list[torch.Generator]]) -> None:
        super().__init__()
        self.network: Any = network
        self.streams, self.value_range = streams, self.network.value_range

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` from latents ``[N, latent]``."""
        if self.training or latents.is_meta:
            return self.network(latents)
        with self.streams.during([_stream(row) for row in latents.detach().float().cpu()]):
            return self.network(latents)


class SamplingDropout(nn.Module):
    """Dropout with random masks in training and with those of the samples' streams in evaluation.

    Args:
        rate: Probability of dropping, in [0, 1).
        streams: Holds one generator for each sample during a call in evaluation.
    """

    def __init__(self, rate: float, streams: Handed[list[torch.Generator]]) -> None:
        super().__init__()
        self.training_dropout, self.streams = Dropout(rate), streams

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x`` ``[N, …]``."""
        if self.training or x.is_meta:
            return self.training_dropout(x)
        rate = self.training_dropout.rate
        rows = torch.stack(
            [torch.rand(x.shape[1:], generator=stream, dtype=torch.float32) for stream in self.streams.get()]
        )
        return x * (rows >= rate).to(x.device, x.dtype).div_(1 - rate)

    def extra_repr(self) -> str:
        """The probability, as ``print`` shows it."""
        return str(self.training_dropout.rate)


def _stream(latent: Tensor) -> torch.Generator:
    return random_stream(0, "dropout", blake2b(latent.numpy().tobytes(), digest_size=16).hexdigest())
