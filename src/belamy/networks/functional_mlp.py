"""The slides' example of the functional API as a classifier."""

from math import prod

from torch import Tensor, nn

from belamy.networks.graph import Dense, Graph, Input, flatten
from belamy.networks.sizes import check_positive


class Classifier(nn.Module):
    """Pixels → 32 relu → 32 relu → classes, built as a graph; 3,466 parameters for 64 pixels and ten classes.

    *Departs from the slides*: the softmax is left to the loss.

    References:
        Chollet 2017, Deep Learning with Python, section 7.1.1.

    Args:
        shape: (channels, height, width) of the images, any size.
        classes: How many classes there are.
        hidden: Width of the two hidden layers.

    Example:
        >>> Classifier((1, 8, 8), 10)(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """

    native_shape = (1, 8, 8)
    value_range = (-1.0, 1.0)

    def __init__(self, shape: tuple[int, int, int], classes: int, *, hidden: int = 32) -> None:
        super().__init__()
        check_positive(hidden, "hidden")
        check_positive(prod(shape), "The number of pixels")
        images = Input(*shape, name="images")
        x = Dense(hidden, activation="relu")(flatten(images))
        x = Dense(hidden, activation="relu")(x)
        self.graph = Graph(images, Dense(classes, name="logits")(x))

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of images ``[N, C, H, W]`` in [-1, 1]."""
        return self.graph(images)
