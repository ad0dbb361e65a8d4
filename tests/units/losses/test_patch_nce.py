"""PatchNCE: closed forms, the masked diagonal of the published form, and that keys teach nothing."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from belamy.losses.patch_nce import patch_nce


def rows(seed: int, *shape: int) -> torch.Tensor:
    numbers = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return normalize(numbers, dim=2)


@pytest.mark.parametrize("places", [2, 17])
def test_places_that_look_alike_cost_the_logarithm_of_their_number(places: int) -> None:
    alike = rows(0, 3, 1, 4).expand(3, places, 4)
    torch.testing.assert_close(patch_nce(alike, alike), torch.full((3,), math.log(places), dtype=torch.float64))


def test_opposite_places() -> None:
    ends = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]], dtype=torch.float64)
    wanted = math.log(1 + math.exp(-2 / 0.5))
    torch.testing.assert_close(patch_nce(ends, ends, 0.5), torch.tensor([wanted], dtype=torch.float64))


def test_the_masked_diagonal_of_the_published_form() -> None:
    """Positives in a column of their own, and the diagonal of all products at minus ten, before the temperature."""
    queries, keys = rows(1, 2, 9, 6), rows(2, 2, 9, 6)
    positives = (queries * keys).sum(2, keepdim=True)
    products = queries @ keys.transpose(1, 2)
    products = products.masked_fill(torch.eye(9, dtype=torch.bool), -10.0)
    logits = torch.cat([positives, products], 2) / 0.07
    wanted = cross_entropy(logits.flatten(0, 1), torch.zeros(18, dtype=torch.long), reduction="none").view(2, 9)
    torch.testing.assert_close(patch_nce(queries, keys), wanted.mean(1), rtol=1e-12, atol=0)
    unmasked = torch.cat([positives, queries @ keys.transpose(1, 2)], 2) / 0.07
    wrong = cross_entropy(unmasked.flatten(0, 1), torch.zeros(18, dtype=torch.long))
    assert abs(float(wrong - patch_nce(queries, keys).mean())) > 0.01


def test_negatives_are_of_the_same_picture_alone() -> None:
    queries, keys = rows(1, 3, 5, 4), rows(2, 3, 5, 4)
    whole = patch_nce(queries, keys)
    torch.testing.assert_close(patch_nce(queries[1:2], keys[1:2]), whole[1:2])


def test_nothing_is_learned_through_keys() -> None:
    queries, keys = rows(1, 1, 5, 4).requires_grad_(), rows(2, 1, 5, 4).requires_grad_()
    patch_nce(queries, keys).sum().backward()
    assert queries.grad is not None and queries.grad.any() and keys.grad is None
    others = rows(4, 2, 4, 3)
    assert torch.autograd.gradcheck(lambda q: patch_nce(q, others), rows(3, 2, 4, 3).requires_grad_())
