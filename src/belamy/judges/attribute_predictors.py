"""Independent classifiers of attributes: one small network for all of a data set's, trained once and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.data import Dataset, to_float
from belamy.data.load_options import LoadOptions
from belamy.editing.attribute_predictors import ClassifierPredictor, learned_network
from belamy.errors import UsageError, nearest
from belamy.judges.judge import Say, extractor, trained_judge
from belamy.networks.convnet import Classifier
from belamy.runs import files

CLASSES = "class"
"""The name of the data's own labels among attributes."""
PASSES, LEAST, MOST = 30, 60_000, 300_000
"""Training samples: passes over the data, but no fewer and no more than these."""
NOISE, SEED = 0.03, 12345
"""Of the pixels, on the scale [-1, 1]: with 0.15 the mouth of a drawn face of 32 pixels is told in 78 % instead of
95 %."""
TESTED = 1000
"""Held-out images that each is tested on, at most."""
LEARNED = 3
"""Counts the ways in which these networks have learned: one of another way is not found in the cache."""


def attribute_predictors(
    data: Dataset, names: Sequence[str] | None = None, cache: Path | None = None, say: Say | None = None
) -> list[ClassifierPredictor]:
    """A classifier of every attribute of the data, and of its labels where no attribute says the same.

    The judges of attributes share one network, which has seen neither generators nor measures. It appears in the cache
    whole or not at all; of several processes one trains it while the others wait.

    Args:
        data: Images with attributes or labels.
        names: Which of them are wanted, ``class`` for the labels; by default all.
        cache: Where judges are kept; None is $BELAMY_CACHE or the platform's cache.
        say: Is told that a judge is being trained, and how many held-out images each tells right.

    Raises:
        UsageError: There is no such attribute.
    """
    attributes = {name: known for name, known in data.attributes.items() if len(known.values) > 1}
    own = data.labels is not None and all(data.classes != known.values for known in attributes.values())
    known = [*([CLASSES] if own else []), *attributes]
    wanted = known if names is None else list(names)
    for name in wanted:
        if name not in known:
            raise UsageError(f"{data.name} has no attribute '{name}' to judge. {nearest(name, known)}")
    found = {}
    if CLASSES in wanted and own:
        found[CLASSES] = _judge_of_classes(data, cache, say)
    if set(wanted) - {CLASSES}:
        network = _network(data, list(attributes), cache, say)
        starts = torch.tensor([0, *(len(each.values) for each in attributes.values())]).cumsum(0).tolist()
        for name, first, last in zip(attributes, starts, starts[1:], strict=False):
            found[name] = _head(network, name, attributes[name].values, slice(first, last))
    chosen = [found[name] for name in wanted]
    if say and chosen:
        say(_worth(data, chosen))
    return chosen


def _worth(data: Dataset, predictors: Sequence[ClassifierPredictor]) -> str:
    """How many held-out images each tells right, and how many whoever always says the commonest value."""
    held = data.held_out[:TESTED]
    if not len(held):
        return f"{data.name} holds no images out, so nobody knows how well its attributes are told."
    images, told = data.images(held), []
    for each in predictors:
        codes = data.labels if each.name == CLASSES else data.attributes[each.name].codes
        assert codes is not None  # there is no predictor of labels without labels
        right = (each.predict(images).verdict == codes[held]).double().mean()
        told.append(
            f"{each.name} {right:.1%} (the commonest value: {torch.bincount(codes[held]).max() / len(held):.1%})"
        )
    return f"Of {len(held):,} held-out images of {data.name} are told right: {', '.join(told)}."


def _judge_of_classes(data: Dataset, cache: Path | None, say: Say | None) -> ClassifierPredictor:
    looking = extractor(data, trained_judge(data, cache, say), always=True)

    def probabilities(images: Tensor) -> Tensor:
        found = looking.extract(images).probabilities
        assert found is not None  # a classifier gives them
        return found

    return ClassifierPredictor(CLASSES, data.classes, probabilities)


def _head(network: nn.Module, name: str, values: tuple[str, ...], outputs: slice) -> ClassifierPredictor:
    @torch.no_grad()
    def probabilities(images: Tensor) -> Tensor:
        parts = [network(to_float(part))[:, outputs].double().softmax(1) for part in images.split(256)]
        return torch.cat(parts)

    return ClassifierPredictor(name, values, probabilities)


def _network(data: Dataset, names: Sequence[str], cache: Path | None, say: Say | None) -> nn.Module:
    """The classifier of attributes, from the cache or trained into it, in evaluation mode."""
    codes = torch.stack([data.attributes[name].codes for name in names])  # [attributes, N]
    sizes = [len(data.attributes[name].values) for name in names]
    digest = hashlib.sha256(json.dumps([data.fingerprint, list(names), LEARNED]).encode())
    digest.update(codes.numpy().tobytes())
    path = LoadOptions(cache=cache).cache_folder / "judges" / f"attributes-{digest.hexdigest()[:24]}.safetensors"
    if not path.is_file():
        with files.locked(path.with_suffix(".lock")):
            if not path.is_file():
                if say:
                    say(f"Training the judge of {len(names)} attributes of {data.name}, once for all …")
                files.save_tensors(path, _trained(data, codes, sizes).state_dict())
    network = Classifier(data.shape, sum(sizes))
    network.load_state_dict(files.load_tensors(path, None))
    return network.eval().requires_grad_(False)


def _trained(data: Dataset, codes: Tensor, sizes: Sequence[int]) -> nn.Module:
    """A classifier that minimises the sum of the attributes' cross-entropies over the training images."""
    chosen = data.indices("train")

    def loss(outputs: Tensor, taken: Tensor) -> Tensor:
        pairs = zip(outputs.split(list(sizes), 1), codes[:, taken], strict=True)
        return torch.stack([cross_entropy(*pair, reduction="none") for pair in pairs]).sum(0)

    samples = min(max(PASSES * len(chosen), LEAST), MOST)
    return learned_network(data.images, chosen, data.shape, sum(sizes), loss, samples=samples, noise=NOISE, seed=SEED)
