"""Ways through the latent space: from key to key, along a straight line, an arc, or in equal perceptual steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from belamy.errors import UsageError, nearest
from belamy.methods.base import BaseMethod, DataField
from belamy.modalities import modality
from belamy.modalities.grid import grid
from belamy.modalities.mel import log_mel
from belamy.modalities.text import ngram_bags, strings
from belamy.networks.priors import coded
from belamy.networks.priors.paths import linear, slerp
from belamy.sampling.picture import Picture
from belamy.sampling.points import Progress, sampler, samples_at
from belamy.sampling.sheets import sheet_of

PATHS = ("prior", "linear", "slerp", "even")
FINE = 8
"""Points between two frames at which an even walk measures how fast the image changes."""
ROUNDS = 12
LINES = 4
"""Lines of a caption at most."""
IN_A_ROW = 16
TYPICAL = 256
"""Latents whose length is measured."""

Interpolate = Callable[[Tensor, Tensor, Tensor], Tensor]
Look = Callable[[Tensor], Tensor]


@runtime_checkable
class HasPrior(Protocol):
    """A method whose latents have a prior that knows the way from one to another."""

    prior: Any


@dataclass(frozen=True, eq=False)
class Walk:
    """Frames of a walk.

    Args:
        latents: Where each frame is.  # [n, latent]
        weights: Of the classes, where labels matter.  # [n, classes]
        images: What is there, of texts the symbols.  # [n, C, H, W] uint8, int16 [n, C, samples], long [n, length]
        keys: The frame at, or nearest to, each key.
        steps: How far apart neighbouring frames look; of a loop, the last and the first too.
        field: What kind they are.
    """

    latents: Tensor
    weights: Tensor | None
    images: Tensor
    keys: tuple[int, ...]
    steps: Tensor
    field: DataField

    @property
    def texts(self) -> list[str]:
        """What is there, of texts; else nothing."""
        return strings(self.images, self.field) if self.field.modality == "text" else []

    @property
    def unevenness(self) -> float:
        """Standard deviation of the steps over their mean: 0 where every step looks as large."""
        mean = float(self.steps.mean())
        return float(self.steps.std(correction=0)) / mean if mean else 0.0

    def strip(self, captions: Sequence[str] = ()) -> Picture:
        """All frames in rows of at most 16, with a caption under each key; texts below each other, behind captions.

        Sounds are waveforms above spectrograms, music piano rolls.
        """
        if self.texts:
            names = dict(zip(self.keys, captions, strict=True)) if captions else {}
            told = [names.get(frame, str(frame + 1)) for frame in range(len(self.images))]
            return Picture(sheet_of(self.images, self.field, 1, told))
        rows = math.ceil(len(self.images) / IN_A_ROW)
        under = [""] * len(self.images)
        for frame, caption in zip(self.keys, captions, strict=bool(captions)):
            under[frame] = caption
        columns = math.ceil(len(self.images) / rows)
        shown = under if captions else None
        if self.field.modality in ("audio", "music"):
            return Picture(sheet_of(self.images, self.field, columns, shown))
        return Picture(grid(self.images, columns, scale=None, captions=shown, lines=LINES))

    def frames(self, smallest: int = 256) -> list[np.ndarray]:
        """One picture for each frame, uint8 [H, W, 3], enlarged by a whole number to at least this many pixels."""
        scale = max(1, math.ceil(smallest / max(self.images.shape[2:])))
        return [grid(image[None], pad=0, scale=scale) for image in self.images]

    def _repr_png_(self) -> bytes:
        return self.strip().png


def walk(
    method: BaseMethod,
    keys: Tensor,
    weights: Tensor | None = None,
    *,
    path: str = "prior",
    steps: int = 8,
    loop: bool = False,
    look: Look | None = None,
    progress: Progress | None = None,
) -> Walk:
    """A walk through several keys.

    ``linear`` is the straight way, ``slerp`` the arc, ``prior`` the way of the latents' own prior (the arc for normal
    latents, the straight way for uniform ones). ``even`` goes the prior's way, but so that neighbouring frames all look
    equally far apart among features, as on a geodesic. Weights of labels change along the straight way, or stay where
    two keys agree.

    *Departs from a geodesic*: the curve is that of the prior; only the speed along it is changed.

    References:
        White 2016, arXiv 1609.04468, section 2.1; length of a curve in the image space: Arvanitidis et al. 2018,
        arXiv 1710.11379, equation 4; perceptual steps: Karras et al. 2018, arXiv 1812.04948, section 4.1.

    Args:
        method: It samples.
        keys: Latents to pass, two or more.  # [k, latent]
        weights: Of the classes at each key, where labels matter.  # [k, classes]
        path: One of ``PATHS``.
        steps: Steps from one key to the next, on average if they are even.
        loop: Go back to the first key; the frame there is not repeated.
        look: Features ``[n, d]`` of images ``[n, C, H, W]`` in uint8, for distances; by default the pixels, of texts
            bags of character n-grams, of sounds mel spectra.
        progress: Called with (done, total) images.

    Raises:
        UsageError: The method does not sample, too few keys or steps, or no such path.
    """
    sampler(method)
    path = {"law": "prior"}.get(path, path)  # its earlier name
    if path not in PATHS:
        raise UsageError(f"There is no path '{path}'. {nearest(path, PATHS)}")
    if len(keys) < 2 or steps < 1:
        raise UsageError(f"A walk needs 2 keys or more and 1 step or more; got {len(keys)} and {steps}.")
    look, between = look or usual_look(method.output), way(method, path)
    legs = len(keys) if loop else len(keys) - 1
    count = legs * steps + 1
    at = torch.linspace(0, legs, count, dtype=torch.float64)

    def place(positions: Tensor) -> tuple[Tensor, Tensor | None]:
        return along(keys, positions, between), None if weights is None else along(weights, positions, linear)

    if path == "even":
        fine = torch.linspace(0, legs, FINE * (count - 1) + 1, dtype=torch.float64)
        features = look(samples_at(method, *place(fine), progress=progress))
        at = equidistant(fine, features.flatten(1).double(), count)
    shown = samples_at(method, *place(at), progress=progress)
    apart = lengths(look(shown))
    frames = slice(None, -1 if loop else None)
    found = tuple(int((at[frames] - key).abs().argmin()) for key in range(len(keys)))
    latents, blend = place(at[frames])
    return Walk(latents, blend, shown[frames], found, apart, method.output)


def completed(method: BaseMethod, latent: Tensor, seed: int = 0) -> Tensor:
    r"""A mean of latents, with what the mean lost: some one latent's part across it, so that it is as long as latents.

    .. math:: m + \sqrt{\ell^2 - \lVert m\rVert^2}\;\frac{z_\perp}{\lVert z_\perp\rVert}, \qquad z_\perp \perp m

    The mean of n independent latents is about √n times too short, and a generator has never seen such: it makes pale
    images. Stretching the mean would exaggerate what its members have in common; this leaves that as it is and adds one
    individual's rest. ℓ is the mean length of latents. Categories, continuous codes and the choice among several
    generators stay; so does a latent that is not too short.

    Args:
        method: It samples.
        latent: A mean, or a sum of means.  # [latent]
        seed: Whose rest it gets.
    """
    prior: Any = method.prior if isinstance(method, HasPrior) else None
    size = len(latent) if prior is None else prior.latent
    if isinstance(prior, coded.Prior):
        size -= prior.categories + prior.continuous
    mean, drawn = latent[:size], sampler(method).latents(seed, range(TYPICAL))[:, :size]
    missing = drawn.norm(dim=1).mean().square() - mean.square().sum()
    if missing <= 0:
        return latent
    tiny = torch.finfo(mean.dtype).tiny
    across = drawn[0] - (drawn[0] @ mean) / mean.square().sum().clamp_min(tiny) * mean
    return torch.cat([mean + missing.sqrt() * across / across.norm().clamp_min(tiny), latent[size:]])


def way(method: BaseMethod, path: str) -> Interpolate:
    """How a path goes from one latent to another."""
    if path == "linear":
        return linear
    if path == "slerp" or not isinstance(method, HasPrior):  # without a prior of their own, latents are normal
        return slerp
    prior: Any = method.prior

    def own(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        size = prior.latent  # what follows it chooses one of several generators
        between = prior.interpolate(a[..., :size], b[..., :size], t)
        return torch.cat([between, linear(a[..., size:], b[..., size:], t)], -1)

    return own


def along(keys: Tensor, at: Tensor, between: Interpolate) -> Tensor:
    """Places on the way through keys: position 0 is the first, 1 the second …, and after the last comes the first.

    Args:
        keys: Latents.  # [k, d]
        at: Positions, from 0 to k.  # [n]
        between: The way from one to the next.

    Example:
        >>> along(torch.eye(2), torch.tensor([0.0, 0.5, 1.0, 2.0]), linear).tolist()
        [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [1.0, 0.0]]
    """
    leg = at.floor().long()
    t = (at - leg).to(keys.dtype).unsqueeze(1)
    return between(keys[leg % len(keys)], keys[(leg + 1) % len(keys)], t)


def equidistant(at: Tensor, features: Tensor, count: int) -> Tensor:
    """Positions on a curve of features whose neighbours are all equally far apart, the ends exact.

    First equal parts of the curve's length; then, since a curve that bends is longer than its chords, the chords in
    place of the lengths, again and again, as meshes are made equidistant (de Boor 1973).

    Args:
        at: Positions, evenly ascending.  # [m]
        features: There.  # [m, d]
        count: How many are wanted.
    """
    found = evenly(at, lengths(features), count)
    for _ in range(ROUNDS):
        place = (found - at[0]) / (at[-1] - at[0]) * (len(at) - 1)
        below = place.floor().long().clamp(0, len(at) - 2)
        share = (place - below).unsqueeze(1)
        found = evenly(found, lengths(features[below] * (1 - share) + features[below + 1] * share), count)
    return found


def evenly(at: Tensor, steps: Tensor, count: int) -> Tensor:
    """Positions at which a curve's length is cut into equal parts, the ends exact; as they were where it has none.

    Args:
        at: Positions, ascending.  # [m]
        steps: Lengths of the curve between them.  # [m - 1]
        count: How many are wanted.

    Example:
        >>> evenly(torch.arange(4.0), torch.tensor([1.0, 1.0, 2.0]), 3)
        tensor([0., 2., 3.])
    """
    gone = torch.cat([steps.new_zeros(1), steps.double().cumsum(0).to(steps)])
    if not float(gone[-1]) > 0:
        return torch.linspace(float(at[0]), float(at[-1]), count, dtype=at.dtype)
    wanted = torch.linspace(0, float(gone[-1]), count, dtype=gone.dtype)
    found = np.interp(wanted.numpy(), gone.numpy(), at.numpy())
    found[[0, -1]] = float(at[0]), float(at[-1])  # where nothing changes at an end, it is still the end
    return torch.from_numpy(found).to(at.dtype)


def lengths(features: Tensor) -> Tensor:
    """``[n - 1]`` float64: distances from each of ``[n, d]`` features to the next."""
    return torch.linalg.vector_norm(features.flatten(1).double().diff(dim=0), dim=1)


def pixels(images: Tensor) -> Tensor:
    """``[n, d]``: the pixels themselves as features, from 0 to 1."""
    return images.flatten(1).float() / 255


def usual_look(field: DataField) -> Look:
    """The features by which neighbouring frames of a kind are compared, where none are asked for."""
    if field.modality == "text":
        return lambda raw: torch.from_numpy(ngram_bags(strings(raw, field)))
    if field.modality == "audio":
        heard = modality("audio")
        return lambda raw: log_mel(heard.to_float(raw, field).mean(1), field.hertz)
    if field.modality == "music":
        return lambda raw: raw.flatten(1).float()
    return pixels
