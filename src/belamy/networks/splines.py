r"""How one number is mapped to another, strictly rising, by numbers that a network tells.

Both kinds are the identity where all that is told is 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad, softmax, softplus

from belamy.ranges import Within


class AffineMap:
    r"""A scale and a shift.

    .. math:: y = x\,e^{s} + t, \qquad s = 5 \tanh(s' / 5)

    *Departs from the papers* in the bound of the logarithm of the scale, without which single steps blow up.

    Example:
        >>> AffineMap().there(torch.tensor([[2.0]]), torch.tensor([[[1.0, 0.0]]]))
        (tensor([[3.]]), tensor([[0.]]))
    """

    numbers = 2
    bound = 5.0

    def there(self, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled and shifted, and the logarithm of the slope.  # [N, n], [N, n, 2] to [N, n], [N, n]"""
        shift, scale = told.unbind(-1)
        scale = self.bound * torch.tanh(scale / self.bound)
        return x * scale.exp() + shift, scale

    def back(self, y: Tensor, told: Tensor) -> Tensor:
        """What it was made of.  # [N, n], [N, n, 2] to [N, n]"""
        shift, scale = told.unbind(-1)
        return (y - shift) * (-self.bound * torch.tanh(scale / self.bound)).exp()


class SplineMap:
    r"""A rational-quadratic spline on [-B, B] of K pieces; the identity beyond.

    In the piece k, of width w and height h with the slopes d at its ends, s = h / w and ξ = (x - x_k) / w:

    .. math:: y = y_k + \frac{h\,(s\xi^2 + d_k\,\xi(1-\xi))}{s + (d_{k+1} + d_k - 2s)\,\xi(1-\xi)}

    Widths and heights are shares of 2 B by a softmax, at least 0.001; slopes within come from a softplus, at least
    0.001; those at both ends are 1.

    References:
        Durkan, Bekasov, Murray & Papamakarios 2019, "Neural spline flows", arXiv 1906.04032, section 3.1 and appendix
        A; Gregory & Delbourgo 1982.

    Args:
        bins: K, in 2..64.
        reach: B, in 0.5..100.

    Example:
        >>> y, slope = SplineMap(bins=4).there(torch.tensor([[0.5, 7.0]]), torch.zeros(1, 2, 11))
        >>> y.allclose(torch.tensor([[0.5, 7.0]])), slope.allclose(torch.zeros(1, 2), atol=1e-6)
        (True, True)
    """

    least = 1e-3

    def __init__(self, bins: int = 8, reach: float = 5.0) -> None:
        self.bins = Within(2, 64).check("bins", bins)
        self.reach = Within(0.5, 100).check("reach", reach)
        self.numbers = 3 * bins - 1

    def there(self, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """By the spline, and the logarithm of the slope.  # [N, n], [N, n, 3 K - 1] to [N, n], [N, n]"""
        inside = x.abs() < self.reach
        own = torch.where(inside, x, 0.0)
        left, width, low, height, first, second = self._piece(told, own, of_heights=False)
        steep, share = height / width, (own - left) / width
        bow = share * (1 - share)
        under = steep + (first + second - 2 * steep) * bow
        y = low + height * (steep * share.square() + first * bow) / under
        over = second * share.square() + 2 * steep * bow + first * (1 - share).square()
        slope = 2 * steep.log() + over.log() - 2 * under.log()
        return torch.where(inside, y, x), torch.where(inside, slope, 0.0)

    def back(self, y: Tensor, told: Tensor) -> Tensor:
        """What it was made of: the root of a quadratic equation.  # [N, n], [N, n, 3 K - 1] to [N, n]"""
        inside = y.abs() < self.reach
        own = torch.where(inside, y, 0.0)
        left, width, low, height, first, second = self._piece(told, own, of_heights=True)
        steep, risen = height / width, own - low
        bent = risen * (first + second - 2 * steep)
        a, b, c = height * (steep - first) + bent, height * first - bent, -steep * risen
        share = 2 * c / (-b - (b.square() - 4 * a * c).clamp(min=0).sqrt())
        return torch.where(inside, left + width * share, y)

    def _piece(self, told: Tensor, place: Tensor, of_heights: bool) -> tuple[Tensor, ...]:
        """Where the piece of each place begins and how wide it is, the same of its height, and the slopes at its ends.

        Args:
            told: Numbers.  # [N, n, 3 K - 1]
            place: On the axis of y where ``of_heights``, else of x.  # [N, n]
        """
        wide, high, slopes = told.split([self.bins, self.bins, self.bins - 1], -1)
        x, y = self._knots(wide), self._knots(high)
        slopes = self.least + softplus(slopes + math.log(math.expm1(1 - self.least)))
        slopes = pad(slopes, (1, 1), value=1.0)
        number = ((y if of_heights else x)[..., 1:-1] <= place[..., None]).sum(-1, keepdim=True)
        ends = [each.gather(-1, number + later).squeeze(-1) for each in (x, y, slopes) for later in (0, 1)]
        return ends[0], ends[1] - ends[0], ends[2], ends[3] - ends[2], ends[4], ends[5]

    def _knots(self, told: Tensor) -> Tensor:
        """K + 1 rising places from -B to B.  # [N, n, K] to [N, n, K + 1]"""
        shares = self.least + (1 - self.least * self.bins) * softmax(told, -1)
        rising = pad(shares[..., :-1].cumsum(-1), (1, 0))
        return pad(2 * self.reach * rising - self.reach, (0, 1), value=self.reach)
