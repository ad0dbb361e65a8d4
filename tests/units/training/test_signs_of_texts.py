"""Repetition and lengths of texts, counted by hand."""

import pytest
import torch

from belamy.modalities.fields import Field
from belamy.modalities.text import SPECIAL
from belamy.training.watch.text_faults import repeats, text_faults


def test_what_stood_before_in_the_same_text_is_repeated() -> None:
    texts = torch.tensor([[3, 3, 3, 3, 1], [3, 4, 5, 1, 0], [3, 4, 5, 6, 3]])
    assert repeats(texts, 2) == pytest.approx(2 / 9)
    assert repeats(texts, 3) == pytest.approx(1 / 6)
    assert repeats(torch.tensor([[1, 0, 0]]), 2) == 0


@pytest.mark.parametrize(("symbols", "wanted"), [("abcd", 1 / 2), ((" ab", " cd", " e", " f"), 2 / 3)])
def test_words_are_looked_at_in_pairs(symbols: tuple[str, ...], wanted: float) -> None:
    field = Field("text", (5,), (*SPECIAL, *symbols))
    made, data = torch.tensor([[3, 3, 3, 3, 1]]), torch.tensor([[3, 4, 5, 6, 5], [4, 3, 1, 0, 0]])
    found = text_faults(made, data, field)
    assert found == pytest.approx({"repeats": wanted, "repeats_data": 0.0, "length": 4 / 3.5})
