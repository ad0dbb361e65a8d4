"""What Inception-v3 sees: the features of the Fréchet Inception distance and the classes of the Inception Score."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from belamy.data.weights import INCEPTION, find, read_tensors
from belamy.evaluation.features.network import NetworkFeatures
from belamy.evaluation.resizing import check_rule, resize
from belamy.networks.inception import CLASSES, FEATURES, SIDE, Inception


def inception_features(
    rule: str = "tf", *, weights: Path | None = None, cache: Path | None = None, offline: bool = False
) -> NetworkFeatures:
    """The 2,048 numbers of ``pool3``, and the probabilities of 1,008 classes from the logits without bias.

    Args:
        rule: How images become 299×299: ``tf`` as published first, or ``clean``.
        weights: The file, where the user has it; None looks in the cache, then fetches it.
        cache: None is $BELAMY_CACHE or the platform's.
        offline: Never touch the network.

    Raises:
        DataError: The weights are not at hand, or are others.
        UsageError: There is no such rule.
    """
    check_rule(rule)
    tensors = read_tensors(find(INCEPTION, file=weights, cache=cache, offline=offline))
    return inception_of(Inception.published(tensors), rule)


def inception_of(network: Inception, rule: str) -> NetworkFeatures:
    """The extractor over a network with whatever weights it has."""

    def sight(images: Tensor) -> tuple[Tensor, Tensor]:
        return network(resize(images, SIDE, rule) / 255)

    return NetworkFeatures(
        f"inception-{rule}", network, sight, size=FEATURES, classes=CLASSES, layer="pool3", resize=f"{rule} {SIDE}"
    )
