"""Where the light of each column lies."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import course
from belamy.forensics.traces._reduce import grey, moments


class Trace(BaseTrace):
    r"""The spectral centroid of each column, as of a spectrogram, and the moments of an image's centroids.

    .. math:: c_x = \sum_y y\,p_{yx} \Big/ \sum_y p_{yx}

    with 0 for a column of zeros. *Departs from the paper*: nothing is added to the denominator.

    References:
        Valle, Cai, Doshi 2018, arXiv 1807.04919 (spectral centroid).
    """

    title = "Centroids of columns"

    def describe(self, values: Tensor) -> Tensor:
        found = centroids(values)
        return torch.cat([found, moments(found)], 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        return course(
            centroids(real), centroids(suspect), range(real.shape[3]), self.title, "column", "mean centroid, in rows"
        )


def centroids(values: Tensor) -> Tensor:
    """The centroid of each column of the grey image, in rows.  # [n, C, H, W] -> [n, W]"""
    plane = grey(values)
    light = plane.sum(1)
    weighed = torch.einsum("nyx,y->nx", plane, torch.arange(plane.shape[1], dtype=torch.float64))
    return torch.where(light > 0, weighed / torch.where(light > 0, light, 1.0), 0.0)
