"""What is drawn from a run, as Python sees it: a tensor that shows itself in Jupyter."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.modalities import modality
from belamy.modalities.fields import Field

PLAYED = 8
"""Samples that are heard, read or played in Jupyter."""


class DrawnSamples(Tensor):
    """Samples as files hold them, ``[n, *shape]``; whatever is computed of them is a plain tensor.

    Attributes:
        field: What they are.
    """

    field: Field
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def of(cls, raw: Tensor, field: Field) -> DrawnSamples:
        """The same numbers, which know what they are."""
        made = raw.as_subclass(cls)
        made.field = field
        return made

    @property
    def raw(self) -> Tensor:
        """A plain tensor of the same numbers."""
        return self.as_subclass(Tensor)

    def _repr_html_(self) -> str:
        from belamy.pages import fragment

        kind = modality(self.field.modality)
        return fragment(
            "samples", title=f"{len(self):,} {kind.words[len(self) != 1]}", sheet=kind.sheet(self.raw, self.field),
            media=kind.media(self.raw[:PLAYED], self.field),
        )  # fmt: skip
