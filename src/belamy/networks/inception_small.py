"""A small classifier of Inception modules: the example of a network built as a graph."""

from torch import Tensor, nn

from belamy.networks.graph import BatchNormalization, Conv2D, Dense, Graph, Input, Node, concatenate, layer
from belamy.networks.layers import GlobalAveragePool
from belamy.networks.sizes import check_divisible, check_positive

_STRIDE = 4


class Classifier(nn.Module):
    """Image → convolution → two Inception modules, each with a residual connection → mean → classes.

    *Departs from the paper* in its size, in batch normalisation, and in the residual connections of a later one.

    References:
        Szegedy et al. 2014, arXiv 1409.4842, figure 2b; residual: Szegedy et al. 2016, arXiv 1602.07261.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4.
        classes: How many classes there are.
        width: Channels of each of the four branches.

    Raises:
        UsageError: A height or width that is not a multiple of 4.

    Example:
        >>> Classifier((1, 28, 28), 10)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    native_shape = (1, 28, 28)
    value_range = (-1.0, 1.0)

    def __init__(self, shape: tuple[int, int, int], classes: int, *, width: int = 12) -> None:
        super().__init__()
        check_positive(width, "width")
        check_divisible(shape, _STRIDE, "inception-small")
        images = Input(*shape, name="images")
        x = _convolution(images, 4 * width, 5, 2)
        x = inception(x, width) + x
        x = layer(nn.MaxPool2d(2))(x)
        x = inception(x, width) + x
        pooled = layer(GlobalAveragePool())(x)
        self.graph = Graph(images, {"logits": Dense(classes, name="logits")(pooled), "features": pooled})

    def features(self, images: Tensor) -> Tensor:
        """What the last layer sees, ``[N, 4·width]``."""
        features: Tensor = self.graph(images)["features"]
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of images ``[N, C, H, W]`` in [-1, 1]."""
        logits: Tensor = self.graph(images)["logits"]
        return logits


def inception(x: Node, width: int) -> Node:
    """Four branches side by side: 1×1, 3×3 and 5×5 convolutions behind 1×1 ones, and pooling before one."""
    pooled = layer(nn.MaxPool2d(3, 1, 1))(x)
    return concatenate(
        _convolution(x, width, 1),
        _convolution(_convolution(x, width, 1), width, 3),
        _convolution(_convolution(x, width // 2 or 1, 1), width, 5),
        _convolution(pooled, width, 1),
    )


def _convolution(x: Node, filters: int, kernel: int, stride: int = 1) -> Node:
    node: Node = layer(nn.ReLU())(BatchNormalization()(Conv2D(filters, kernel, stride, bias=False)(x)))
    return node
