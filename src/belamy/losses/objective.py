"""What the two players minimise: an adversarial loss, the labels that are told, and the weights of samples."""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.losses.adversarial import Separable
from belamy.registry import breach
from belamy.seeds import Draws

SUREST = log(1e7 - 1)
"""The logit of a probability of 1 - 1e-7, the surest that Keras knows."""


class Objective(nn.Module):
    r"""An adversarial loss whose labels may be soft, noisy or flipped and whose samples may be weighted.

    A sample that is told to be real with probability t costs t·(loss as real) + (1 - t)·(loss as generated), which for
    the cross-entropy is exactly the soft label t. A loss that compares pairs is mixed with that of the swapped pair.

    A label outside [0, 1] would reward ever larger scores without end. As Keras clips probabilities to
    [1e-7, 1 - 1e-7], scores of such samples are clipped to ±log(1e7 - 1), so a surer one earns and teaches nothing; the
    share of a pair is kept within [0, 1].

    Args:
        adversarial: A part of ``losses/adversarial``.
        targets: Parts of ``losses/targets``, applied in order.
        weightings: Parts of ``losses/weightings``; their factors are multiplied.

    Raises:
        UsageError: The loss is not relativistic and does not judge the two kinds of samples apart.
    """

    def __init__(
        self, adversarial: nn.Module, targets: Iterable[nn.Module] = (), weightings: Iterable[nn.Module] = ()
    ) -> None:
        super().__init__()
        self.adversarial: Any = adversarial
        self.targets, self.weightings = nn.ModuleList(targets), nn.ModuleList(weightings)
        self.relativistic = bool(adversarial.relativistic)
        lack = None if self.relativistic else breach(adversarial, Separable)
        if lack:
            raise UsageError(
                f"The adversarial loss of {type(adversarial).__module__} is not relativistic, but {lack}. What each "
                f"must have is written in {Separable.__module__}."
            )

    def on_real(self, scores: Tensor, draw: Draws, progress: float) -> Tensor:
        """The discriminator's loss ``[N]`` for scores of real samples."""
        return self.told(scores, True, draw, progress) * self.weight(scores, True, progress)

    def on_fake(self, scores: Tensor, draw: Draws, progress: float) -> Tensor:
        """The discriminator's loss ``[N]`` for scores of generated samples."""
        return self.told(scores, False, draw, progress)

    def discriminator(self, real: Tensor, fake: Tensor, draw: Draws, progress: float) -> Tensor:
        """The discriminator's loss ``[N]`` from scores of real and generated samples."""
        if not self.relativistic:
            if not self.targets and not self.weightings:
                return self.adversarial.discriminator(real, fake)
            return self.on_real(real, draw, progress) + self.on_fake(fake, draw, progress)
        loss: Tensor = self.adversarial.discriminator(real, fake)
        if self.targets:
            right = (1 + self.target(real, True, draw, progress) - self.target(fake, False, draw, progress)) / 2
            right = right.clamp(0, 1)
            loss = right * loss + (1 - right) * self.adversarial.discriminator(fake, real)
        return loss * self.weight(real, True, progress)

    def generator(self, fake: Tensor, real: Tensor | None, progress: float) -> Tensor:
        """The generator's loss ``[N]`` from scores of generated samples, and of real ones if they are compared."""
        loss: Tensor = self.adversarial.generator(fake, real)
        return loss * self.weight(fake, False, progress)

    @torch.no_grad()
    def observe(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Let a loss with a state of its own see the scores; what it has to tell, by name."""
        seen = getattr(self.adversarial, "observe", None)
        return seen(real.detach(), fake.detach()) if seen else {}

    def told(self, scores: Tensor, real: bool, draw: Draws, progress: float) -> Tensor:
        """The discriminator's loss ``[N]`` under the labels that it is told."""
        as_real, as_fake = self.adversarial.on_real, self.adversarial.on_fake
        if not self.targets:
            return as_real(scores) if real else as_fake(scores)
        target = self.target(scores, real, draw, progress)
        outside = (target < 0) | (target > 1)
        scores = torch.where(outside, scores.clamp(-SUREST, SUREST), scores)
        return target * as_real(scores) + (1 - target) * as_fake(scores)

    def target(self, scores: Tensor, real: bool, draw: Draws, progress: float) -> Tensor:
        """``[N]``: how much the discriminator is told that samples are real; 1 and 0 unless a part changes it."""
        target = torch.full_like(scores, float(real), requires_grad=False)
        for part in self.targets:
            target = part(target, real, draw, progress)
        return target

    def weight(self, scores: Tensor, real: bool, progress: float) -> Tensor | float:
        """Factors ``[N]`` of the samples' losses."""
        factor: Tensor | float = 1.0
        for part in self.weightings:
            factor = factor * (part.real if real else part.fake)(scores.detach(), progress)  # type: ignore[operator]
        return factor
