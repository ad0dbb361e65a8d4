"""Adversarial losses: what discriminator and generator each minimise, from scores (logits), one value per sample."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from belamy.registry import Module


class Adversarial(Module, Protocol):
    """What the class ``Adversarial`` of a file here must have.

    If it adapts to the game it also has ``observe(real, fake) -> dict[str, Tensor]``, called without gradients after
    each of the discriminator's updates with the scores of it: it updates buffers, alike in all processes, and returns
    what is worth logging. ``energies = True`` says that scores are minus the energies of an autoencoder.

    Attributes:
        relativistic: Whether scores of real and generated samples are compared. If not, the loss has the methods of
            :class:`Separable` too, and ``real`` may be None in the generator's.
    """

    relativistic: bool

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss from scores of real and generated samples, high meaning real.  # [N] each"""
        ...

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The generator's loss.  # [N] each"""
        ...


class Separable(Protocol):
    """What a loss that is not relativistic must have besides: the discriminator's two terms, of which it is the sum."""

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's loss from scores of real samples.  # [N] to [N]"""
        ...

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's loss from scores of generated samples.  # [N] to [N]"""
        ...


class BaseAdversarial(nn.Module):
    """A loss that judges real and generated samples each by themselves, with a generator that raises its scores."""

    relativistic = False

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of real samples."""
        raise AssertionError(f"{type(self).__module__} has no on_real")

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of generated samples."""
        raise AssertionError(f"{type(self).__module__} has no on_fake")

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """``[N]`` from scores of real and generated samples."""
        return self.on_real(real) + self.on_fake(fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """``[N]`` from scores of generated samples."""
        return -fake
