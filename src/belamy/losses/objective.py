"""What the two players minimise: an adversarial loss, the labels that are told, and the weights of samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from belamy.seeds import Draws


class Objective(nn.Module):
    r"""An adversarial loss whose labels may be soft, noisy or flipped and whose samples may be weighted.

    A sample that is told to be real with probability t costs t·(loss as real) + (1 - t)·(loss as generated), which for
    the cross-entropy is exactly the soft label t. A loss that compares pairs is mixed with that of the swapped pair.

    Args:
        adversarial: A part of ``losses/adversarial``.
        targets: Parts of ``losses/targets``, applied in order.
        weightings: Parts of ``losses/weightings``; their factors are multiplied.
    """

    def __init__(
        self, adversarial: nn.Module, targets: Iterable[nn.Module] = (), weightings: Iterable[nn.Module] = ()
    ) -> None:
        super().__init__()
        self.adversarial: Any = adversarial
        self.targets, self.weightings = nn.ModuleList(targets), nn.ModuleList(weightings)
        self.relativistic = bool(adversarial.relativistic)

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
