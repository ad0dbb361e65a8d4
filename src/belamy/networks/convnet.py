"""A small, strong image classifier of our own."""

from torch import Tensor, nn

from belamy.networks.layers import BatchNorm, Dropout, KerasConv2d, dense
from belamy.networks.sizes import check_divisible, check_positive

_STRIDE = 4


class Classifier(nn.Module):
    """Image → 32 channels at half the size → 64 → 64 at a quarter → 128 features → classes.

    The size falls at once, so most of the work is done on few pixels: three passes over MNIST, about 110 CPU-seconds,
    give 99.3 % (Adam with a one-cycle rate up to 3e-3, batches of 128). Batch normalisation follows each layer but the
    last, before which there is dropout.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4.
        classes: How many classes there are.
        width: Channels of the first convolution; the others have twice as many.
        dropout: Probability of dropping a feature.
        momentum: Weight of the newest batch in the moving statistics; short runs need more than long ones.

    Raises:
        UsageError: A height or width that is not a multiple of 4.

    Example:
        >>> Classifier((1, 28, 28), 10)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    native_shape = (1, 28, 28)
    value_range = (-1.0, 1.0)

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        *,
        width: int = 32,
        dropout: float = 0.3,
        momentum: float = 0.01,
    ) -> None:
        super().__init__()
        check_positive(width, "width")
        check_divisible(shape, _STRIDE, "convnet")
        layers: list[nn.Module] = []
        plan = [(shape[0], width, 5, 2), (width, 2 * width, 3, 2), (2 * width, 2 * width, 3, 1)]
        for incoming, outgoing, kernel, stride in plan:
            norm = BatchNorm(outgoing, momentum=momentum)
            layers += [KerasConv2d(incoming, outgoing, kernel, stride, bias=False), norm, nn.ReLU()]
        area = (shape[1] // _STRIDE) * (shape[2] // _STRIDE)
        layers += [
            nn.Flatten(),
            dense(2 * width * area, 4 * width, bias=False),
            BatchNorm(4 * width, momentum=momentum),
            nn.ReLU(),
        ]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(Dropout(dropout), dense(4 * width, classes))

    def features(self, images: Tensor) -> Tensor:
        """What the last layer sees, ``[N, 4·width]``."""
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of images ``[N, C, H, W]`` in [-1, 1]."""
        return self.head(self.body(images))
