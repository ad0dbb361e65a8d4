"""The networks of ``digits``: our own small conditional GAN for two CPU cores."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.networks.layers import BatchNorm
from belamy.networks.sizes import check_divisible, check_positive

_STRIDE = 4
_SLOPE = 0.2


class Generator(nn.Module):
    """Latent and class → 128 → quarter size → half size → image, the last step by pixel shuffle.

    Every convolution works at half the size of the image or less, with enough channels to keep a CPU's arithmetic
    units busy. Without classes the same network is unconditional.

    References:
        Class embedding beside the latent: Mirza & Osindero 2014, arXiv 1411.1784. Pixel shuffle: Shi et al. 2016,
        arXiv 1609.05158, equation 4. Initial weights: He et al. 2015, arXiv 1502.01852, equation 14.

    Args:
        latent: Size of the latents.
        shape: (channels, height, width) of the images; height and width multiples of 4.
        classes: How many classes there are, 0 for none.
        width: Channels; the first block has four times, the second twice as many.
        embedding: Size of a class's embedding.
        hidden: Features between the latents and the first block.

    Raises:
        UsageError: A height or width that is not a multiple of 4.

    Example:
        >>> Generator(64, (1, 28, 28), 10)(torch.randn(2, 64), torch.tensor([3, 8])).shape
        torch.Size([2, 1, 28, 28])
    """

    native_shape = (1, 28, 28)
    native_latent = 64
    value_range = (-1.0, 1.0)

    def __init__(
        self,
        latent: int,
        shape: tuple[int, int, int],
        classes: int = 0,
        *,
        width: int = 16,
        embedding: int = 32,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        sizes = {"The latent size": latent, "width": width, "embedding": embedding, "hidden": hidden}
        for name, value in sizes.items():
            check_positive(value, name)
        check_divisible(shape, _STRIDE, "digits")
        channels, height, width_4 = shape[0], shape[1] // _STRIDE, shape[2] // _STRIDE
        self.start_shape = (height, width_4, 4 * width)
        self.classes = nn.Embedding(classes, embedding) if classes else None
        self.map = nn.Linear(latent + (embedding if classes else 0), hidden)
        self.start = nn.Linear(hidden, 4 * width * height * width_4)
        self.norm_1 = BatchNorm(4 * width, momentum=0.1)
        self.up = nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1)
        self.norm_2 = BatchNorm(2 * width, momentum=0.1)
        self.image = nn.Conv2d(2 * width, 4 * channels, 3, padding=1)
        _initialise(self)
        with torch.no_grad():
            self.image.weight.mul_(0.5)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] from latents ``[N, latent]`` and labels ``[N]``."""
        if self.classes is not None:
            latents = torch.cat([latents, self.classes(labels)], 1)
        x = self.start(F.leaky_relu(self.map(latents), _SLOPE))
        x = x.view(-1, *self.start_shape).permute(0, 3, 1, 2)  # [N, 4w, H/4, W/4], channels last in memory
        x = self.up(F.leaky_relu(self.norm_1(x), _SLOPE))  # [N, 2w, H/2, W/2]
        x = self.image(F.leaky_relu(self.norm_2(x), _SLOPE))  # [N, 4C, H/2, W/2]
        return torch.tanh(F.pixel_shuffle(x, 2))


class Discriminator(nn.Module):
    """Patches of 8 × 8 pixels with stride 4 → 128 features → score, and class scores where there are classes.

    The image is first unshuffled to half its size, so that the patches are one well-filled 4 × 4 convolution.

    References:
        Projection of the class embedding on the features: Miyato & Koyama 2018, arXiv 1802.05637, equation 3.
        Auxiliary class scores: Odena et al. 2016, arXiv 1610.09585, section 3.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4.
        classes: How many classes there are, 0 for none.
        width: Channels; the convolution has four times as many.
        hidden: Features.

    Raises:
        UsageError: A height or width that is not a multiple of 4.
    """

    native_shape = (1, 28, 28)

    def __init__(self, shape: tuple[int, int, int], classes: int = 0, *, width: int = 16, hidden: int = 128) -> None:
        super().__init__()
        for value, name in ((width, "width"), (hidden, "hidden")):
            check_positive(value, name)
        check_divisible(shape, _STRIDE, "digits")
        channels, height, width_4 = shape[0], shape[1] // _STRIDE, shape[2] // _STRIDE
        self.patches = nn.Conv2d(4 * channels, 4 * width, 4, 2, 1)
        self.features = nn.Linear(4 * width * height * width_4, hidden)
        self.score = nn.Linear(hidden, 1)
        self.classes = nn.Embedding(classes, hidden) if classes else None
        self.class_scores = nn.Linear(hidden, classes) if classes else None
        _initialise(self)
        with torch.no_grad():
            self.score.weight.mul_(0.5)
            if self.classes is not None:
                self.classes.weight.mul_(hidden**-0.5)

    def judge(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Scores ``[N]`` of images ``[N, C, H, W]`` as members of their class, and class scores ``[N, classes]``."""
        x = F.pixel_unshuffle(images, 2).contiguous(memory_format=torch.channels_last)
        x = F.leaky_relu(self.patches(x), _SLOPE)  # [N, 4w, H/4, W/4]
        x = F.leaky_relu(self.features(x.permute(0, 2, 3, 1).flatten(1)), _SLOPE)  # [N, hidden]
        score = self.score(x).squeeze(1)
        if self.classes is None or self.class_scores is None:
            return score, None
        return score + (self.classes(labels) * x).sum(1), self.class_scores(x)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores ``[N]`` of images ``[N, C, H, W]`` as members of their class."""
        return self.judge(images, labels)[0]


def _initialise(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            transposed = isinstance(layer, nn.ConvTranspose2d)
            nn.init.kaiming_normal_(layer.weight, _SLOPE, mode="fan_out" if transposed else "fan_in")
            if transposed:
                with torch.no_grad():  # with stride 2 each output sums a quarter of the kernel's taps
                    layer.weight.mul_(2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if not isinstance(layer, nn.Linear):
                layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
