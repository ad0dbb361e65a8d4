"""Bags of n-grams as features of text."""

from __future__ import annotations

import torch

from belamy.evaluation.features import EXTRACTORS, kinds_of
from belamy.modalities.fields import Field
from belamy.modalities.text import Vocabulary
from belamy.registry import Part


def test_texts_alike_have_features_alike() -> None:
    texts = ["the red fox", "the red dog", "?? !! ??"]
    field = Field("text", (12,), Vocabulary.of(texts).symbols)
    known = Vocabulary(field.classes)
    made = EXTRACTORS.build(Part(name="ngrams"), field=field)
    seen = made.extract(torch.tensor([known.row(text, 12) for text in texts]), torch.tensor([0, 1, 2]))
    features = seen.features
    assert features.shape == (3, made.size) and kinds_of(made) == ("text",) and seen.field == field
    torch.testing.assert_close(features.norm(dim=1), torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-6)
    assert features[0] @ features[1] > 0.5 > 0.2 > features[0] @ features[2]
