"""The loss of boundary-equilibrium GANs (BEGAN)."""

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.losses.adversarial import BaseAdversarial
from belamy.processes import gather


class Adversarial(BaseAdversarial):
    r"""Reconstruction errors of real and generated samples, kept in proportion γ by a controlled weight k.

    .. math::
        L_D = E_r - k_t E_f, \qquad L_G = E_f, \qquad k_{t+1} = k_t + \lambda(\gamma \bar E_r - \bar E_f), \quad
        E = -s,

    k clamped to [0, 1] and 0 at first. The convergence measure is :math:`M = \bar E_r + |\gamma\bar E_r-\bar E_f|`.
    Both are buffers, so a resumed run goes on with them; means are over the batches of all processes. For a
    discriminator whose score is minus a reconstruction error, such as ``began``.

    *Departs from the paper*, whose control sees the generated samples of the generator's turn: here it sees those of
    the discriminator's, made by the same generator.

    References:
        Berthelot et al. 2017, arXiv 1703.10717, section 3.4 (objective) and 3.4.1 (convergence measure).

    Args:
        gamma: γ in (0, 1]; lower gives sharper and less diverse samples.
        rate: λ, the proportional gain of the control.

    Raises:
        UsageError: γ outside (0, 1], or a rate that is not positive.
    """

    energies = True
    k: Tensor
    convergence: Tensor

    def __init__(self, *, gamma: float = 0.5, rate: float = 1e-3) -> None:
        super().__init__()
        if not 0 < gamma <= 1:
            raise UsageError(f"boundary-equilibrium.gamma is {gamma}, but it must be above 0 and at most 1.")
        if rate <= 0:
            raise UsageError(f"boundary-equilibrium.rate is {rate}, but it must be greater than 0.")
        self.gamma, self.rate = gamma, rate
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("convergence", torch.zeros(()))

    def on_real(self, real: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of real samples."""
        return -real

    def on_fake(self, fake: Tensor) -> Tensor:
        """The discriminator's term ``[N]`` for scores of generated samples."""
        return self.k.to(fake.dtype) * fake

    @torch.no_grad()
    def observe(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Move k by what the last scores ``[N]`` were; returns k and the convergence measure."""
        energies = -torch.stack([real.mean(), fake.mean()]).to(self.k.dtype)
        of_real, of_fake = gather(energies).mean(0)
        balance = self.gamma * of_real - of_fake
        self.k.add_(self.rate * balance).clamp_(0, 1)
        self.convergence.copy_(of_real + balance.abs())
        return {"k": self.k.clone(), "convergence": self.convergence.clone()}
