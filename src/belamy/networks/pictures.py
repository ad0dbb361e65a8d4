"""The networks of ``pictures`` and ``pairs``: our own for a user's pictures of 32 to 256 pixels, on a CPU.

All work on pictures unshuffled to half their size, where most of a network's time would go for its fewest channels.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks import PatchScores
from belamy.networks.areas import even, light_areas
from belamy.networks.layers import BatchNorm, ScoringNetwork
from belamy.networks.residual import doublings
from belamy.networks.sizes import check_divisible, check_positive
from belamy.networks.u_net import SeededDropout

_SLOPE = 0.2
_WIDEST = 8  # times the width
_WIDEST_MAPS = 4  # times the width, of the networks that translate
_PALETTE_RATE = 20  # how many times as fast as the weights the colours of a palette learn


class Generator(nn.Module):
    """Latent → 4×4 → doubled again and again, a residual block at each size → image, the last step by pixel shuffle.

    The latent also says how each normalised map is scaled and shifted (Chen et al. 2018, arXiv 1810.01365).
    *Departs from that paper* in that it does so by one linear layer, beside the normalisation's own gain and offset.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4, at least 8.
        width: Channels at half the size over two; each halving doubles them, up to eight times the width.
        blocks: Residual blocks at each size.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8.
    """

    native_shape = (3, 64, 64)
    native_latent = 64
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, width: int = 16, blocks: int = 1) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        widths, smallest = _plan(shape, width)
        widths = widths[::-1]
        self.start_shape = (*smallest, widths[0])
        self.start = nn.Linear(latent, widths[0] * smallest[0] * smallest[1])
        layers: list[nn.Module] = [_ModulatedBlock(widths[0], latent) for _ in range(blocks)]
        for before, after in pairwise(widths):
            layers += [_ModulatedNorm(before, latent), nn.LeakyReLU(_SLOPE)]
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1)]
            layers += [_ModulatedBlock(after, latent) for _ in range(blocks)]
        image = nn.Conv2d(widths[-1], 4 * shape[0], 3, padding=1)
        layers += [_ModulatedNorm(widths[-1], latent), nn.LeakyReLU(_SLOPE), image, nn.PixelShuffle(2), nn.Tanh()]
        self.layers = nn.ModuleList(layers)
        _initialise(self)
        for part in self.layers.modules():
            if isinstance(part, _ModulatedNorm):
                nn.init.normal_(part.modulation.weight, 0, 0.1 * latent**-0.5)
        with torch.no_grad():
            image.weight.mul_(0.5)

    def forward(self, latents: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]``."""
        x = self.start(latents).view(-1, *self.start_shape).permute(0, 3, 1, 2)  # channels last in memory
        for layer in self.layers:
            x = layer(x, latents) if isinstance(layer, _ModulatedNorm | _ModulatedBlock) else layer(x)
        return x


