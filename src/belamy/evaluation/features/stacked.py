"""What a classifier of grey images sees in the three channels of a picture that stacks three of them."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.features import Extractor

CHANNELS = 3


class StackedFeatures:
    """Each channel is looked at alone; the class of a picture is the number that its classes make, first digit first.

    Of 10 classes they make 1,000, whose probabilities are the products of the channels'.

    References:
        Metz et al. 2017, arXiv 1611.02163, section 3.3.

    Args:
        single: The extractor of grey images; it tells classes apart.
    """

    def __init__(self, single: Extractor) -> None:
        self.single = single
        self.name, self.digest = f"stacked-{single.name}", single.digest
        self.layer, self.resize = single.layer, single.resize
        self.accuracy = getattr(single, "accuracy", "")
        self.size, self.classes = CHANNELS * single.size, single.classes**CHANNELS

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        seen = [self.single.extract(images[:, [channel]]) for channel in range(CHANNELS)]
        first, second, third = (each.probabilities for each in seen)
        assert first is not None and second is not None and third is not None  # the single extractor tells classes
        probabilities = torch.einsum("na,nb,nc->nabc", first, second, third).flatten(1)  # [n, K³]
        return ExtractedFeatures(torch.cat([each.features for each in seen], 1), probabilities, labels, images)
