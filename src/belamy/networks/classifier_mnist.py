"""The dense digit classifier."""

from math import prod

from torch import Tensor, nn

from belamy.networks.layers import dense
from belamy.networks.sizes import check_positive


class Classifier(nn.Module):
    """Pixels → 128 tanh → classes; 101,770 parameters at 28×28 and ten classes.

    References:
        Valle 2019, Hands-On Generative Adversarial Networks with Keras, chapter 1.

    Args:
        shape: (channels, height, width) of the images, any size.
        classes: How many classes there are.
        hidden: Width of the hidden layer.

    Example:
        >>> Classifier((1, 28, 28), 10)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    native_shape = (1, 28, 28)
    value_range = (-1.0, 1.0)

    def __init__(self, shape: tuple[int, int, int], classes: int, *, hidden: int = 128) -> None:
        super().__init__()
        check_positive(hidden, "hidden")
        self.body = nn.Sequential(nn.Flatten(), dense(prod(shape), hidden), nn.Tanh())
        self.head = dense(hidden, classes)

    def features(self, images: Tensor) -> Tensor:
        """What the last layer sees, ``[N, hidden]``."""
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of images ``[N, C, H, W]`` in [-1, 1]."""
        return self.head(self.body(images))
