"""N-grams of a text: which letters follow which."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.modalities.fields import Field
from belamy.modalities.text import ngram_bags, strings

PLACES = 512


class SampleTrace:
    """How often each 1-, 2- and 3-gram of characters occurs, hashed to 512 places; each text's row of length 1.

    Args:
        field: Of the texts.
    """

    modalities = ("text",)
    title = "N-grams of characters"

    def __init__(self, field: Field) -> None:
        self.field = field

    def describe(self, raw: Tensor) -> Tensor:
        return torch.from_numpy(ngram_bags(strings(raw, self.field), PLACES)).double()
