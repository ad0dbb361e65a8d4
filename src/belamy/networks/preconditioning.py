"""What a diffusion network is given and asked for, at each level of noise."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Parametrization = Literal["epsilon", "x0", "v", "edm", "flow"]


class Preconditioning(NamedTuple):
    r"""Factors of :math:`D(x; \sigma) = c_{skip} x + c_{out} F(c_{in} x; c_{noise})`; x is data plus σ times noise.

    References:
        Karras et al. 2022, arXiv 2206.00364, equation 7.
    """

    skip: Tensor
    out: Tensor
    into: Tensor
    noise: Tensor


def preconditioning(kind: Parametrization, sigma: Tensor, sigma_data: float | Tensor = 0.5) -> Preconditioning:
    r"""The factors at standard deviations of noise σ, of σ's shape.

    Data and noise are mixed as :math:`x_t = \alpha x_0 + \sigma_t \epsilon` in the papers; here all is divided by α, so
    that σ is their :math:`\sigma_t / \alpha`. ``epsilon``, ``x0`` and ``v`` are of a mixture of constant variance
    (:math:`\alpha = 1/\sqrt{1 + \sigma^2}`), ``flow`` of :math:`x_t = (1 - t) x_0 + t \epsilon`, t = σ/(1 + σ).

    *Departs from the papers*: a network is told ln σ / 4, as in EDM, not the number of a step; ``flow`` tells it t.

    References:
        ε: Ho et al. 2020, arXiv 2006.11239, equation 11; v: Salimans & Ho 2022, arXiv 2202.00512, section 4; ``edm``:
        Karras et al. 2022, arXiv 2206.00364, table 1; ``flow``: Liu et al. 2022, arXiv 2209.03003, equation 1.

    Args:
        kind: What the network is asked for.
        sigma: Above 0.
        sigma_data: Standard deviation of the data; only ``edm`` looks at it.

    Example:
        >>> [round(float(factor), 4) for factor in preconditioning("edm", torch.tensor(0.5))]
        [0.5, 0.3536, 1.4142, -0.1733]
    """
    one, noise = torch.ones_like(sigma), sigma.log() / 4
    unit = (1 + sigma.square()).rsqrt()
    if kind == "epsilon":
        return Preconditioning(one, -sigma, unit, noise)
    if kind == "x0":
        return Preconditioning(0 * one, one, unit, noise)
    if kind == "v":
        return Preconditioning(unit.square(), -sigma * unit, unit, noise)
    if kind == "flow":
        time = sigma / (1 + sigma)
        return Preconditioning(1 / (1 + sigma), -time, 1 / (1 + sigma), time)
    total = sigma.square() + sigma_data**2
    return Preconditioning(sigma_data**2 / total, sigma * sigma_data * total.rsqrt(), total.rsqrt(), noise)


class Preconditioned(nn.Module):
    """A network, told and asked for what a parametrization says; it knows the mean and the spread of its data.

    Args:
        network: F, e.g. a U-Net.
        kind: What it is asked for.
        centre: Mean of the data, which is taken off.
        sigma_data: Their standard deviation.
    """

    of_the_data = ("centre", "sigma_data")
    """What a run that starts from another measures anew."""

    def __init__(self, network: nn.Module, kind: Parametrization, centre: float, sigma_data: float) -> None:
        super().__init__()
        self.inner, self.kind = network, kind
        self.centre: Tensor
        self.sigma_data: Tensor
        self.register_buffer("centre", torch.tensor(centre))
        self.register_buffer("sigma_data", torch.tensor(sigma_data))

    def forward(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        """D(x; σ): what the centred data are taken to be, in x's type.  # [N, C, H, W], [N], [N]"""
        skip, out, into, noise = preconditioning(self.kind, sigma, self.sigma_data.to(sigma))
        weight = next(self.inner.parameters())
        answer: Tensor = self.inner((_wide(into) * x).to(weight), noise.to(weight), labels).to(x)
        return _wide(skip) * x + _wide(out) * answer

    def error(self, clean: Tensor, noise: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        r"""The mean square of what the network is wrong by, of centred data with σ times this noise.  # [N]

        .. math:: \| F(c_{in} (y + \sigma\epsilon); c_{noise}) - (y - c_{skip} (y + \sigma\epsilon)) / c_{out} \|^2 / D

        References:
            Karras et al. 2022, arXiv 2206.00364, equation 8; its weight λ times the square of c_out is 1.
        """
        noisy = clean + _wide(sigma) * noise
        skip, out, into, level = preconditioning(self.kind, sigma, self.sigma_data)
        answer: Tensor = self.inner(_wide(into) * noisy, level, labels)
        wanted = (clean - _wide(skip) * noisy) / _wide(out)
        return (answer - wanted).square().flatten(1).mean(1)

    def min_snr(self, sigma: Tensor, most: float = 5.0) -> Tensor:
        r"""Weights of :meth:`error` that are min(SNR, γ) of the squared error of the data.  # [N]

        .. math:: w(\sigma) = c_{out}^2 \min(s^2/\sigma^2, \gamma) / s^2

        with s = σ_data for ``edm`` and 1 for the others, whose papers take the data's variance for 1.

        References:
            Hang et al. 2023, arXiv 2303.09556, section 3.4.

        Args:
            sigma: Levels of noise.
            most: γ.
        """
        spread = self.sigma_data.square() if self.kind == "edm" else torch.ones_like(self.sigma_data)
        out = preconditioning(self.kind, sigma, self.sigma_data).out
        return out.square() * (spread / sigma.square()).clamp(max=most) / spread


def _wide(factor: Tensor) -> Tensor:
    return factor[:, None, None, None]
