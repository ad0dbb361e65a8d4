"""Reconstruction of images that were not learned from."""

from __future__ import annotations

from typing import Any

import torch

from belamy.data import Dataset
from belamy.errors import UsageError
from belamy.evaluation.features import Extractor
from belamy.evaluation.pairs import Pair
from belamy.evaluation.pairs._structure import WINDOW
from belamy.evaluation.pairs.psnr import Pair as Psnr
from belamy.evaluation.pairs.ssim import Pair as Ssim
from belamy.evaluation.pairs.summary import summarise
from belamy.evaluation.probes import evaluating, held_out
from belamy.evaluation.statistics import Interval
from belamy.methods.base import BaseMethod, Reconstructs
from belamy.sampling.draw import placement


class Probe:
    """Error of the method's reconstructions of held-out images, not rounded to pixels, cut to the images' range.

    - ``reconstruction-psnr``: decibels, the mean over images; exact copies are left out.
    - ``reconstruction-ssim``: structural similarity, the mean over images; not told of images below 11 × 11.
    - ``reconstruction-mse``: mean squared error on the scale [0, 1].

    The intervals are for other images of the same kind.

    Args:
        count: Held-out images, at most.

    Raises:
        UsageError: A method that does not reconstruct, or data that hold no images out.
    """

    needs_extractor = False

    def __init__(self, *, count: int = 1000) -> None:
        self.count = count

    def measure(
        self, method: BaseMethod, data: Dataset, extractor: Extractor | None, seed: int = 0
    ) -> dict[str, Interval]:
        if not isinstance(method, Reconstructs):
            raise UsageError(
                "This run's method does not reconstruct images: it has no encoder. Judge an autoencoder, or leave "
                "reconstruction out."
            )
        model: Any = method
        device, dtype = placement(method)
        measures: dict[str, Pair] = {"psnr": Psnr(data_range=2), "ssim": Ssim(data_range=2)}
        if min(data.shape[1:]) < WINDOW:
            del measures["ssim"]
        found: dict[str, list[torch.Tensor]] = {name: [] for name in (*measures, "mse")}
        with evaluating(method):
            for images in held_out(data, self.count):
                made = model.reconstruct(images.to(device, dtype)).clamp(-1, 1).cpu()
                for name, compared in measures.items():
                    found[name].append(compared(images, made))
                found["mse"].append((images.double() - made.double()).square().flatten(1).mean(1) / 4)
        means = {name: summarise(torch.cat(parts)).mean for name, parts in found.items()}
        return {f"reconstruction-{name}": mean for name, mean in means.items() if mean is not None}
