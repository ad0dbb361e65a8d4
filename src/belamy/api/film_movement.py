"""How translated films move, where the true flow is known: what changes that only moves, and the flow that is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from belamy.api.translation_measures import MADE
from belamy.data import Dataset
from belamy.evaluation import intervals
from belamy.evaluation.statistics import Interval
from belamy.evaluation.warping_error import warping_error
from belamy.methods.base import TranslatesFilms
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.sampling.draw import placement

WARPING, FLOW = "warping-error", "flow-error"
"""Root of the mean squared change in [-1, 1] of pixels against their places in the frame before; mean distance in
pixels of the flow from the true one, of pixels that were seen before."""
STILL = "no movement"
"""Who says that nothing moves."""


def flow_column(data: Dataset) -> str | None:
    """The name of the data's field of true flow; None where they have none."""
    return next((name for name, column in data.columns.items() if column.field.modality == "flow"), None)


def movement(
    films: Mapping[str, Sequence[Tensor]], given: Sequence[Tensor], method: Any, source: Field, flow: Tensor
) -> dict[str, dict[str, Interval]]:
    """The warping error of films, and the error of the flow that a method tells, by who made what is judged.

    Args:
        films: uint8 [T, C, H, W] each, by who made them.
        given: What they were made of, as files hold it.
        method: That made them.
        source: What is given.
        flow: Of each film: from each pixel to its place in the frame before, and 1 where it was seen there, else 0.
            # [N, T, 3, H, W]
    """
    found: dict[str, dict[str, Interval]] = {}
    for who, each in films.items():
        values = torch.stack(list(each)).float() / 127.5 - 1
        found[who] = {WARPING: intervals.mean(warping_error(values, flow))}
    told = _told(given, method, source)
    if told is not None:
        found[MADE][FLOW] = end_point_error(told, flow)
        found[STILL] = {FLOW: end_point_error(torch.zeros_like(told), flow)}
    return found


def end_point_error(told: Tensor, flow: Tensor) -> Interval:
    r"""Mean distance of a flow from the true one in pixels, over the pixels of each film that were seen before.

    .. math:: E = \frac{\sum_{t,p} s_t(p) \lVert \tilde w_t(p) - w_t(p) \rVert}{\sum_{t,p} s_t(p)}

    Args:
        told: From each frame after the first to the one before.  # [N, T - 1, 2, H, W]
        flow: The true one, and where it is known.  # [N, T, 3, H, W]
    """
    true, seen = flow[:, 1:, :2].double(), (flow[:, 1:, 2] > 0).double()
    apart = (told.double().cpu() - true).square().sum(2).sqrt() * seen
    return intervals.mean(apart.flatten(1).sum(1) / seen.flatten(1).sum(1).clamp_min(1))


@torch.no_grad()
def _told(given: Sequence[Tensor], method: Any, source: Field) -> Tensor | None:
    """The flow of each film that is made; None where none is told."""
    device, kind = placement(method)[0], modality(source.modality)
    if not isinstance(method, TranslatesFilms):
        return None
    parts = []
    for film in given:
        told = method.movement(kind.to_float(film[None].to(device), source._replace(shape=tuple(film.shape))))
        if told is None:
            return None
        parts.append(told.cpu())
    return torch.cat(parts)
