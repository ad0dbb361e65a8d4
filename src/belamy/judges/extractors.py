"""Which extractor looks: the one that is asked for by name, or the one that suits the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from belamy.data import Dataset, open_data
from belamy.data.load_options import LoadOptions
from belamy.data.sources.stacked_mnist import COLOURS
from belamy.errors import UsageError, one_of
from belamy.evaluation.feature_cache import CachedFeatures
from belamy.evaluation.features import EXTRACTORS, Extractor, kinds_of
from belamy.evaluation.features.landmarks import LandmarkFeatures
from belamy.evaluation.features.network import NetworkFeatures
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.judges.judge import Say, extractor, trained_judge
from belamy.modalities import modality
from belamy.registry import Part

NAMES = ("classifier", "efficientnet", "inception", "inception-clean", "dinov2", "clip", "pixels")
DISTANCES = "distances"
"""The resort of every kind."""
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
    say: Say | None = None,
) -> Extractor:
    """The extractor of a name, or what suits the data.

    Kinds other than pictures are looked at by the first extractor of :data:`EXTRACTORS` that declares them, and if none
    does by the distances of their modality.

    Labelled images are looked at by a classifier of their labels if it is better than a linear model on held-out
    images; otherwise, and colour images without labels, by the embedded EfficientNet-lite0; other grey ones by their
    pixels. Slow extractors remember what they have seen, in the cache.

    Args:
        name: One of ``NAMES``, ``distances``, or in the registry, with options; None chooses.
        data: The real images.
        cache: For judges, weights and features; None is $BELAMY_CACHE or the platform's.
        offline: Never touch the network.
        weights: The file of an extractor's published weights.
        say: Is told what takes long.

    Raises:
        UsageError: There is no such extractor, it does not suit the data, or it takes no weights.
        DataError: Its weights are not at hand, or are others.
        MissingExtra: Its package is not installed.
    """
    chosen = checked(suited(data) if name is None else name, weights)
    if chosen not in NAMES or data.field.modality != "image":
        asked = suited(data) if name is None else name
        return _of_kind(chosen, asked, data, weights=weights, cache=cache, offline=offline)
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
    return CachedFeatures(extractor, LoadOptions(cache=cache).cache_folder / "features")


def checked(name: str, weights: Path | None = None) -> str:
    """The name of an extractor as it is in ``NAMES``.

    Raises:
        UsageError: There is no such extractor, or it takes no weights.
    """
    chosen = Part.parse(name).name.replace("_", "-")
    known = (*NAMES, DISTANCES, *EXTRACTORS.names())
    if chosen not in known:
        raise UsageError(f"There is no extractor '{name}'. Choose one of: {', '.join(known)}.")
    others = [each for each in EXTRACTORS.names() if getattr(EXTRACTORS.load(each), "published", False)]
    if weights is not None and chosen not in (*PUBLISHED, *others):
        raise UsageError(
            f"The extractor '{chosen}' takes no --extractor-weights: it needs no published file. Leave them out, or "
            f"choose {one_of([*PUBLISHED, *others])} with --extractor."
        )
    return chosen


def suited(data: Dataset) -> str:
    """The name of the extractor for a data set whose user names none.

    Example:
        >>> from belamy.data import open_data
        >>> suited(open_data("avatars-16")), suited(open_data("avatars-16", labels="smile"))
        ('efficientnet', 'classifier')
    """
    if data.field.modality != "image":
        return next(iter(of_kind(data.field.modality)))
    if len(data.classes) > 1 and not any(side % _STEP for side in data.shape[1:]):
        return "classifier"
    return "efficientnet" if data.shape[0] in (3, 4) else "pixels"


def of_kind(kind: str) -> list[str]:
    """The extractors that see a kind of data."""
    own = [name for name in EXTRACTORS.names() if kind in kinds_of(EXTRACTORS.load(name))]
    return [*own, *(NAMES if kind == "image" else ()), DISTANCES]


def _of_kind(chosen: str, asked: str, data: Dataset, **given: Any) -> Extractor:
    """An extractor of other things than pictures."""
    kind = data.field.modality
    if chosen not in of_kind(kind):
        sees = "pictures" if chosen in NAMES else " and ".join(
            modality(each).words[1] for each in kinds_of(EXTRACTORS.load(chosen)))  # fmt: skip
        raise UsageError(
            f"The extractor '{chosen}' sees {sees}, but {data.name} holds {modality(kind).words[1]}. Choose one of: "
            f"{', '.join(of_kind(kind))}."
        )
    if chosen == DISTANCES:
        return LandmarkFeatures(data)
    made: Extractor = EXTRACTORS.build(Part.parse(asked), field=data.field, **given)
    return made


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
