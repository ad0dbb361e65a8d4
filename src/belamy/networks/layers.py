"""Layers that compute what Keras computes: its paddings, initial weights and batch normalisation.

Keras pads ``same`` convolutions so that the output has ``ceil(n / stride)`` pixels and puts the odd pixel of padding at
the end; PyTorch pads both ends alike. The two agree only for some kernels, and the tempting
``padding=k//2, output_padding=1`` of a transposed convolution has the right size but is shifted by one pixel.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.processes import gather, processes

FORGOTTEN = 15.0
"""A run long enough for the moving statistics of batch normalisation, in time constants."""

WIDE, FEW, IN_ALL = 1 << 17, 16, 128
"""When a convolution is a matrix product on a CPU: from this product of channels on, up to so many places of a map or,
of larger maps, so many of a batch."""

Initializer = Callable[[Tensor], object]


def glorot_uniform(weight: Tensor) -> None:
    r"""Keras' default: uniform on :math:`\pm\sqrt{6/(n_{in}+n_{out})}`.

    References:
        Glorot & Bengio 2010, equation 16.
    """
    nn.init.xavier_uniform_(weight)


def lecun_normal(weight: Tensor) -> None:
    r"""Normal of variance :math:`1/n_{in}`, what self-normalising (selu) layers assume.

    *Departs from Keras*, which truncates the normal at two standard deviations.

    References:
        Klambauer et al. 2017, arXiv 1706.02515.
    """
    nn.init.kaiming_normal_(weight, nonlinearity="linear")


def gaussian(deviation: float) -> Initializer:
    r"""Normal :math:`N(0, \sigma^2)`; DCGAN uses σ = 0.02."""
    return lambda weight: nn.init.normal_(weight, 0.0, deviation)


FIRST_WEIGHTS: dict[str, tuple[Initializer, Initializer]] = {
    "gaussian": (glorot_uniform, gaussian(0.02)),
    "lecun": (lecun_normal, lecun_normal),
}
"""First weights of dense layers and convolutions: those of many books and papers, meant for wide layers, or those for
any width."""


def dense(incoming: int, outgoing: int, *, bias: bool = True, init: Initializer = glorot_uniform) -> nn.Linear:
    """A fully connected layer with Keras' initial values: ``init`` weights and a zero bias."""
    layer = nn.Linear(incoming, outgoing, bias=bias)
    with torch.no_grad():
        init(layer.weight)
        if bias:
            layer.bias.zero_()
    return layer


class _Convolution(nn.Module):
    """The weights and settings of both convolutions; see :class:`KerasConv2d`."""

    transposed = False

    def __init__(
        self,
        incoming: int,
        outgoing: int,
        kernel: int,
        stride: int = 1,
        *,
        padding: str = "same",
        bias: bool = True,
        init: Initializer = glorot_uniform,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = incoming, outgoing
        self.kernel, self.stride, self.padding = kernel, stride, padding
        sides = (incoming, outgoing) if self.transposed else (outgoing, incoming)
        self._thin = (sides[1], kernel, stride, padding) == (1, 5, 2, "same")
        self.weight = nn.Parameter(torch.empty(*sides, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outgoing)) if bias else None
        with torch.no_grad():
            init(self.weight)

    def is_product(self, images: Tensor, places: int) -> bool:
        """Whether a matrix product of windows and weights is faster than the native kernels, to rounding the same.

        Those bring the weights into an order of their own at every pass, which costs more than it saves where each
        weight serves few places: with AVX2 and 512 channels the product is 1.3 to 3 times as fast.

        Args:
            images: What is convolved.  # [N, C, H, W]
            places: At which the kernel is laid on each.
        """
        if images.device.type != "cpu" or self.in_channels * self.out_channels < WIDE:
            return False
        return places <= FEW or len(images) * places <= IN_ALL

    def extra_repr(self) -> str:
        """Sizes, as ``print`` shows them."""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in_channels}, {self.out_channels}, {self.kernel}, {self.stride}, padding={self.padding}{bias}"


