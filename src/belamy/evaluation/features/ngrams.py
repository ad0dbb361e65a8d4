"""Texts as bags of n-grams of characters: which ones they have, and how many."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.modalities.fields import Field
from belamy.modalities.text import ngram_bags, strings

PLACES = 512


class Extractor:
    """How often each 1-, 2- and 3-gram of characters occurs, hashed to 512 places, each text's row of length 1.

    Nothing is learned: they tell spelling and the words that are used, but nothing of grammar or sense.

    Args:
        field: What the texts are.
    """

    modalities = ("text",)
    name = "ngrams"
    digest = f"1-3 of characters, {PLACES}"
    size = PLACES
    classes = 0
    layer = resize = ""

    def __init__(self, field: Field) -> None:
        self.field = field

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        """What is in texts, given as the numbers of their symbols.  # [n, length]"""
        bags = torch.from_numpy(ngram_bags(strings(images, self.field), PLACES))
        return ExtractedFeatures(bags.double(), None, labels, images, self.field)
