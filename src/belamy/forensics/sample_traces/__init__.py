"""Cues that tell generated samples of other kinds than pictures from real ones, one per file, found by its name.

A file here, or another package's by an entry point, holds the class ``SampleTrace(field)``: it describes every sample
by a few numbers. Nothing is learned; who examines decides from the numbers whether two sets differ, and how surely.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from belamy.registry import Registry

SAMPLE_TRACES = Registry("belamy.forensics.sample_traces", "trace of samples", "SampleTrace")


class SampleTrace(Protocol):
    """What such a trace has; its constructor is given the ``field`` of the samples.

    Attributes:
        modalities: The kinds that it describes.
        title: What it looks at, as a heading.
    """

    modalities: tuple[str, ...]
    title: str

    def describe(self, raw: Tensor) -> Tensor:
        """Numbers ``[n, F]``, float64 and finite, of samples as files hold them ``[n, *field.shape]``."""
        ...


def traces_for(kind: str) -> list[str]:
    """The names of the traces that describe a kind."""
    return [name for name in SAMPLE_TRACES.names() if kind in SAMPLE_TRACES.load(name).modalities]  # type: ignore[attr-defined]