class KerasConv2d(_Convolution):
    r"""Convolution with Keras' paddings and initial values.

    ``same``: :math:`\lceil n/s\rceil` outputs, total padding :math:`\max((\lceil n/s\rceil-1)s+k-n, 0)`, of which the
    smaller half comes first. ``valid``: none.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        kernel: Side of the square kernel.
        stride: Step between outputs.
        padding: ``same`` or ``valid``.
        bias: Whether each output channel has an offset.
        init: Sets the weights ``[outgoing, incoming, kernel, kernel]``.

    Example:
        >>> KerasConv2d(1, 64, 5, 2)(torch.zeros(1, 1, 28, 28)).shape
        torch.Size([1, 64, 14, 14])
    """

    def forward(self, images: Tensor) -> Tensor:
        """``[N, outgoing, H', W']`` from ``[N, incoming, H, W]``."""
        if self._thin and images.device.type == "cpu" and not (images.shape[2] % 2 or images.shape[3] % 2):
            return F.conv2d(F.pixel_unshuffle(images, 2), _over_phases(self.weight), self.bias, padding=1)
        whole = self.padding == "valid"
        (top, bottom), (left, right) = (
            (0, 0) if whole else same_padding(side, self.kernel, self.stride) for side in images.shape[-2:]
        )
        height = (images.shape[2] + top + bottom - self.kernel) // self.stride + 1
        width = (images.shape[3] + left + right - self.kernel) // self.stride + 1
        if self.is_product(images, height * width):
            windows = F.unfold(F.pad(images, (left, right, top, bottom)), self.kernel, stride=self.stride)
            rows = F.linear(windows.transpose(1, 2).contiguous(), self.weight.flatten(1), self.bias)
            return rows.transpose(1, 2).contiguous().unflatten(2, (height, width))
        if top == bottom and left == right:
            return F.conv2d(images, self.weight, self.bias, self.stride, (top, left))
        images = F.pad(images, (0, right - left, 0, bottom - top))  # what the native, symmetric padding lacks
        return F.conv2d(images, self.weight, self.bias, self.stride, (top, left))


class KerasConvTranspose2d(_Convolution):
    r"""Transposed convolution with Keras' paddings and initial values.

    ``same``: :math:`sn` outputs, the full result cropped by :math:`\lfloor(k-s)/2\rfloor` at the start and the rest
    at the end. ``valid``: the full result, at least :math:`sn`.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        kernel: Side of the square kernel.
        stride: Enlargement.
        padding: ``same`` or ``valid``.
        bias: Whether each output channel has an offset.
        init: Sets the weights ``[incoming, outgoing, kernel, kernel]``.

    Example:
        >>> KerasConvTranspose2d(64, 1, 5, 2)(torch.zeros(1, 64, 14, 14)).shape
        torch.Size([1, 1, 28, 28])
    """

    transposed = True

    def forward(self, images: Tensor) -> Tensor:
        """``[N, outgoing, H', W']`` from ``[N, incoming, H, W]``."""
        if self._thin and images.device.type == "cpu":
            weight = _over_phases(self.weight).flip(2, 3).transpose(0, 1)
            bias = None if self.bias is None else self.bias.expand(4)
            return F.pixel_shuffle(F.conv2d(images, weight, bias, padding=1), 2)
        surplus = self.kernel - self.stride
        start = max(surplus, 0) // 2 if self.padding == "same" else 0
        height, width = images.shape[-2:]
        if surplus >= 0 and self.is_product(images, height * width):
            windows = (images.flatten(2).transpose(1, 2).contiguous() @ self.weight.flatten(1)).transpose(1, 2)
            size = tuple(side * self.stride + surplus - 2 * start for side in (height, width))
            full = F.fold(windows, size, self.kernel, padding=start, stride=self.stride)
            full = full if self.bias is None else full + self.bias.view(-1, 1, 1)
        else:
            full = F.conv_transpose2d(
                images, self.weight, self.bias, self.stride, start, output_padding=max(-surplus, 0)
            )
        if self.padding == "valid" or surplus % 2 == 0 or surplus < 0:
            return full
        return full[..., :-1, :-1]


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Keras' ``same`` padding of one axis: pixels before and after.

    Example:
        >>> same_padding(28, 5, 2), same_padding(28, 3, 2), same_padding(28, 4, 2)
        ((1, 2), (0, 1), (1, 1))
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def same_average_pool(images: Tensor) -> Tensor:
    """Means of 3×3 pixels with stride 2 as Keras takes them: ``same``, and the padding is left out of the mean.

    Args:
        images: ``[N, C, H, W]``; half of that, rounded up, comes out.

    Example:
        >>> same_average_pool(torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
        tensor([[[[3.]]]])
    """
    rows, columns = (same_padding(side, 3, 2) for side in images.shape[-2:])
    padding = (*columns, *rows)
    counted = F.avg_pool2d(F.pad(images.new_ones(1, 1, *images.shape[-2:]), padding), 3, 2)
    return F.avg_pool2d(F.pad(images, padding), 3, 2) / counted


