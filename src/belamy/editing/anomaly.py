"""Anomaly detection: images that are far from all that a run was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from belamy.data import Dataset, to_float, to_uint8
from belamy.editing import likelihood_scores
from belamy.editing.likelihood_scores import LIKELIHOOD_SCORES
from belamy.errors import UsageError, nearest
from belamy.evaluation import neighbours, ranking
from belamy.evaluation.statistics import Interval
from belamy.methods.base import BaseMethod, Encodes, Reconstructs
from belamy.modalities.grid import grid, in_colour
from belamy.sampling.draw import placement
from belamy.sampling.picture import Picture, named
from belamy.sampling.points import encoded
from belamy.seeds import generator

Kind = Literal["neighbours", "latent", "error", "likelihood", "typicality", "complexity"]
NEAREST = 5
MOST = 10_000
"""Normal images that others are compared with, at most."""
TYPICAL = 1000
"""Normal images that tell what nats are typical, at most."""
BATCH = 256
SHOWN = 8
RED = (235, 64, 52)


@dataclass(frozen=True, eq=False)
class Detector:
    r"""Tells how unusual an image is to a model, by one of six scores; the higher, the more unusual.

    - ``neighbours``: the mean distance of its code to the five nearest of normal images, in coordinates in which these
      have the covariance :math:`\Sigma = I`. Normal images may be of several kinds.
    - ``latent``: the squared Mahalanobis distance of its code, :math:`(z - \mu)^\top \Sigma^{-1} (z - \mu)`, as if
      normal images were of one kind.
    - ``error``: the mean squared error of the image's reconstruction, on the scale [0, 1]. Simple images are
      reconstructed well even if nothing like them was seen.
    - ``likelihood``, ``typicality``, ``complexity``: by a likelihood, see :mod:`belamy.editing.likelihood_scores`.

    References:
        Neighbours: Ramaswamy, Rastogi & Shim 2000, "Efficient algorithms for mining outliers from large data sets",
        with the mean of Angiulli & Pizzuti 2002; latent: Denouden et al. 2018, arXiv 1812.02765, equation 3; error:
        Sakurada & Yairi 2014, "Anomaly detection using autoencoders with nonlinear dimensionality reduction".

    Args:
        method: It encodes; for ``error`` and for heat it reconstructs; for the last three it knows likelihoods.
        kind: The score.
        normal: Codes of normal images.  # [n, latent]
        held: Scores of other normal images, which decide thresholds.  # [m] float64
        usual: Their mean squared error at each pixel; None without reconstructions.  # [H, W]
        typical: The mean nats of normal images, for scores by likelihood.
    """

    method: BaseMethod
    kind: Kind
    normal: Tensor
    held: Tensor
    usual: Tensor | None
    typical: float = 0.0

    def scores(self, images: Tensor) -> Tensor:
        """How unusual uint8 images ``[n, C, H, W]`` are.  # [n] float64"""
        return self.all_scores(images)[self.kind]

    def all_scores(self, images: Tensor) -> dict[str, Tensor]:
        """The score, and of those by likelihood all three, which cost no more.  # [n] float64 each"""
        if self.kind in LIKELIHOOD_SCORES:
            return likelihood_scores.scores(*likelihood_scores.measured(self.method, images), self.typical)
        return {self.kind: _scores(self.method, self.kind, _Cloud(self.normal), images)}

    def threshold(self, rate: float) -> float:
        """The score that a fresh normal image exceeds with at most this probability.

        Raises:
            UsageError: There are too few held-out images to tell.
        """
        found = ranking.threshold(self.held, rate)
        if found == float("inf"):
            least = int(1 / rate + 1e-9)
            raise UsageError(
                f"{len(self.held)} held-out normal images cannot tell a false-positive rate of {rate:g}: {least} or "
                "more can. Give more with --reference, or a higher --false-positives."
            )
        return found

    def heat(self, images: Tensor) -> Tensor:
        r"""Where images are unlike their reconstructions, in units of what is usual at each pixel.  # [n, H, W]

        .. math:: h = \frac{\text{mean}_{3 \times 3}\, (x - \hat x)^2}{\text{mean}_{3 \times 3}\, u + \bar u}

        with u the usual squared error there and its mean over all pixels.

        Raises:
            UsageError: The method does not reconstruct.
        """
        if self.usual is None:
            raise UsageError("This run's method does not reconstruct images, so nothing tells where they are unusual.")
        usual = _smooth(self.usual[None])[0]
        return _smooth(squared_errors(self.method, images)[0]) / (usual + usual.mean())


