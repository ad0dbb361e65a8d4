"""A discriminator with what is added to its last layer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from belamy.networks.surgery import Handed
from belamy.networks.tracing import BATCH, placeholder, trace


@runtime_checkable
class HasFeatures(Protocol):
    """A discriminator that tells the features behind its scores; labels are for conditional ones."""

    def scores_and_features(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Scores ``[N]`` and features ``[N, F]`` of images ``[N, C, H, W]``."""
        ...


@runtime_checkable
class TellsAside(Protocol):
    """A discriminator that tells more than scores and features, if it is handed a place for it.

    ``patches`` are the scores ``[N, P]`` of places whose mean is the score, each of which the adversarial loss judges;
    ``maps`` are feature maps ``[N, C, H', W']``, coarsest last.
    """

    aside: Handed[dict[str, Any]]


class DiscriminatorOutput(NamedTuple):
    """What is said of images: scores ``[N]``, features ``[N, F]`` and, if classes are told, their logits ``[N, K]``.

    Of a discriminator that tells them also scores of patches ``[N, P]`` and feature maps.
    """

    scores: Tensor
    features: Tensor
    classes: Tensor | None = None
    patches: Tensor | None = None
    maps: tuple[Tensor, ...] = ()

    @property
    def judged(self) -> Tensor:
        """What the adversarial loss sees: the scores ``[N]``, or those of all patches in a row ``[N·P]``."""
        return self.scores if self.patches is None else self.patches.flatten()


class Critic(nn.Module):
    """Scores images by a network, statistics of the batch and, aside, by class.

    The network's last layer is linear in its features, so whatever joins the features adds to the score: statistics of
    the batch through weights of their own. Class scores are linear in the features too (AC-GAN).

    References:
        Odena et al. 2016, arXiv 1610.09585, section 3 (class scores).

    Args:
        network: Scores images: a discriminator with its condition.
        shape: (channels, height, width) of the images.
        classes: How many classes are scored, 0 for none.
    """

    def __init__(self, network: nn.Module, shape: tuple[int, ...], classes: int = 0) -> None:
        super().__init__()
        self.network: Any = network
        self.aside = next((part.aside for part in network.modules() if isinstance(part, TellsAside)), None)
        self.statistics, self.weights = nn.ModuleList(), nn.ModuleList()
        self.penalties = nn.ModuleDict()
        told: dict[str, Any] = {}
        with self._listening(told):
            self.features = count_features(network, shape, torch.empty(BATCH, dtype=torch.long, device="meta"))
        self.map_shapes = [tuple(found.shape[1:]) for found in told.get("maps", ())]
        self.class_scores = nn.Linear(self.features, classes) if classes else None

    def add_statistics(self, statistics: Sequence[nn.Module]) -> None:
        """Let statistics of the batch's features join the score."""
        for statistic in statistics:
            self.statistics.append(statistic)
            self.weights.append(nn.Linear(statistic.count, 1, bias=False))  # type: ignore[arg-type]

    def judge(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """Everything that is said of images ``[N, C, H, W]`` with labels ``[N]``."""
        told: dict[str, Any] = {}
        with self._listening(told):
            scores, features = self.network.scores_and_features(images, labels)
        patches: Tensor | None = told.get("patches")
        for statistic, weights in zip(self.statistics, self.weights, strict=True):
            scores = scores + weights(statistic(features)).squeeze(1)
        if patches is not None:  # what is said of the whole image, by label or statistics, is said of each patch
            patches = patches + (scores - patches.mean(1))[:, None]
        classes = self.class_scores(features) if self.class_scores is not None else None
        return DiscriminatorOutput(scores, features, classes, patches, told.get("maps", ()))

    def _listening(self, told: dict[str, Any]) -> AbstractContextManager[None]:
        """A context in which the network tells aside into ``told``, if it tells anything."""
        return self.aside.during(told) if self.aside is not None else nullcontext()

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores ``[N]`` of images ``[N, C, H, W]`` with labels ``[N]``."""
        return self.judge(images, labels).scores


def count_features(network: nn.Module, shape: tuple[int, ...], *labels: Tensor) -> int:
    """The number of features behind a discriminator's scores, found without computing anything.

    Args:
        network: Has ``scores_and_features``.
        shape: (channels, height, width) of the images.
        labels: Meta tensor of the labels, if it takes them.
    """
    return int(trace(_Look(network), placeholder(shape), *labels)[1].shape[1])


class _Look(nn.Module):
    """A discriminator whose call is ``scores_and_features``."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, *given: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and features."""
        seen: tuple[Tensor, Tensor] = self.network.scores_and_features(*given)
        return seen
