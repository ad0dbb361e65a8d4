"""Bins of the plane of a and b, for networks that tell how likely each colour is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.networks.cielab import lab_of

STEP = 10
"""Side of a bin in units of a and b."""
NEAREST, SPREAD = 5, 5.0
"""How many bins stand for a colour, and the deviation of their weights."""
_LEVELS = 33
"""Of each channel, from which the bins that hold colours are found."""


def gamut() -> Tensor:
    """The middles of the bins that hold one of 33³ colours of sRGB, 10 apart.  # [259, 2] float32

    Example:
        >>> gamut().shape
        torch.Size([259, 2])
    """
    levels = torch.linspace(0, 1, _LEVELS, dtype=torch.float64)
    colours = torch.cartesian_prod(levels, levels, levels).T[None, :, :, None]
    held = (lab_of(colours)[0, 1:, :, 0].T / STEP).round()
    return (torch.unique(held, dim=0) * STEP).to(torch.float32)


class ColourBins(nn.Module):
    r"""Soft bins of colours, how frequent each is, and colours of probabilities.

    A colour is its 5 nearest bins, weighted by a Gaussian of deviation 5. What is rare weighs more:

    .. math:: w_q \propto \left((1-\lambda)\,\tilde p_q + \lambda / Q\right)^{-1}, \qquad \sum_q \tilde p_q w_q = 1

    with the frequencies p smoothed by the same Gaussian; they are counted while one learns. The annealed mean of
    probabilities z is that of :math:`z^{1/T}`, between the mode, T = 0, and the mean, 1.

    *Departs from the paper*: 259 bins, those that sRGB reaches, not 313; frequencies of the data at hand, not of
    ImageNet.

    References:
        Zhang, Isola & Efros 2016, arXiv 1603.08511, eq. 2 to 5.

    Args:
        rebalancing: 1 - λ: how much frequencies count; 0 for equal weights.
    """

    middles: Tensor
    counts: Tensor
    smoothing: Tensor

    def __init__(self, rebalancing: float) -> None:
        super().__init__()
        self.rebalancing = rebalancing
        middles = gamut()
        near = torch.exp(-torch.cdist(middles, middles).square() / (2 * SPREAD**2))
        self.register_buffer("middles", middles, persistent=False)
        self.register_buffer("smoothing", near / near.sum(1, keepdim=True), persistent=False)
        self.register_buffer("counts", torch.zeros(len(middles)))

    def __len__(self) -> int:
        return len(self.middles)

    def encoded(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """The weights and the numbers of the nearest bins, nearest first.  # [N, 2, H, W] to [N, H, W, 5] twice"""
        apart = torch.cdist(ab.movedim(1, -1).flatten(0, 2), self.middles.to(ab))
        near, places = apart.topk(NEAREST, largest=False)
        weights = torch.softmax(-near.square() / (2 * SPREAD**2), 1)
        shape = (len(ab), *ab.shape[2:], NEAREST)
        return weights.reshape(shape), places.reshape(shape)

    def palette(self, ab: Tensor, counted: Tensor) -> Tensor:
        """The mean share of each bin in the colours of palettes that count; 0 everywhere where none does.

        Args:
            ab: Colours.  # [N, 2, K] to [N, Q]
            counted: 1 for those that count, 0 for the others.  # [N, K]
        """
        weights, places = self.encoded(ab.unsqueeze(3))  # [N, K, 1, 5]
        weights = weights.squeeze(2) * counted.unsqueeze(2)
        found = weights.new_zeros(len(ab), len(self)).scatter_add(1, places.flatten(1), weights.flatten(1))
        return found / counted.sum(1, keepdim=True).clamp_min(1)

    @torch.no_grad()
    def count(self, weights: Tensor, places: Tensor) -> None:
        """Add what was seen to the frequencies."""
        self.counts.index_add_(0, places.flatten(), weights.flatten().to(self.counts))

    def weights(self) -> Tensor:
        """How much each bin weighs.  # [Q]"""
        total = self.counts.sum()
        if not total or not self.rebalancing:
            return torch.ones_like(self.counts)
        shares = (self.counts / total) @ self.smoothing.to(self.counts)
        rare = 1 / (self.rebalancing * shares + (1 - self.rebalancing) / len(self))
        return rare / (shares * rare).sum()

    def annealed(self, logits: Tensor, temperature: float) -> Tensor:
        """Colours of logits.  # [N, Q, H, W] to [N, 2, H, W]"""
        chances = torch.softmax(logits / temperature, 1)
        return torch.einsum("nqhw,qc->nchw", chances, self.middles.to(chances))
