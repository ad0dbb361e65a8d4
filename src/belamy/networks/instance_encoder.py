"""The encoder of pix2pixHD: what each object of a picture looks like, in a few numbers."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from belamy.networks.layers import BatchNorm, KerasConv2d, KerasConvTranspose2d
from belamy.networks.look_bank import LookBank
from belamy.networks.sizes import check_divisible, check_positive
from belamy.processes import gather
from belamy.seeds import Draws


class InstanceEncoder(nn.Module):
    """Down, up again, and the mean over the pixels of each object: maps that are one colour within an object.

    7×7 convolution to 32 maps, four of 3×3 with stride 2 (64 to 512), four transposed ones back, 7×7 to the features,
    tanh; batch normalisation and rectifier after all but the last. 3,148,835 trainable parameters for a picture and its
    edges to three features.

    References:
        Wang et al. 2017, arXiv 1711.11585, section 3.4.

    Args:
        shape: (channels, height, width) of pictures, with their edges where those are known; multiples of 2^halvings.
        features: How many numbers an object gets.
        width: Maps of the first convolution.
        halvings: How often the sides are halved.
        classes: How many classes objects have; the looks of the last of each are remembered.

    Raises:
        UsageError: A size that cannot be halved so often, or a number below 1.

    Example:
        >>> encoder = InstanceEncoder((3, 16, 16), width=4, halvings=2)
        >>> encoder(torch.zeros(1, 3, 16, 16), torch.zeros(1, 16, 16, dtype=torch.long)).shape
        torch.Size([1, 3, 16, 16])
    """

    def __init__(
        self, shape: tuple[int, int, int], features: int = 3, width: int = 32, halvings: int = 4, classes: int = 1
    ) -> None:
        super().__init__()
        check_positive(features, "features")
        check_positive(width, "encoder-width")
        check_divisible(shape, 2 ** check_positive(halvings, "encoder-halvings"), "the encoder")
        widths = [width * 2**level for level in range(halvings + 1)]
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            *_normalised(KerasConv2d(shape[0], width, 7, padding="valid")),
        ]
        for before, after in pairwise(widths):
            layers += _normalised(KerasConv2d(before, after, 3, 2))
        for after, before in reversed([*pairwise(widths)]):
            layers += _normalised(KerasConvTranspose2d(before, after, 3, 2))
        layers += [nn.ReflectionPad2d(3), KerasConv2d(width, features, 7, padding="valid"), nn.Tanh()]
        self.layers, self.stride = nn.Sequential(*layers), 2**halvings
        self.bank = LookBank(classes, features)

    def forward(self, images: Tensor, instances: Tensor) -> Tensor:
        """Maps ``[N, features, H, W]`` in [-1, 1] that are constant within each object.

        Args:
            images: What is seen.  # [N, C, H, W]
            instances: Numbers of the objects.  # [N, H, W]

        Raises:
            UsageError: A height or width that cannot be halved as often as the network does.
        """
        check_divisible((images.shape[1], images.shape[2], images.shape[3]), self.stride, "the encoder")
        return instance_means(self.layers(images), instances)

    @torch.no_grad()
    def remember(self, looks: Tensor, classes: Tensor, draw: Draws) -> None:
        """Remember the look of each class's object under a pixel drawn from the class's, picture by picture.

        Args:
            looks: Of each pixel's object.  # [N, F, H, W]
            classes: Of each pixel.  # [N, H, W]
            draw: The step's random numbers.
        """
        flat, count = classes.flatten(1), self.bank.present.shape[1]
        order = draw.uniform("looks", *flat.shape).argsort(1)  # [N, H W]
        places = torch.arange(flat.shape[1], device=flat.device).expand_as(flat)
        first = torch.full((len(flat), count), flat.shape[1], device=flat.device)
        first = first.scatter_reduce(1, flat.gather(1, order), places, "amin")  # [N, K], the end where there is none
        pixel = order.gather(1, first.clamp_max(flat.shape[1] - 1)).unsqueeze(1)
        chosen = looks.flatten(2).gather(2, pixel.expand(-1, looks.shape[1], -1)).transpose(1, 2)  # [N, K, F]
        self.bank.remember(gather(chosen).flatten(0, 1), gather((first < flat.shape[1]).to(chosen)).flatten(0, 1) > 0.5)


def instance_means(maps: Tensor, instances: Tensor) -> Tensor:
    """Each pixel as the mean over the pixels of its object, picture by picture.  # [N, C, H, W]

    Args:
        maps: Of numbers.  # [N, C, H, W]
        instances: Numbers of the objects, of any size; the same number in two pictures is two objects.  # [N, H, W]

    Example:
        >>> instance_means(torch.tensor([[[[1.0, 3.0, 8.0]]]]), torch.tensor([[[7, 7, 2]]]))
        tensor([[[[2., 2., 8.]]]])
    """
    if maps.is_meta:  # tensors without values are traced
        return maps
    count, channels, height, width = maps.shape
    picture = torch.arange(count, device=maps.device).view(-1, 1, 1).expand_as(instances)
    _, place = torch.unique(torch.stack([picture, instances], -1).flatten(0, 2), dim=0, return_inverse=True)
    rows = maps.movedim(1, 3).reshape(-1, channels)  # [N H W, C]
    sizes = torch.bincount(place).to(maps)
    sums = rows.new_zeros(len(sizes), channels).index_add(0, place, rows)
    means = sums / sizes.unsqueeze(1)
    return means[place].view(count, height, width, channels).movedim(3, 1)


def _normalised(convolution: KerasConv2d | KerasConvTranspose2d) -> list[nn.Module]:
    return [convolution, BatchNorm(convolution.out_channels), nn.ReLU()]
