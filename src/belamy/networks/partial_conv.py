"""Partial convolutions, which see known pixels alone, and the U-Net of them that fills holes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm
from belamy.networks.sizes import check_least, check_positive

DEEPEST = 8
KERNELS = (7, 5, 5, 3, 3, 3, 3, 3)
_SMALLEST = 8  # pixels of a side
_LEAST = 2  # of the smallest map, where the depth is not given
_SLOPE = 0.2
_WIDEST = 8  # times the width
_EPSILON, _MOMENTUM = 1e-5, 0.1


class PartialConv2d(nn.Module):
    r"""Convolution of what is known, scaled up by how little that is; a window that knows anything makes known.

    With a window's features X and the mask M of what is known of them:

    .. math:: x' = W^\top (X \odot M) \frac{\mathrm{sum}(1)}{\mathrm{sum}(M)} + b \text{ where } \mathrm{sum}(M) > 0,
        \text{ else } 0; \qquad m' = [\mathrm{sum}(M) > 0]

    What lies outside of the picture is not known. Channels that are known together share a map of M.

    References:
        Liu et al. 2018, arXiv 1804.07723, equations 1 and 2.

    Args:
        incoming: Channels of the input, those of each map of M.
        outgoing: Channels of the output.
        kernel: Side of the square window, odd.
        stride: Step between outputs.

    Example:
        >>> layer = PartialConv2d((3,), 8, 3)
        >>> known = torch.zeros(1, 1, 5, 5).index_fill_(3, torch.tensor([0]), 1.0)
        >>> layer(torch.ones(1, 3, 5, 5), known)[1][0, 0, 2].tolist()
        [1.0, 1.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, incoming: Sequence[int], outgoing: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.incoming, self.stride = tuple(incoming), stride
        self.weight = nn.Parameter(torch.empty(outgoing, sum(incoming), kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outgoing))
        nn.init.kaiming_normal_(self.weight)

    def forward(self, features: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``[N, outgoing, H', W']`` and what is known of them, ``[N, 1, H', W']`` of 0 and 1.

        Args:
            features: Anything where they are not known.  # [N, C, H, W]
            known: 1 where the channels of each map are known, else 0.  # [N, maps, H, W]
        """
        kernel, total = self.weight.shape[2], sum(self.incoming)
        margin = kernel // 2
        shares = F.avg_pool2d(known, kernel, self.stride, margin)  # of a window, outside counted  # [N, maps, H', W']
        share = sum(shares[:, [number]] * (count / total) for number, count in enumerate(self.incoming))
        assert isinstance(share, Tensor)
        masks = [known[:, [number]].expand(-1, count, -1, -1) for number, count in enumerate(self.incoming)]
        seen = torch.where(torch.cat(masks, 1) > 0, features, 0)
        found = F.conv2d(seen, self.weight, None, self.stride, margin)
        reached = share > 0
        scaled = found / torch.where(reached, share, 1) + self.bias.view(1, -1, 1, 1)
        return torch.where(reached, scaled, 0), reached.to(known.dtype)

    def extra_repr(self) -> str:
        """Sizes, as ``print`` shows them."""
        return f"{self.incoming}, {len(self.weight)}, {self.weight.shape[2]}, {self.stride}"


class Inpainter(nn.Module):
    """Pictures with holes to whole ones, by a U-Net of partial convolutions.

    Eight halvings (7×7, 5×5, 5×5, then 3×3; 64, 128, 256, 512 … 512 maps, ReLU) take 512×512 to 2×2; 3×3 partial
    convolutions of what nearest neighbours enlarge, beside the encoder's maps of that size, lead back (leaky ReLU of
    0.2), the last beside the picture itself. All but the first and the last are normalised by the batch. 32,865,236
    trainable parameters for 3 channels at 512×512. Smaller pictures are halved as often as leaves 2 pixels. What a size
    lacks to a multiple of the network's stride counts as a hole. The output has no bounds, as in the paper.

    Holes spoil the statistics of the encoder's normalisations, so in the paper's second phase these are held: see
    :meth:`hold_statistics`.

    References:
        Liu et al. 2018, arXiv 1804.07723, section 3.2 and table 3 of the supplement.

    Args:
        shape: (channels, height, width) of the pictures, each side at least 8.
        width: Maps of the first convolution; the paper has 64, as said above.
        depth: How often the sides are halved; 0 for as often as leaves 2 pixels, at most 8.

    Raises:
        UsageError: A picture that is too small, or an option out of range.

    Example:
        >>> Inpainter((3, 64, 96), width=4)(torch.zeros(2, 3, 64, 96), torch.ones(2, 1, 64, 96)).shape
        torch.Size([2, 3, 64, 96])
    """

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 32, depth: int = 0) -> None:
        super().__init__()
        check_positive(width, "width")
        check_least(shape, _SMALLEST, "partial-conv")
        if not 0 <= depth <= DEEPEST:
            raise UsageError(f"depth is {depth}, but it must be in 1..{DEEPEST}, or 0 for what the size allows.")
        depth = depth or max(d for d in range(1, DEEPEST + 1) if min(shape[1:]) >= _LEAST * 2**d)
        widths = [shape[0], *(width * min(2**level, _WIDEST) for level in range(depth))]
        self.stride = 2**depth
        self.encoder = nn.ModuleList(
            _Layer((widths[level],), widths[level + 1], KERNELS[level], stride=2, normalised=level > 0)
            for level in range(depth)
        )
        decoder, below = [], widths[-1]
        for level in reversed(range(depth)):
            outgoing = widths[level]
            decoder.append(_Layer((below, widths[level]), outgoing, 3, slope=_SLOPE if level else 1.0,
                                  normalised=level > 0))  # fmt: skip
            below = outgoing
        self.decoder = nn.ModuleList(decoder)

    def hold_statistics(self, held: bool) -> None:
        """Let the encoder's batch normalisations learn, or hold their moving statistics, gains and offsets.

        Held, they normalise by the moving statistics in training too and get no gradient; those of the decoder go on.
        It is asked for in each step, so nothing has to be remembered by a run that resumes.
        """
        for layer in self.encoder:
            assert isinstance(layer, _Layer)
            layer.held = held

    def forward(self, images: Tensor, known: Tensor | None = None) -> Tensor:
        """Whole pictures ``[N, C, H, W]`` from pictures with holes.

        Args:
            images: In [-1, 1], anything in the holes.  # [N, C, H, W]
            known: 1 where pixels are known, 0 in holes; None where all are.  # [N, 1, H, W]
        """
        height, width = images.shape[2:]
        known = torch.ones_like(images[:, :1]) if known is None else known
        room = (0, -width % self.stride, 0, -height % self.stride)
        maps = [(F.pad(images, room), F.pad(known, room))]
        for layer in self.encoder:
            maps.append(layer(*maps[-1]))
        features, reached = maps.pop()
        for layer in self.decoder:
            beside, mask = maps.pop()
            enlarged = F.interpolate(features, scale_factor=2.0), F.interpolate(reached, scale_factor=2.0)
            features, reached = layer(torch.cat([enlarged[0], beside], 1), torch.cat([enlarged[1], mask], 1))
        return features[..., :height, :width]


class _Layer(nn.Module):
    """A partial convolution, batch normalisation where wanted, and a leaky rectifier; a slope of 1 leaves it out."""

    held = False

    def __init__(
        self, incoming: Sequence[int], outgoing: int, kernel: int, *, stride: int = 1, slope: float = 0.0,
        normalised: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.convolution = PartialConv2d(incoming, outgoing, kernel, stride)
        self.norm: nn.Module = (
            BatchNorm(outgoing, eps=_EPSILON, momentum=_MOMENTUM) if normalised else nn.Identity()
        )  # fmt: skip
        self.slope = slope

    def forward(self, features: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        found, reached = self.convolution(features, known)
        norm = self.norm
        if self.held and isinstance(norm, BatchNorm):
            assert norm.weight is not None and norm.bias is not None
            gains = norm.weight.detach(), norm.bias.detach()
            found = F.batch_norm(found, norm.running_mean, norm.running_var, *gains, False, 0.0, norm.eps)
        else:
            found = norm(found)
        return F.leaky_relu(found, self.slope), reached
