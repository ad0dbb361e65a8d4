"""Features and a classifier of images that are computed from the data in closed form, in a second.

Nothing is trained by a loop, nothing is fetched, and nothing is shared with the networks that it judges.
"""

from __future__ import annotations

from functools import cached_property
from math import ceil

import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.data import Dataset
from belamy.seeds import generator

PATCH, FILTERS, GRID = 5, 32, 4
THRESHOLD, RIDGE, WHITENING = 0.3, 3e-3, 0.3
COMPONENTS, ITERATIONS = 64, 6
LARGEST = 32
"""Larger images are looked at through averages over squares, as about this many pixels."""
NEIGHBOURS = 3


class PatchFeatures:
    r"""Looks at images through whitened patches of the data themselves.

    Filters are random patches of training images, whitened; their responses are rectified on both sides, averaged over
    a grid of 4 x 4 regions and standardised: features φ of 1024 dimensions. Classes, where the data have labels, come
    from ridge regression on φ, in closed form; distances are taken in the 64 leading principal components of φ.
    On MNIST it tells 97.4 % of the test digits with 3,000 training images.

    References:
        Coates & Ng 2011, ICML, "The importance of encoding versus training with sparse coding and vector quantization",
        whose best cheap dictionary is one of random patches.

    Args:
        dataset: Where the images are.
        learned: The training images that are learned from.  # [n] long
        held: Held-out ones; none where none are held out.  # [m] long
        device: Where to compute.
    """

    def __init__(self, dataset: Dataset, learned: Tensor, held: Tensor, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.indices, self.held = learned, held
        self.labels = None if dataset.labels is None else dataset.labels[self.indices]
        self.classes = len(dataset.classes)
        images = dataset.batch(self.indices).main.to(self.device)
        self.factor = max(1, ceil(min(images.shape[2:]) / LARGEST))
        self.filters = _filters(self.reduced(images[:400]))
        features = self.responses(images)
        self.mean = features.mean(0)
        self.deviation = features.std(0) + 1e-2 * features.std() + 1e-8
        features.sub_(self.mean).div_(self.deviation)
        gram = features.T @ features / len(features)
        self.basis = _leading(gram)
        self.weights, self.bias = self._classifier(features, gram)
        self.reference = features @ self.basis  # [count, COMPONENTS]
        self.spectrum, self.detail, self.colour = spectrum(images), detail(images), colour(images)
        self.others, self.accuracy = self.reference[:0], 0.0
        if len(self.held):
            self.others, said = self.features(dataset.batch(self.held).main)
            if said is not None and dataset.labels is not None:
                right = said.argmax(1).cpu() == dataset.labels[self.held]
                self.accuracy = float(right.float().mean())

    def reduced(self, images: Tensor) -> Tensor:
        """Images small enough to be looked at quickly, at least as large as a patch."""
        if self.factor > 1:
            images = F.avg_pool2d(images, self.factor)
        short = [max(0, PATCH + GRID - 1 - side) for side in images.shape[:1:-1]]
        return F.pad(images, (0, short[0], 0, short[1]), value=-1.0) if any(short) else images

    def responses(self, images: Tensor) -> Tensor:
        """Rectified responses of all filters, averaged over the grid.  # [n, 2 * FILTERS * GRID²]"""
        found = []
        for part in self.reduced(images).split(256):
            answer = F.conv2d(part, self.filters)
            both = torch.cat([F.relu(answer - THRESHOLD), F.relu(-answer - THRESHOLD)], 1)
            found.append(F.adaptive_avg_pool2d(both, GRID).flatten(1))
        return torch.cat(found)

    def features(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Principal components ``[n, 64]`` and class scores ``[n, classes]``, if any, of images in [-1, 1]."""
        full = (self.responses(images.to(self.device, torch.float32)) - self.mean) / self.deviation
        scores = None if self.weights is None or self.bias is None else full @ self.weights + self.bias
        return full @ self.basis, scores

    @cached_property
    def spread(self) -> float:
        """Mean distance between two training images."""
        return float(pairwise(self.reference[:512]).mean())

    @cached_property
    def usual(self) -> float:
        """Median distance from an image that was not learned from to the nearest that was.

        Where nothing is held out, each training image is compared with the others.
        """
        if len(self.others) >= 8:
            found = nearest(self.others, self.reference)
        else:
            found = nearest(self.reference, self.reference, itself=True)
        return max(float(found.median()), 0.02 * self.spread)  # of data with repetitions it would be 0

    @cached_property
    def manifold(self) -> tuple[Tensor, Tensor]:
        """Of 512 training images the half in the densest places, and how far the third nearest of the others is."""
        some = self.reference[:512]
        radii = torch.cdist(some, some).kthvalue(min(NEIGHBOURS + 1, len(some)), dim=1).values
        dense = radii <= radii.median()
        return some[dense], radii[dense]

    @cached_property
    def usual_precision(self) -> float:
        """What images that were not learned from come to."""
        centres, radii = self.manifold
        shown = self.others if len(self.others) >= 8 else self.reference[512:1024]
        if not len(shown):
            return 1.0
        return max(0.1, float((torch.cdist(shown, centres) <= radii).any(1).float().mean()))

    def precision(self, features: Tensor) -> float:
        """Share of images that lie among training images, over that of images held out.

        Neighbourhoods in sparse places are left out, for noise falls into them.

        References:
            Kynkäänniemi et al. 2019, arXiv 1904.06991, equation 2 and, on sparse places, equation 3.
        """
        centres, radii = self.manifold
        return float((torch.cdist(features, centres) <= radii).any(1).float().mean()) / self.usual_precision

    def coverage(self, features: Tensor, turn: int) -> float:
        """Share of as many training images that have one of these in their neighbourhood.

        References:
            Naeem et al. 2020, arXiv 2002.09797, equation 4.

        Args:
            features: Of generated images.
            turn: Decides which training images are asked for.
        """
        count = min(len(features), len(self.reference))
        some = torch.arange(turn * count, (turn + 1) * count) % len(self.reference)
        real = self.reference[some]
        radius = torch.cdist(real, real).kthvalue(min(6, count), dim=1).values
        return float((torch.cdist(real, features).min(1).values <= radius).float().mean())

    def _classifier(self, features: Tensor, gram: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Ridge regression of ±1 class codes."""
        if self.labels is None or self.classes < 2:
            return None, None
        codes = F.one_hot(self.labels.to(self.device), self.classes).float() * 2 - 1
        bias = codes.mean(0)
        ridged = gram + RIDGE * torch.eye(len(gram), device=self.device)
        return torch.linalg.solve(ridged, features.T @ (codes - bias) / len(features)), bias


def pairwise(features: Tensor) -> Tensor:
    """Distances of all pairs.  # [n(n-1)/2]"""
    return F.pdist(features) if features.device.type == "cpu" else torch.cdist(features, features)[
        tuple(torch.triu_indices(len(features), len(features), 1))]  # fmt: skip


def nearest(features: Tensor, others: Tensor, itself: bool = False) -> Tensor:
    """Distance to the nearest of others, computed exactly once it is found; an image itself left out if it is there."""
    distances = torch.cdist(features, others)
    if itself:
        distances.fill_diagonal_(float("inf"))
    return (features - others[distances.argmin(1)]).norm(dim=1)


def spectrum(images: Tensor) -> dict[int, float]:
    r"""By how much the power at period 2 and at period 4, the strides of generators, stands out from its surroundings.

    For each period the mean power on the lines of that frequency, in both directions, over the mean on the lines
    two to three steps beside it; 1 where nothing stands out.

    References:
        Odena et al. 2016, Distill, "Deconvolution and checkerboard artifacts"; Durall et al. 2020, arXiv 2003.01826.
    """
    centred = images - images.mean(dim=(2, 3), keepdim=True)
    power = torch.fft.fft2(centred.float()).abs().square().mean(dim=(0, 1))
    height, width = power.shape
    found = {}
    for period in (2, 4):
        if min(height, width) < 4 * period:
            continue
        lines, beside = [], []
        for table, side in ((power, height), (power.T, width)):
            if side % period:
                continue
            at = side // period
            skirt = [at - 3, at - 2] + ([at + 2, at + 3] if period > 2 else [])
            rows = torch.ones(table.shape[1], dtype=torch.bool, device=table.device)
            rows[0] = False  # a constant row or column has no part in a chequered pattern
            lines.append(table[at, rows].mean())
            beside.append(table[skirt][:, rows].mean())
        if lines:
            found[period] = float(torch.stack(lines).sum() / (torch.stack(beside).sum() + 1e-12))
    return found


def detail(images: Tensor) -> float:
    """By how much neighbouring pixels differ, on average."""
    return float((images.diff(dim=2).abs().mean() + images.diff(dim=3).abs().mean()) / 2)


def colour(images: Tensor) -> float:
    """By how much the channels of a pixel differ, on average; 0 without colours."""
    return float(images.std(1).mean()) if images.shape[1] > 1 else 0.0


def _filters(images: Tensor) -> Tensor:
    """Whitened random patches of images, as filters that answer to differences only.  # [FILTERS, C, PATCH, PATCH]"""
    channels = images.shape[1]
    source = generator(0, "watch-patches")
    columns = F.unfold(images, PATCH).transpose(1, 2).flatten(0, 1)  # [n·L, C·PATCH²]
    picked = columns[torch.randint(len(columns), (6000,), generator=source).to(columns.device)]
    size = picked.shape[1]
    centred = picked - picked.mean(1, keepdim=True)
    scale = centred.norm(dim=1, keepdim=True) / size**0.5
    centred = centred / (scale + 0.3)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    whitening = vectors @ torch.diag((values.clamp(min=0) + WHITENING).rsqrt()) @ vectors.T
    lively = centred[scale.flatten() >= scale.mean()]
    chosen = (lively if len(lively) >= FILTERS else centred)[:FILTERS] @ whitening
    filters = (chosen / (chosen.norm(dim=1, keepdim=True) + 1e-6)) @ whitening
    return (filters - filters.mean(1, keepdim=True)).view(-1, channels, PATCH, PATCH)


def _leading(gram: Tensor) -> Tensor:
    """Orthonormal basis of about the leading principal components, by subspace iteration.  # [d, COMPONENTS]"""
    start = torch.randn(len(gram), COMPONENTS, generator=generator(0, "watch-basis"))
    basis = start.to(gram.device)
    for _ in range(ITERATIONS):
        basis = torch.linalg.qr(gram @ basis).Q
    return basis


def compared(dataset: Dataset, count: int) -> tuple[Tensor, Tensor]:
    """Training samples that are compared with, and held-out ones, an eighth as many; none where none are held out."""
    learned = chosen(dataset.indices("train"), count, "train")
    return learned, chosen(dataset.splits.get("test", learned[:0]), max(64, count // 8), "held-out")


def chosen(indices: Tensor, count: int, stream: str) -> Tensor:
    """A random choice that is the same for every run on the same data."""
    order = torch.randperm(len(indices), generator=generator(0, "watch", stream))
    return indices[order[:count]]
