"""Inversion against generators whose inverse is known."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from belamy.data import to_uint8
from belamy.editing.inversion import compared, differences, invert, psnr
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, DataSpec


class Smooth(BaseMethod):
    """Images tanh(W z), with labels that turn them upside down if there are classes."""

    def __init__(self, classes: tuple[str, ...] = ()) -> None:
        super().__init__(None, DataSpec.pictures((1, 8, 8), classes))
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


def test_the_method_is_left_as_it_was() -> None:
    method = Smooth()
    before = method.weight.detach().clone()
    invert(method, given(method)[1], steps=2)
    assert method.weight.requires_grad and method.weight.grad is None and torch.equal(method.weight, before)


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
    assert found.weights is not None and (found.psnr > 35).all()
    assert torch.equal(found.weights.argmax(1), labels)


def test_a_known_label_is_held() -> None:
    method = Smooth(("up", "down"))
    images = to_uint8(method.generate(method.latents(77, range(3)), torch.ones(3, dtype=torch.long)).detach())
    right, wrong = (invert(method, images, labels=torch.full((3,), label), steps=100, prior=0) for label in (1, 0))
    for found, label in ((right, 1), (wrong, 0)):
        assert found.weights is not None and found.weights.argmax(1).tolist() == [label] * 3
    assert (right.psnr > 35).all() and (wrong.psnr < 30).all()


class Folded(Smooth):
    """Images that come again and again along each latent: it matters where a descent begins."""

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().generate((3 * latents).sin() + 0.1 * latents, labels)


def test_several_starts_get_out_of_dead_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belamy.editing.inversion.STARTS", 16)
    method = Folded()
    images = given(method, 24)[1]
    one, eight = (invert(method, images, steps=120, prior=0, tries=tries).psnr for tries in (1, 8))
    assert (eight > 40).all() and not (one > 40).all()


def test_what_is_done_is_told() -> None:
    method, told = Smooth(), []
    invert(method, given(method, 3)[1], steps=8, tries=2, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (36, 36) and [done for done, _ in told] == [6, 12, *range(15, 37, 3)]


def test_a_picture_shows_the_error() -> None:
    method = Smooth()
    found = invert(method, given(method, 2)[1], steps=2)
    pixels = found.picture().pixels
    assert pixels.shape == (2 + 2 * (96 + 16 + 2), 2 + 3 * 98, 3)
    shown = pixels[2 : 2 + 96 : 12, 2 + 2 * 98 : 2 + 3 * 98 - 2 : 12, 0]
    assert (torch.tensor(shown).int() == (found.images.int() - found.given.int()).abs()[0, 0]).all()
    assert found._repr_png_()[1:4] == b"PNG"


def test_differences_of_colours_are_grey() -> None:
    black = torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
    apart = differences(black + torch.tensor([0, 60, 255], dtype=torch.uint8).view(3, 1, 1), black)
    assert apart.flatten().tolist() == [105] * 3


def test_many_rows_stand_side_by_side() -> None:
    images = torch.zeros(32, 1, 8, 8, dtype=torch.uint8)
    pixels = compared({"given": images, "inverted": images}, torch.full((32,), 20.0)).pixels
    assert pixels.shape[1] == 2 + 4 * 98 and pixels.shape[0] == 2 + 16 * 114


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
        ({"tries": 0}, r"tries is 0, but it must be in 1\.\.512"),
        ({"labels": torch.tensor([0] * 5)}, "labels must be 5 class numbers below 0"),
        ({"way": "encoder"}, "no encoder"),
        ({"images": torch.zeros(1, 3, 8, 8, dtype=torch.uint8)}, r"The images are \(3, 8, 8\), but this run's are"),
    ],
)
def test_wrong_uses(changes: dict[str, object], says: str) -> None:
    method = Smooth()
    with pytest.raises(UsageError, match=says):
        invert(**{"method": method, "images": given(method)[1], **changes})