def usual(data: Dataset, seed: int = 0) -> Tensor:
    """Training images that say what is normal: all, or 10,000 that the seed draws.  # [n, C, H, W] uint8"""
    trained = data.indices("train")
    drawn = torch.randperm(len(trained), generator=generator(seed, "normal"))[:MOST].sort().values
    return data.images(trained[drawn])


def fit(method: BaseMethod, normal: Tensor, held: Tensor, kind: Kind = "neighbours") -> Detector:
    """A detector of what is unlike normal images.

    Args:
        method: It encodes or, for ``error``, reconstructs; for scores by likelihood it knows that.
        normal: What is normal, best what was trained on: uint8; :func:`usual` draws enough.  # [n, C, H, W]
        held: Other normal images, which were not trained on.  # [m, C, H, W]
        kind: The score.

    Raises:
        UsageError: The method lacks what the score needs, or images are missing or of another shape.
    """
    if kind not in get_args(Kind):
        raise UsageError(f"There is no score '{kind}'. {nearest(kind, get_args(Kind))}")
    likely = kind in LIKELIHOOD_SCORES
    if kind == "error" and not isinstance(method, Reconstructs):
        raise UsageError("This run's method reconstructs no images. Take a run of an autoencoder.")
    if kind != "error" and not likely and not isinstance(method, Encodes):
        raise UsageError("This run's method has no encoder, so images have no codes. Take a run of an autoencoder.")
    for images, what in ((normal, "normal"), (held, "held-out normal")):
        if len(images) < 2 or tuple(images.shape[1:]) != tuple(method.spec.shape):
            raise UsageError(
                f"The {what} images are {list(images.shape)}, but 2 or more of {list(method.spec.shape)} are needed."
            )
    if likely:
        typical = float(likelihood_scores.measured(method, normal[:: -(-len(normal) // TYPICAL)])[0].mean())
        found = likelihood_scores.scores(*likelihood_scores.measured(method, held), typical)[kind]
        return Detector(method, kind, torch.zeros(len(normal), 0), found, None, typical)
    codes = encoded(method, normal, BATCH) if isinstance(method, Encodes) else torch.zeros(len(normal), 0)
    errors = squared_errors(method, held)[0].mean(0) if isinstance(method, Reconstructs) else None
    return Detector(method, kind, codes, _scores(method, kind, _Cloud(codes), held), errors)


@torch.no_grad()
def squared_errors(method: BaseMethod, images: Tensor) -> tuple[Tensor, Tensor]:
    """Squared error of every pixel on the scale [0, 1], the mean over colours; and the reconstructions as pixels.

    Args:
        method: It reconstructs.
        images: uint8.  # [n, C, H, W]

    Returns:
        float64 ``[n, H, W]`` and uint8 ``[n, C, H, W]``.
    """
    model: Any = method.eval()
    device, dtype = placement(method)
    far, made = [], []
    for part in images.split(BATCH):
        floats = to_float(part).to(device, dtype)
        again = model.reconstruct(floats)
        far.append(((floats - again) / 2).square().mean(1).double().cpu())
        made.append(to_uint8(again).cpu())
    return torch.cat(far), torch.cat(made)


@dataclass(frozen=True, eq=False)
class AnomalyReport:
    """What a detector says of suspects.

    Args:
        scores: Of the suspects.  # [n] float64
        operating: The threshold, and what share of normal images that had no part in it, and of suspects, exceed it.
        detector: Scored the suspects.
        images: The suspects.  # [n, C, H, W]
        names: What each is called.
        areas: Area under the ROC curve, suspects against those normal images, by each score that was computed.
    """

    scores: Tensor
    operating: ranking.Operating
    detector: Detector
    images: Tensor
    names: tuple[str, ...]
    areas: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def order(self) -> list[int]:
        """The suspects, the most unusual first."""
        order: list[int] = self.scores.argsort(descending=True, stable=True).tolist()
        return order

    @property
    def alarms(self) -> list[int]:
        """Those above the threshold, the most unusual first."""
        return [place for place in self.order if self.scores[place] > self.operating.threshold]

    def facts(self) -> dict[str, Any]:
        """Everything as plain data."""
        told = self.operating
        return {
            "score": self.detector.kind,
            "threshold": told.threshold,
            "false_positives": {"stated": told.stated, "measured": list(told.false_alarms)},
            "anomalous": list(told.hits),
            "normal_images": len(self.detector.normal),
            "areas": {name: list(area) for name, area in self.areas.items()},
            "suspects": [
                {"name": self.names[place], "score": float(self.scores[place]),
                 "anomalous": bool(self.scores[place] > told.threshold)} for place in self.order
            ],
        }  # fmt: skip

    def picture(self, count: int = SHOWN) -> Picture:
        """The most unusual suspects; below each its reconstruction and where it differs, where that is known."""
        chosen = self.order[:count]
        images = self.images[chosen]
        rows = [images]
        if self.detector.usual is not None:
            rows += [squared_errors(self.detector.method, images)[1], heated(images, self.detector.heat(images))]
        stacked = torch.cat([torch.tensor(in_colour(row.numpy())) for row in rows])
        marks = ["" if self.scores[place] > self.operating.threshold else " ok" for place in chosen]
        captions = [f"{float(self.scores[place]):.3g}{mark}" for place, mark in zip(chosen, marks, strict=True)]
        blank = [""] * (len(stacked) - len(chosen))
        sheet = grid(stacked, columns=len(chosen), scale=None, captions=[*captions, *blank])
        return Picture(named(sheet, ["given", "reconstructed", "unlike"][: len(rows)]))

    def _repr_png_(self) -> bytes:
        return self.picture().png


def examine(
    detector: Detector, suspects: Tensor, others: Tensor, rate: float, names: tuple[str, ...] | None = None
) -> AnomalyReport:
    """Score suspects, with the threshold of a stated false-positive rate.

    Args:
        detector: Scores the suspects.
        suspects: uint8.  # [n, C, H, W]
        others: Normal images that neither trained nor decided the threshold: the rate is measured on them.
        rate: Share of normal images that may exceed the threshold, in (0, 1).
        names: Of the suspects.

    Raises:
        UsageError: The rate is out of range, or too small for the held-out images.
    """
    if not 0 < rate < 1:
        raise UsageError(f"The false-positive rate is {rate:g}, but it must be between 0 and 1, e.g. 0.05.")
    detector.threshold(rate)  # refused before anything is computed
    found, normal = detector.all_scores(suspects), detector.all_scores(others)
    scores = found[detector.kind]
    told = ranking.operating(detector.held, normal[detector.kind], scores, rate)
    areas = {name: ranking.auroc_interval(normal[name], found[name]) for name in found}
    return AnomalyReport(scores, told, detector, suspects, names or tuple(map(str, range(len(suspects)))), areas)


def heated(images: Tensor, heat: Tensor, full: float = 8.0) -> Tensor:
    """Images in grey under red, fully red where the heat is ``full`` times the usual or more.  # [n, 3, H, W] uint8"""
    grey = images.double().mean(1, keepdim=True).expand(-1, 3, -1, -1)
    share = ((heat - 1) / (full - 1)).clamp(0, 1)[:, None]
    red = torch.tensor(RED, dtype=torch.float64).view(1, 3, 1, 1)
    return (grey * (1 - share) * 0.8 + red * share).round().to(torch.uint8)


class _Cloud:
    """Codes of normal images about their mean, in coordinates in which their covariance is the identity."""

    def __init__(self, codes: Tensor) -> None:
        self._codes = codes.double()
        self.centre = self._codes.mean(0)

    @cached_property
    def change(self) -> Tensor:
        """[latent, used]: dimensions that normal images hardly use are left out."""
        values, vectors = torch.linalg.eigh((self._codes - self.centre).T.cov(correction=0))
        used = values > 1e-6 * values[-1]
        return vectors[:, used] / values[used].sqrt()

    def moved(self, codes: Tensor) -> Tensor:
        """Codes in the new coordinates."""
        return (codes.double() - self.centre) @ self.change

    @cached_property
    def points(self) -> Tensor:
        """The normal images there."""
        return self.moved(self._codes)


def _scores(method: BaseMethod, kind: Kind, cloud: _Cloud, images: Tensor) -> Tensor:
    if kind == "error":
        return squared_errors(method, images)[0].flatten(1).mean(1)
    codes = cloud.moved(encoded(method, images, BATCH))
    if kind == "latent":
        return codes.square().sum(1)
    return neighbours.nearest(codes, cloud.points, min(NEAREST, len(cloud.points))).distances.mean(1)


def _smooth(maps: Tensor) -> Tensor:
    """Means over 3 x 3 pixels, fewer at the border.  # [n, H, W]"""
    return avg_pool2d(maps[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
