"""An independent judge of digits: a classifier of at least 99 % test accuracy and distances in its features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import belamy
from belamy.data import open_data, to_float
from belamy.methods.classifier import Recipe
from belamy.runs.run import Run
from belamy.shelf import Part


@dataclass(frozen=True)
class Verdict:
    """What the judge says of 10,000 samples.

    Args:
        confidence: Mean of the largest class probability.
        shares: Share of each predicted class.
        distance: Fréchet distance of penultimate features from those of the 10,000 test digits.
    """

    confidence: float
    shares: list[float]
    distance: float


class Judge:
    """A convolutional classifier trained on the labels of MNIST.

    Args:
        folder: Where its run is kept; it is trained there if absent. It shares nothing with the generators.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / "weights" / "index.json").is_file():
            recipe = Recipe(
                classifier=Part(name="convnet"), batch=128, samples=240_000, seed=12345, average=20_000,
                optimizer=Part(name="adam", lr=2e-3), schedule=Part(name="cosine"),
            )  # fmt: skip
            belamy.train(recipe, out=folder)
        self.network: Any = Run.open(folder).method().networks()["classifier"].eval()
        data = open_data("mnist")
        self.test = data.images(data.splits["test"])
        assert data.labels is not None
        self.labels = data.labels[data.splits["test"]]

    @torch.no_grad()
    def look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities ``[n, 10]`` and features ``[n, d]`` (float64) of uint8 images."""
        parts = [self.network.features(to_float(part)) for part in images.split(500)]
        features = torch.cat(parts)
        return self.network.head(features).softmax(1).double(), features.double()

    @cached_property
    def real(self) -> tuple[Tensor, Tensor]:
        """Probabilities and features of the test digits."""
        return self.look(self.test)

    @property
    def accuracy(self) -> float:
        """Share of test digits told right."""
        return float((self.real[0].argmax(1) == self.labels).double().mean())

    @property
    def confidence(self) -> float:
        """Mean confidence on test digits."""
        return float(self.real[0].max(1).values.mean())

    def judge(self, images: Tensor) -> Verdict:
        """The verdict on uint8 images ``[n, 1, 28, 28]``."""
        probabilities, features = self.look(images)
        shares = torch.bincount(probabilities.argmax(1), minlength=10) / len(images)
        confidence = float(probabilities.max(1).values.mean())
        return Verdict(confidence, shares.tolist(), frechet(features, self.real[1]))


def frechet(a: Tensor, b: Tensor) -> float:
    r"""Fréchet distance of two samples ``[n, d]``, covariances divided by n - 1.

    .. math:: \lVert\mu_a-\mu_b\rVert^2 + \mathrm{tr}(A + B - 2(A^{1/2} B A^{1/2})^{1/2})

    References:
        Dowson & Landau 1982; Heusel et al. 2017, arXiv 1706.08500, section 4.
    """
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return float((a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * cross)