class Discriminator(ScoringNetwork):
    """Image, unshuffled to half its size → halved again and again, a residual block at each size → features → score."""

    native_shape = (3, 64, 64)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 16, hidden: int = 128, blocks: int = 0) -> None:
        super().__init__()
        widths, smallest = _plan(shape, width)
        layers: list[nn.Module] = [nn.Conv2d(4 * shape[0], widths[0], 3, padding=1), nn.LeakyReLU(_SLOPE)]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(_SLOPE)]
            layers += [_Block(after) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers)
        self.hidden = nn.Linear(widths[-1] * smallest[0] * smallest[1], hidden)
        self.head = nn.Linear(hidden, 1)
        _initialise(self)
        with torch.no_grad():
            self.head.weight.mul_(0.5)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` (logits) of images ``[N, C, H, W]`` in [-1, 1], and the features ``[N, F]`` behind them."""
        x = self.layers(_halved(images))
        features = F.leaky_relu(self.hidden(x.permute(0, 2, 3, 1).flatten(1)), _SLOPE)  # [N, hidden]
        return self.head(features).squeeze(1), features


class Translator(nn.Module):
    """Picture → half its size → halved down to about 2×2 → doubled again, joined with the maps of each size → picture.

    The last convolution also sees the given picture, so fine lines need not pass through the network. With a palette it
    says for each pixel how much of each learned colour there is, by a softmax. A network that paints in free colours
    gives the mean of all where several are possible; one that has to choose comes to whole ones. With areas it says so
    for each light area of the given picture as a whole, by the mean of what its pixels say, as flat colours of drawings
    are laid between lines.

    Args:
        shape: (channels, height, width) of what is given; height and width multiples of 4, at least 8.
        outputs: Channels of what is made.
        width: Channels at half the size; each halving doubles them, up to four times the width.
        dropout: Probability of dropping a value of the maps on the way back, the only noise there is.
        dropped: At how many sizes values are dropped, from the smallest on.
        palette: How many colours are learned and mixed; 0 for free colours.
        areas: Whether light areas of what is given are filled evenly.

    Raises:
        UsageError: A height or width that is not a multiple of 4 or below 8, or an option out of range.
    """

    native_shape = (3, 64, 64)

    def __init__(
        self,
        shape: tuple[int, int, int],
        outputs: int,
        *,
        width: int = 24,
        dropout: float = 0.0,
        dropped: int = 3,
        palette: int = 0,
        areas: bool = False,
    ) -> None:
        super().__init__()
        check_positive(outputs, "The number of channels that are made")
        check_positive(width, "width")
        if palette < 0:
            raise UsageError(f"palette is {palette}, but it must be a number of colours, or 0 for free ones.")
        check_divisible(shape, 4, "pictures", least=2)
        widths = [width * min(2**halving, _WIDEST_MAPS) for halving in range(doublings(shape) + 1)]
        self.enter = nn.Conv2d(4 * shape[0], width, 3, padding=1)
        self.down = nn.ModuleList(
            nn.Sequential(nn.LeakyReLU(_SLOPE), nn.Conv2d(before, after, 4, 2, 1), BatchNorm(after, momentum=0.1))
            for before, after in pairwise(widths)
        )
        self.dropout, self.dropped = SeededDropout(dropout), dropped
        self.up = nn.ModuleList()
        incoming = widths[-1]
        for after in reversed(widths[:-1]):
            enlarging = nn.ConvTranspose2d(incoming, after, 4, 2, 1)
            self.up.append(nn.Sequential(nn.LeakyReLU(_SLOPE), enlarging, BatchNorm(after, momentum=0.1)))
            incoming = 2 * after
        self.image = nn.Conv2d(incoming + 4 * shape[0], 4 * (palette or outputs), 3, padding=1)
        _initialise(self)
        with torch.no_grad():
            self.image.weight.mul_(0.5)
        start = torch.empty(palette, outputs).uniform_(-2, 2) / _PALETTE_RATE
        self.palette = nn.Parameter(start) if palette else None
        self.areas = areas

    def forward(self, images: Tensor, streams: Sequence[torch.Generator] | None = None) -> Tensor:
        """Pictures ``[N, outputs, H, W]`` in [-1, 1] from pictures ``[N, C, H, W]``.

        Args:
            images: What is translated.
            streams: In evaluation, the random numbers of each sample's dropout; without them nothing is dropped.

        Raises:
            UsageError: A height or width that cannot be halved as often as the network does.
        """
        check_divisible((images.shape[1], images.shape[2], images.shape[3]), 2 ** (len(self.down) + 1), "pictures")
        given = _halved(images)
        maps = [self.enter(given)]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        x = maps.pop()
        for number, layer in enumerate(self.up):
            x = self.dropout(x, streams) if number < self.dropped else x
            x = torch.cat([layer(x), maps.pop()], 1)
        x = self.image(torch.cat([F.leaky_relu(x, _SLOPE), given], 1))
        x = F.pixel_shuffle(x, 2)
        if self.areas:
            x = even(x, light_areas(images))
        if self.palette is not None:
            colours = torch.tanh(_PALETTE_RATE * self.palette).to(x.dtype)
            return torch.einsum("nkhw,kc->nchw", x.softmax(1), colours)
        return torch.tanh(x)


class PatchDiscriminator(nn.Module):
    """Picture → half its size → halved again and again; at each size, scores of patches.

    Args:
        shape: (channels, height, width) of a picture and what it was made from together; multiples of 2.
        width: Channels at half the size; each halving doubles them, up to four times the width.
        count: How many sizes are judged: patches of 20, 40, 80 … pixels.

    Raises:
        UsageError: Pictures that cannot be halved so often, or an option out of range.
    """

    native_shape = (6, 64, 64)

    def __init__(self, shape: tuple[int, int, int], *, width: int = 24, count: int = 1) -> None:
        super().__init__()
        check_positive(width, "width")
        check_divisible(shape, 2 ** (check_positive(count, "count") + 1), "pictures")
        widths = [width * min(2**halving, _WIDEST_MAPS) for halving in range(count + 1)]
        self.enter = nn.Conv2d(4 * shape[0], width, 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(before, after, 4, 2, 1) for before, after in pairwise(widths))
        self.heads = nn.ModuleList(nn.Conv2d(after, 1, 3, padding=1) for after in widths[1:])
        _initialise(self)
        with torch.no_grad():
            for head in self.heads:
                head.weight.mul_(0.5)  # type: ignore[operator]

    def forward(self, images: Tensor) -> Tensor:
        """Mean scores (logits) ``[N, 1, h, w]`` of the smallest patches of pictures ``[N, C, H, W]``."""
        return self.scales(images)[0].scores

    def scales(self, images: Tensor, features: bool = False) -> list[PatchScores]:
        """What is said at each size, that of the smallest patches first.

        Args:
            images: Pictures ``[N, C, H, W]``.
            features: Whether the maps behind the scores are wanted.
        """
        x = F.leaky_relu(self.enter(_halved(images)), _SLOPE)
        found = []
        for layer, head in zip(self.down, self.heads, strict=True):
            x = F.leaky_relu(layer(x), _SLOPE)
            found.append(PatchScores(head(x), (x,) if features else ()))
        return found


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.convolution(F.leaky_relu(x, _SLOPE))


class _ModulatedNorm(nn.Module):
    """Batch normalisation whose gain and offset the latent changes."""

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.norm = BatchNorm(channels, momentum=0.1)
        self.modulation = nn.Linear(latent, 2 * channels)

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        scale, shift = self.modulation(latents)[:, :, None, None].to(x.dtype).chunk(2, 1)
        return torch.addcmul(shift, self.norm(x), 1 + scale)


class _ModulatedBlock(nn.Module):
    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.norm = _ModulatedNorm(channels, latent)
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        return x + self.convolution(F.leaky_relu(self.norm(x, latents), _SLOPE))


def _halved(images: Tensor) -> Tensor:
    """Each square of 2×2 pixels as one of four times the channels; channels last in memory."""
    return F.pixel_unshuffle(images, 2).contiguous(memory_format=torch.channels_last)


def _plan(shape: tuple[int, int, int], width: int) -> tuple[list[int], tuple[int, int]]:
    """Channels at half size, at a quarter and so on down to about 4×4, and that smallest size."""
    check_positive(width, "width")
    check_divisible(shape, 4, "pictures", least=2)
    times = doublings(shape)
    widths = [width * min(2 ** (halvings + 1), _WIDEST) for halvings in range(times)]
    return widths, (shape[1] // 2**times, shape[2] // 2**times)


def _initialise(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            transposed = isinstance(layer, nn.ConvTranspose2d)
            nn.init.kaiming_normal_(layer.weight, _SLOPE, mode="fan_out" if transposed else "fan_in")
            with torch.no_grad():
                if transposed:  # with stride 2 each output sums a quarter of the kernel's taps
                    layer.weight.mul_(2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if not isinstance(layer, nn.Linear):
                layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
    for layer in network.modules():  # what they hold has its weights by now
        if isinstance(layer, _Block | _ModulatedBlock):
            nn.init.zeros_(layer.convolution.weight)
