"""Which extractor looks: the one that is asked for by name, or the one that suits the data."""

from __future__ import annotations

from pathlib import Path

import torch

from belamy.data import Dataset, open_data
from belamy.data.load_options import LoadOptions
from belamy.data.sources.stacked_mnist import COLOURS
from belamy.errors import UsageError
from belamy.evaluation.feature_cache import CachedFeatures
from belamy.evaluation.features import Extractor
from belamy.evaluation.features.network import NetworkFeatures
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.judges.judge import Say, extractor, trained_judge

NAMES = ("classifier", "efficientnet", "inception", "inception-clean", "dinov2", "clip", "pixels")
PUBLISHED = ("inception", "inception-clean", "dinov2", "clip")
"""Those whose weights are a file."""
_STEP = 4  # the classifier's strides


def choose(
    name: str | None,
    data: Dataset,
    *,
    cache: Path | None = None,
    offline: bool = False,
    weights: Path | None = None,
    device: torch.device | str = "cpu",
    say: Say | None = None,
) -> Extractor:
    """The extractor of a name, or what suits the data.

    Labelled images are looked at by a classifier of their labels if it is better than a linear model on held-out
    images; otherwise, and colour images without labels, by the embedded EfficientNet-lite0; other grey ones by their
    pixels. Slow extractors remember what they have seen, in the cache.

    Args:
        name: One of ``NAMES``; None chooses.
        data: The real images.
        cache: For judges, weights and features; None is $BELAMY_CACHE or the platform's.
        offline: Never touch the network.
        weights: The file of an extractor's published weights.
        device: Where pretrained networks look; judges are small and stay on the CPU.
        say: Is told what takes long.

    Raises:
        UsageError: There is no such extractor, it does not suit the data, or it takes no weights.
        DataError: Its weights are not at hand, or are others.
        MissingExtra: Its package is not installed.
    """
    chosen = checked(suited(data) if name is None else name, weights)
    if chosen == "pixels":
        return PixelFeatures(data.shape)
    if chosen == "classifier":
        extractor = _classifier(data, cache, offline, say, always=name is not None)
        if not isinstance(extractor, NetworkFeatures):
            return extractor
        if say:
            say(" ".join(extractor.notes))
    else:
        extractor = _pretrained(chosen, data, cache, offline, weights)
    extractor.network.to(device)
    return CachedFeatures(extractor, LoadOptions(cache=cache).cache_folder / "features")


def checked(name: str, weights: Path | None = None) -> str:
    """The name of an extractor as it is in ``NAMES``.

    Raises:
        UsageError: There is no such extractor, or it takes no weights.
    """
    chosen = name.replace("_", "-")
    if chosen not in NAMES:
        raise UsageError(f"There is no extractor '{name}'. Choose one of: {', '.join(NAMES)}.")
    if weights is not None and chosen not in PUBLISHED:
        raise UsageError(
            f"The extractor '{chosen}' takes no --extractor-weights: it needs no published file. Leave them out, or "
            f"choose {', '.join(PUBLISHED[:-1])} or {PUBLISHED[-1]} with --extractor."
        )
    return chosen


def suited(data: Dataset) -> str:
    """The name of the extractor for a data set whose user names none.

    Example:
        >>> from belamy.data import open_data
        >>> suited(open_data("avatars-16")), suited(open_data("avatars-16", labels="smile"))
        ('efficientnet', 'classifier')
    """
    if len(data.classes) > 1 and not any(side % _STEP for side in data.shape[1:]):
        return "classifier"
    return "efficientnet" if data.shape[0] == 3 else "pixels"


def _classifier(data: Dataset, cache: Path | None, offline: bool, say: Say | None, always: bool) -> Extractor:
    if data.shape[0] == len(COLOURS) and len(data.classes) == 1000 and all(each in data.attributes for each in COLOURS):
        from belamy.evaluation.features.stacked import StackedFeatures

        digits = open_data("mnist", size=data.shape[1], offline=offline, cache=cache)
        return StackedFeatures(extractor(digits, trained_judge(digits, cache, say)))
    return extractor(data, trained_judge(data, cache, say), always=always)


def _pretrained(name: str, data: Dataset, cache: Path | None, offline: bool, weights: Path | None) -> NetworkFeatures:
    if name == "efficientnet":
        from belamy.evaluation.features.efficientnet import efficientnet_features

        return efficientnet_features(data.shape)
    if name == "dinov2":
        from belamy.evaluation.features.dinov2 import dinov2_features

        return dinov2_features(weights=weights, offline=offline)
    if name == "clip":
        from belamy.evaluation.features.clip import clip_features

        return clip_features(weights=weights, offline=offline)
    from belamy.evaluation.features.inception import inception_features

    rule = "clean" if name == "inception-clean" else "tf"
    return inception_features(rule, weights=weights, cache=cache, offline=offline)
