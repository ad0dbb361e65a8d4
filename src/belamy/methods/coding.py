"""What methods with an encoder and a prior of its codes can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.methods import base
from belamy.networks.stochastic import sampled
from belamy.networks.tracing import placeholder, trace
from belamy.seeds import Draws, SampleDraws


def check_variances(encoder: nn.Module, name: str, shape: tuple[int, ...], *, told: bool = True) -> None:
    """Refuse an encoder that tells no log-variances beside its codes, or, with ``told=False``, one that does.

    Args:
        encoder: What is asked.
        name: Its public name.
        shape: Of what it encodes.
        told: Whether log-variances are needed.

    Raises:
        UsageError: It is of the other form.
    """
    if isinstance(trace(encoder, placeholder(shape)), tuple) is told:
        return
    if told:
        raise UsageError(
            f"A variational autoencoder needs means and variances, but the encoder '{name}' tells codes alone. "
            "Type --encoder vae-digits."
        )
    raise UsageError(
        f"An autoencoder needs codes alone, but the encoder '{name}' tells means and variances. "
        "Type --encoder autoencoder-mnist, or train vae."
    )


class Coding(base.BaseMethod):
    """Encodes by ``encoder``, draws codes from ``prior`` and reconstructs by its own ``generate``.

    An encoder that tells a mean and a log-variance draws codes while it learns, and encodes by the mean.
    """

    encoder: nn.Module
    prior: Any

    def told(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mean and log-variance of the codes of images in [-1, 1]; None of an encoder that tells codes alone."""
        told = self.encoder(base.to_range(images, (0.0, 1.0)))
        return told if isinstance(told, tuple) else (told, None)

    def drawn(self, images: Tensor, draw: Draws) -> Tensor:
        """``[N, latent]``: codes of images in [-1, 1], as the encoder tells them."""
        mean, log_variance = self.told(images)
        return mean if log_variance is None else sampled(mean, log_variance, draw.normal("code", *mean.shape))

    def encode(self, images: Tensor) -> Tensor:
        """The code ``[n, latent]`` of images in [-1, 1]."""
        return self.told(images)[0]

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, latent]``: the code of each sample index, from the prior."""
        numbers = SampleDraws(seed, indices)
        z: Tensor = self.prior.sample(len(numbers.indices), numbers)
        return z

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1] from codes."""
        raise AssertionError(f"{type(self).__module__} makes no images")

    def reconstruct(self, images: Tensor) -> Tensor:
        """What is made of the codes of images in [-1, 1]."""
        return self.generate(self.encode(images))
