"""Labels compared with the discriminator's features."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from belamy.networks.conditions import check_classes, check_labels, indicators
from belamy.networks.critic import count_features

_NAME = "projection"


class DiscriminatorCondition(nn.Module):
    r"""The score gains the inner product of the label's learned vector with the features.

    .. math:: D(x, y) = y^\top V\phi(x) + \psi(\phi(x))

    with :math:`\phi` the features and :math:`\psi` the last layer. The vectors are a linear layer without offset, so
    that a normalisation of the weights meets them too, as in the paper; at first they are :math:`N(0, 1/F)`.

    References:
        Miyato & Koyama 2018, arXiv 1802.05637, equation 3.

    Args:
        build: Makes a discriminator for a shape of images.
        shape: (channels, height, width) of the images.
        classes: How many classes there are.

    Raises:
        UsageError: No classes, or a call without labels.
    """

    def __init__(
        self, build: Callable[[tuple[int, int, int]], nn.Module], shape: tuple[int, int, int], classes: int
    ) -> None:
        super().__init__()
        self.network: Any = build(shape)
        self.count = check_classes(classes, _NAME)
        features = count_features(self.network, shape)
        self.classes = nn.Linear(classes, features, bias=False)
        nn.init.normal_(self.classes.weight, 0.0, features**-0.5)

    def scores_and_features(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` and features ``[N, F]`` of images ``[N, C, H, W]`` with labels ``[N]``."""
        code = indicators(check_labels(labels, _NAME), self.count, images)
        scores, features = self.network.scores_and_features(images)
        return scores + (self.classes(code) * features).sum(1), features

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores ``[N]``."""
        return self.scores_and_features(images, labels)[0]