def _over_phases(weight: Tensor) -> Tensor:
    """``[A, 4B, 3, 3]``: a 5×5 kernel of stride 2 as a 3×3 kernel of stride 1 over the four phases of the pixels.

    For one-channel images the native kernels are slow on a CPU: this is 1.3 to 2 times as fast, to rounding the same.
    """
    return F.pad(weight, (1, 0, 1, 0)).unflatten(3, (3, 2)).unflatten(2, (3, 2)).permute(0, 1, 3, 5, 2, 4).flatten(1, 3)


class BatchNorm(nn.Module):
    r"""Batch normalisation over all axes but the second, with Keras' constants; for vectors and images alike.

    .. math:: y = \gamma\frac{x-\mu}{\sqrt{\sigma^2+\epsilon}} + \beta

    Where torch.distributed runs on several processes, training uses the statistics of the global batch; that is
    differentiable any number of times, so gradient penalties work.

    References:
        Ioffe & Szegedy 2015, arXiv 1502.03167, algorithm 1.

    Args:
        features: Size of the second axis.
        eps: ε.
        momentum: Weight of the newest batch in the moving statistics (Keras' 0.99 is 0.01 here).
        affine: Whether there are a gain and an offset.

    Raises:
        UsageError: Training with a single value per feature, whose variance is unknown.
    """

    running_mean: Tensor
    running_var: Tensor
    weight: Any
    bias: Any

    def __init__(self, features: int, *, eps: float = 1e-3, momentum: float = 0.01, affine: bool = True) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = features, eps, momentum
        self.weight = nn.Parameter(torch.ones(features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised ``[N, features, …]``."""
        if self.training and processes() > 1:
            return self._synchronised(x)
        if self.training and x.numel() == x.shape[1]:
            raise UsageError(
                "Batch normalisation needs at least 2 values per feature, but the batch holds 1 sample. "
                "Type --batch 2 or more."
            )
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training, self.momentum, self.eps
        )

    def _synchronised(self, x: Tensor) -> Tensor:
        axes = [axis for axis in range(x.dim()) if axis != 1]
        mean, variance, count = _global_moments(x, axes)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        shape = [-1 if axis == 1 else 1 for axis in range(x.dim())]
        scale = torch.rsqrt(variance + self.eps)
        if self.weight is None:
            return (x - mean.view(shape)) * scale.view(shape)
        scale = self.weight * scale  # γ/σ
        return x * scale.view(shape) + (self.bias - mean * scale).view(shape)

    def extra_repr(self) -> str:
        """Sizes, as ``print`` shows them."""
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


def fit_moving_statistics(network: nn.Module, steps: int) -> None:
    r"""Let the moving statistics of batch normalisation fit a run of a few steps.

    After t steps a share of :math:`(1-m)^t` of the initial statistics is left, a fifth of them after 157 steps with
    Keras' m = 0.01. Here m rises until no more than :math:`e^{-15}` is left; runs of 1,500 steps and more keep theirs.

    Args:
        network: Its layers of batch normalisation are changed.
        steps: Of the training.

    Example:
        >>> layer = BatchNorm(4)
        >>> fit_moving_statistics(layer, 150)
        >>> layer.momentum
        0.1
    """
    for layer in network.modules():
        if isinstance(layer, BatchNorm):
            layer.momentum = max(layer.momentum, moving_share(steps))


def initial_share(network: nn.Module, steps: int) -> float:
    """The share of the initial statistics that is left in the moving ones after a training of some steps, at most."""
    norms = [layer for layer in network.modules() if isinstance(layer, BatchNorm)]
    return max(((1 - layer.momentum) ** steps for layer in norms), default=0.0)


def moving_share(steps: int) -> float:
    """The weight of the newest batch with which moving statistics forget their beginning within some steps."""
    return min(FORGOTTEN / steps, 1.0)


class Dropout(nn.Module):
    """Zeroes each value with probability ``rate`` in training and scales the others to keep the mean.

    On a CPU sixteen random bits decide each value, a quarter of the work of the native dropout; the probability is
    then the nearest multiple of 1/65536 and the scale is exact for it.

    References:
        Srivastava et al. 2014, JMLR 15.

    Args:
        rate: Probability of dropping, in [0, 1).

    Raises:
        UsageError: ``rate`` is outside [0, 1).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise UsageError(f"dropout is {rate}, but a probability of dropping must be at least 0 and below 1.")
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x``."""
        if not self.training or self.rate == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.rate)
        dropped = min(round(self.rate * 65536), 65535)
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        keep = words.view(torch.int16)[: x.numel()].view(x.shape) >= dropped - 32768
        return x * keep.to(x.dtype).mul_(65536 / (65536 - dropped))

    def extra_repr(self) -> str:
        """The probability, as ``print`` shows it."""
        return str(self.rate)


class PReLU(nn.Module):
    r"""Rectifier with one learned slope per element, as in Keras: :math:`\max(x,0)+a\min(x,0)`, :math:`a=0` at first.

    References:
        He et al. 2015, arXiv 1502.01852, equation 1.

    Args:
        shape: Shape of one sample.
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x`` ``[N, *shape]``."""
        return x.clamp_min(0) + self.weight * x.clamp_max(0)


class MeanPooledConv2d(nn.Module):
    r"""3×3 ``same`` convolution followed by the mean over 2×2 pixels, as one 4×4 convolution of stride 2.

    Both steps are linear, so the kernel is averaged instead of the output: about half the time, to rounding the same.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        bias: Whether each output channel has an offset.
        init: Sets the weights ``[outgoing, incoming, 3, 3]``.
    """

    def __init__(self, incoming: int, outgoing: int, *, bias: bool = True, init: Initializer = glorot_uniform) -> None:
        super().__init__()
        self.in_channels, self.out_channels = incoming, outgoing
        self.weight = nn.Parameter(torch.empty(outgoing, incoming, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outgoing)) if bias else None
        with torch.no_grad():
            init(self.weight)

    def forward(self, images: Tensor) -> Tensor:
        """``[N, outgoing, H/2, W/2]`` from ``[N, incoming, H, W]`` of even height and width."""
        kernel = pooled_taps(self.weight)  # [O, I, 4, 4]
        return F.conv2d(images, kernel, self.bias, 2, 1)


class GlobalAveragePool(nn.Module):
    """Mean over the pixels: ``[N, C]`` from ``[N, C, H, W]``."""

    def forward(self, images: Tensor) -> Tensor:
        """``[N, C]``."""
        return images.mean((2, 3))


def pooled_taps(weight: Tensor) -> Tensor:
    """The 4×4 kernels that convolve as 3×3 ones ``[O, I, 3, 3]`` do and then take the means of 2×2 pixels."""
    return F.avg_pool2d(F.pad(weight, (1, 1, 1, 1)), 2, 1)


class ScoringNetwork(nn.Module):
    """A discriminator; the score is what its ``head`` makes of the features that its ``trunk`` makes of images."""

    trunk: nn.Module
    head: nn.Module

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) of images ``[N, C, H, W]``, and the features ``[N, F]`` behind them."""
        features = self.trunk(images)
        return self.head(features).squeeze(1), features

    def forward(self, images: Tensor) -> Tensor:
        """Scores ``[N]`` (logits) of images ``[N, C, H, W]``."""
        return self.scores_and_features(images)[0]


class Reshape(nn.Module):
    """Gives each sample another shape; ``Reshape()`` makes scores ``[N]`` of ``[N, 1]``.

    Args:
        shape: Shape of one sample.
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """``[N, *shape]``."""
        return x.reshape(len(x), *self.shape)

    def extra_repr(self) -> str:
        """The shape, as ``print`` shows it."""
        return ", ".join(map(str, self.shape))


def _global_moments(x: Tensor, axes: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, biased variance and count per feature over the batches of all processes, in one message.

    Each process sends its own mean and variance and all combine them (Chan et al. 1983): as exact as two passes,
    which a sum of squares is not.
    """
    variance, mean = torch.var_mean(x, axes, correction=0)
    mine = torch.cat([mean, variance, mean.new_tensor([x.numel() / x.shape[1]])])
    means, variances, counts = gather(mine).split([len(mean), len(mean), 1], 1)
    counts = counts.detach()
    share = counts / counts.sum()
    centre = (share * means).sum(0)
    return centre, (share * (variances + (means - centre).square())).sum(0), counts.sum()
