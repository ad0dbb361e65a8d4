"""Inversion against generators whose inverse is known."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from belamy.data import to_uint8
from belamy.editing.inversion import invert, psnr
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Domain


class Smooth(BaseMethod):
    """Images tanh(W z), with labels that turn them upside down if there are classes."""

    def __init__(self, classes: tuple[str, ...] = ()) -> None:
        super().__init__(None, Domain((1, 8, 8), classes))
        basis = torch.linalg.qr(torch.randn(64, 3, generator=torch.Generator().manual_seed(1))).Q
        self.weight = nn.Parameter(2 * basis)

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        return torch.stack([torch.randn(3, generator=torch.Generator().manual_seed(i + seed)) for i in indices])

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        images = (latents @ self.weight.T).tanh().view(-1, 1, 8, 8)
        return images if labels is None else torch.where(labels.view(-1, 1, 1, 1) == 1, images.flip(2), images)


class Encoding(Smooth):
    """The same with an encoder that is somewhat off."""

    def encode(self, images: Tensor) -> Tensor:
        return images.clamp(-0.999, 0.999).atanh().flatten(1) @ self.weight.pinverse().T + 0.3


def given(method: Smooth, count: int = 5) -> tuple[Tensor, Tensor]:
    latents = method.latents(10_000, range(count))
    return latents, to_uint8(method.generate(latents).detach())


def test_optimisation_finds_the_latents_of_generated_images() -> None:
    method = Smooth()
    latents, images = given(method)
    found = invert(method, images, steps=150, prior=0)
    assert found.way == "optimisation" and found.weights is None
    torch.testing.assert_close(found.latents, latents, atol=0.02, rtol=0)
    assert (found.psnr > 40).all() and torch.equal(found.psnr, psnr(found.images, images))


def test_a_batch_is_inverted_as_one_by_one() -> None:
    method = Smooth()
    images = given(method)[1]
    together = invert(method, images, steps=20).latents
    alone = torch.cat([invert(method, image[None], steps=20).latents for image in images])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_the_hybrid_way_mends_the_encoder() -> None:
    method = Encoding()
    latents, images = given(method)
    encoder, hybrid = invert(method, images), invert(method, images, "hybrid", steps=100, prior=0)
    assert encoder.way == "encoder" and hybrid.way == "hybrid"
    assert (hybrid.psnr > encoder.psnr + 5).all()
    torch.testing.assert_close(hybrid.latents, latents, atol=0.02, rtol=0)


def test_labels_are_found_with_the_latents() -> None:
    method = Smooth(("up", "down"))
    latents = method.latents(77, range(4))
    labels = torch.tensor([0, 1, 1, 0])
    images = to_uint8(method.generate(latents, labels).detach())
    found = invert(method, images, steps=150, prior=0)
    assert found.weights is not None and (found.psnr > 35).sum() >= 3  # a start may be of the wrong label
    assert (found.weights.argmax(1) == labels).sum() >= 3


def test_a_prior_pulls_to_the_centre() -> None:
    method = Smooth()
    images = given(method)[1]
    free, held = (invert(method, images, steps=100, prior=prior).latents for prior in (0, 1.0))
    assert (held.norm(dim=1) < 0.7 * free.norm(dim=1)).all()


def test_psnr_in_closed_form() -> None:
    images = torch.zeros(2, 1, 2, 2, dtype=torch.uint8)
    assert psnr(images + 1, images).tolist() == pytest.approx([48.1308] * 2, abs=1e-4)
    assert psnr(images, images).isinf().all()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"steps": 0}, "steps 0 must be at least 1"),
        ({"rate": 0.0}, "rate 0 above 0"),
        ({"way": "encoder"}, "no encoder"),
        ({"images": torch.zeros(1, 3, 8, 8, dtype=torch.uint8)}, r"The images are \(3, 8, 8\), but this run's are"),
    ],
)
def test_wrong_uses(changes: dict[str, object], says: str) -> None:
    method = Smooth()
    with pytest.raises(UsageError, match=says):
        invert(**{"method": method, "images": given(method)[1], **changes})
