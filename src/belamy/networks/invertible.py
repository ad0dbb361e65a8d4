r"""Invertible layers: each maps values there and back, and knows the logarithm of its Jacobian's determinant.

.. math:: \ln p(x) = \ln p(f(x)) + \ln \left| \det \frac{\partial f}{\partial x} \right|
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Invertible(Protocol):
    """What a layer here must have."""

    def there(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is made of values, and ln |det J| of each sample.  # [N, …] to [N, …], [N]"""
        ...

    def back(self, y: Tensor) -> Tensor:
        """The values that it was made of."""
        ...


class Squeeze(nn.Module):
    """Squares of 2 x 2 pixels become four channels each."""

    def there(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Half the sides, four times the channels."""
        return torch.pixel_unshuffle(x, 2), x.new_zeros(len(x))

    def back(self, y: Tensor) -> Tensor:
        """Twice the sides."""
        return torch.pixel_shuffle(y, 2)


class Coupling(nn.Module):
    r"""Half of the values pass, and tell how the other half is scaled and shifted.

    .. math:: y = b x + (1 - b)\,(x\,e^{s(bx)} + t(bx)), \qquad \ln|\det J| = \sum (1 - b)\,s(bx)

    The scale is a tanh of what the network says, times a learned factor of each channel.

    References:
        Dinh, Sohl-Dickstein & Bengio 2017, arXiv 1605.08803, equations 7 to 9; additive: Dinh, Krueger & Bengio 2014,
        arXiv 1410.8516, section 3.2.

    Args:
        mask: b, 1 where values pass.  # [C, H, W]
        network: From masked pictures to the scale (of an affine coupling) and the shift, channels together.
        affine: Whether it scales; an additive coupling only shifts.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, network: nn.Module, affine: bool) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.network = network
        self.factor = nn.Parameter(torch.ones(len(mask), 1, 1)) if affine else None

    def told(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Shift and log-scale, 0 where values pass."""
        found: Tensor = self.network(x * self.mask)
        free = 1 - self.mask
        if self.factor is None:
            return free * found, None
        shift, scale = found.chunk(2, 1)
        return free * shift, free * self.factor * torch.tanh(scale)

    def there(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled and shifted."""
        shift, scale = self.told(x)
        if scale is None:
            return x + shift, x.new_zeros(len(x))
        return x * scale.exp() + shift, scale.flatten(1).sum(1)

    def back(self, y: Tensor) -> Tensor:
        """Shifted and scaled back: what passed tells how."""
        shift, scale = self.told(y)
        return y - shift if scale is None else (y - shift) * (-scale).exp()


def checkerboard(shape: tuple[int, int, int], odd: bool) -> Tensor:
    """A mask of every other pixel.

    Example:
        >>> checkerboard((1, 2, 3), False).tolist()
        [[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]]
    """
    channels, height, width = shape
    places = torch.arange(height)[:, None] + torch.arange(width) + int(odd)
    return (1 - places % 2).float().expand(channels, -1, -1).clone()


def half_the_channels(shape: tuple[int, int, int], odd: bool) -> Tensor:
    """A mask of the first half of the channels, or of the second where ``odd``.

    Example:
        >>> half_the_channels((4, 1, 1), True).flatten().tolist()
        [0.0, 0.0, 1.0, 1.0]
    """
    channels, height, width = shape
    first = (torch.arange(channels) < channels // 2) != odd
    return first.float()[:, None, None].expand(-1, height, width).clone()


class InvertibleBatchNorm(nn.Module):
    r"""Batch normalisation as a layer of a flow, without gain and offset.

    .. math:: y = (x - \mu) / \sqrt{\sigma^2 + \epsilon}, \qquad
              \ln|\det J| = -\tfrac{HW}2 \sum_c \ln(\sigma_c^2 + \epsilon)

    In training μ and σ are those of the batch and count as constants in the determinant, as in the paper; else they are
    running means, which the way back always uses.

    *Departs from the paper* in that the batch itself normalises in training, not running means.

    References:
        Dinh et al. 2017, arXiv 1605.08803, section 3.7.

    Args:
        channels: How many.
        eps: ε.
        momentum: Share of a batch in the running means.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, eps: float = 1e-4, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("variance", torch.ones(channels, 1, 1))

    @torch.no_grad()
    def begin(self, x: Tensor) -> None:
        """Set the running means by a batch."""
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        self.mean.copy_(mean[:, None, None])
        self.variance.copy_(variance[:, None, None])

    def there(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised."""
        mean, variance = self.mean, self.variance
        if self.training:
            mean = x.mean((0, 2, 3))[:, None, None]
            variance = x.var((0, 2, 3), correction=0)[:, None, None]
            with torch.no_grad():
                self.mean.lerp_(mean, self.momentum)
                self.variance.lerp_(variance, self.momentum)
        spread = variance + self.eps
        told = -0.5 * x.shape[2] * x.shape[3] * spread.log().sum()
        return (x - mean) * spread.rsqrt(), told.expand(len(x))

    def back(self, y: Tensor) -> Tensor:
        """By the running means."""
        return y * (self.variance + self.eps).sqrt() + self.mean


class ActNorm(nn.Module):
    """A shift and a scale of each channel, first set so that a batch comes out with mean 0 and variance 1.

    References:
        Kingma & Dhariwal 2018, arXiv 1807.03039, section 3.1.

    Args:
        channels: How many.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))
        self.log_scale = nn.Parameter(torch.zeros(channels, 1, 1))

    @torch.no_grad()
    def begin(self, x: Tensor) -> None:
        """Set shift and scale by a batch."""
        deviation, mean = torch.std_mean(x, (0, 2, 3), correction=0)
        self.shift.copy_(-mean[:, None, None])
        self.log_scale.copy_(-deviation.clamp(min=1e-4).log()[:, None, None])

    def there(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shifted, then scaled."""
        told = x.shape[2] * x.shape[3] * self.log_scale.sum()
        return (x + self.shift) * self.log_scale.exp(), told.expand(len(x))

    def back(self, y: Tensor) -> Tensor:
        """Scaled and shifted back."""
        return y * (-self.log_scale).exp() - self.shift


class InvertibleConvolution(nn.Module):
    r"""A mixture of the channels of each pixel by one matrix, held as P L (U + diag(s)).

    .. math:: \ln|\det J| = HW \sum_c \ln|s_c|

    It begins as a random rotation.

    References:
        Kingma & Dhariwal 2018, arXiv 1807.03039, section 3.2, equation 10.

    Args:
        channels: How many.
    """

    order: Tensor
    sign: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        rotation = torch.linalg.qr(torch.randn(channels, channels)).Q
        order, lower, upper = torch.linalg.lu(rotation)
        diagonal = upper.diagonal()
        self.register_buffer("order", order)
        self.register_buffer("sign", diagonal.sign())
        self.lower, self.upper = nn.Parameter(lower.tril(-1)), nn.Parameter(upper.triu(1))
        self.log_scale = nn.Parameter(diagonal.abs().log())

    def matrix(self) -> Tensor:
        """The matrix.  # [C, C]"""
        one = torch.eye(len(self.order), dtype=self.order.dtype, device=self.order.device)
        upper = self.upper.triu(1) + torch.diag(self.sign * self.log_scale.exp())
        return self.order @ (self.lower.tril(-1) + one) @ upper

    def there(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Channels mixed."""
        told = x.shape[2] * x.shape[3] * self.log_scale.sum()
        return torch.einsum("ij,njhw->nihw", self.matrix(), x), told.expand(len(x))

    def back(self, y: Tensor) -> Tensor:
        """By the inverse matrix."""
        return torch.linalg.solve(self.matrix(), y.flatten(2)).view_as(y)


class Standardisation(nn.Module):
    r"""Values in units of a normal distribution whose mean and spread are learned, or told by other values.

    .. math:: z = (y - \mu)\,e^{-s}, \qquad \ln|\det J| = -\sum s

    So every flow ends in independent standard normal numbers, and a learned distribution of Glow's is one of its
    layers.

    Args:
        shape: Of the values.
        network: Tells both from other values, channels together; None where they are parameters.
        classes: How many classes have a mean and a spread of their own; 0 for none.
    """

    def __init__(self, shape: tuple[int, int, int], network: nn.Module | None = None, classes: int = 0) -> None:
        super().__init__()
        self.network = network
        self.both = nn.Parameter(torch.zeros(2 * shape[0], 1, 1)) if network is None else None
        self.classes = nn.Embedding(classes, 2 * shape[0]) if classes else None
        if self.classes is not None:
            nn.init.zeros_(self.classes.weight)

    def told(self, known: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and log-spread.

        Args:
            known: What they are told by; only its size counts where they are parameters.
            labels: The classes.  # [N]
        """
        both: Any = self.both if self.network is None else self.network(known)
        if self.classes is not None and labels is not None:
            both = both + self.classes(labels)[:, :, None, None]
        mean, spread = both.expand(len(known), -1, -1, -1).chunk(2, 1)
        return mean, spread

    def there(self, y: Tensor, known: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Standard normal numbers."""
        mean, spread = self.told(known, labels)
        return (y - mean) * (-spread).exp(), -spread.expand_as(y).flatten(1).sum(1)

    def back(self, z: Tensor, known: Tensor, labels: Tensor | None = None) -> Tensor:
        """Values from standard normal numbers."""
        mean, spread = self.told(known, labels)
        return z * spread.exp() + mean
