"""What looks tell of texts and latents: squares that their captions tell apart, and tiny text-conditional GANs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.captions import with_captions
from belamy.data.dataset import Dataset, Memory
from belamy.methods import text_to_image
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.watch.observe import Watch
from belamy.training.watch.patch_features import PatchFeatures
from belamy.training.watch.text_effects import TextEffects

SIDE = 16
PLACES = ("left", "right")


def squares(count: int = 240) -> Dataset:
    """Squares on the left or the right, high or low, with captions that say which, on noise."""
    noise = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 60, (count, 3, SIDE, SIDE), dtype=torch.uint8, generator=noise)
    texts = []
    for number in range(count):
        right, low = number % 2, number // 2 % 2
        pixels[number, :, 2 + 8 * low : 6 + 8 * low, 2 + 8 * right : 6 + 8 * right] = 220
        texts.append(f"a square on the {PLACES[right]}, {'low' if low else 'high'}")
    official = {"train": torch.arange(count - 40), "test": torch.arange(count - 40, count)}
    return with_captions(Dataset("squares", Memory(pixels), official=official), texts, unit="words")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return squares()


@pytest.fixture(scope="module")
def effects(data: Dataset) -> TextEffects:
    return TextEffects(data, PatchFeatures(data, data.indices("train"), data.indices("test")))


def shown(data: Dataset, rows: Tensor) -> tuple[Tensor, Tensor]:
    batch = data.batch(rows)
    return batch.main, batch["caption"]


class TestTextEffects:
    def test_real_pictures_fit_their_own_captions(self, effects: TextEffects) -> None:
        assert effects.limit is not None and effects.limit > 0.98
        assert "right" in effects.terms and "the right" in effects.terms and "a square" not in effects.terms

    def test_pictures_of_others_do_not(self, data: Dataset, effects: TextEffects) -> None:
        pictures, captions = shown(data, torch.arange(64))
        features = effects.look.features(pictures)[0]
        assert effects.fits(features, captions[torch.arange(64) ^ 3]) == pytest.approx(0.0, abs=0.01)  # both are wrong
        alike = features[:1].expand_as(features)
        assert effects.fits(alike, captions) == pytest.approx(0.5, abs=1e-6)
        assert effects.fits(torch.zeros_like(features), captions) == 0.5  # nothing is guessed, so all captions tie
        assert effects.fits(features, captions[:1].expand_as(captions)) is None

    def test_changes_are_counted_where_captions_differ(self, data: Dataset, effects: TextEffects) -> None:
        pictures, captions = shown(data, torch.tensor([0, 4, 1, 3]))  # the first two say the same
        row = effects.seen(pictures, captions, pictures.roll(-1, 0), pictures)
        assert row["by_latent"] == 0.0
        features = effects.look.features(pictures)[0]
        wanted = (features - features.roll(-1, 0)).norm(dim=1)[1:].mean() / effects.look.spread
        assert row["by_text"] == pytest.approx(float(wanted), rel=1e-5)


def watched(data: Dataset, latent: float = 1.0, told: float = 1.0) -> dict[str, Any]:
    """A look at a text-conditional GAN whose pictures are noise that latents and texts decide, in these parts."""
    recipe = text_to_image.Recipe.tiny().changed(train_samples=3 * 32 * 16)
    trainer = make_trainer(recipe, data.spec, data, Options(device="cpu", progress=False), World())
    method: Any = trainer.method
    source = torch.Generator().manual_seed(0)
    by_latent = latent * torch.randn(recipe.latent, 3 * SIDE**2, generator=source)
    by_text = told * torch.randn(method.text_encoder.width, 3 * SIDE**2, generator=source)
    method.from_text = lambda latents, text: torch.tanh(
        latents[:, : recipe.latent] @ by_latent + text @ by_text
    ).unflatten(1, (3, SIDE, SIDE))
    before = {name: value.clone() for name, value in method.state_dict().items()}
    row: dict[str, Any] = Watch(trainer).look()["text"]
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    return row


def test_a_look_at_a_text_conditional_gan(data: Dataset) -> None:
    row = watched(data)
    assert row.keys() == {"fits", "fits_limit", "by_text", "by_latent"}
    assert row["by_text"] > 0 and row["by_latent"] > 0 and 0 < row["fits"] < 1 and row["fits_limit"] > 0.95


def test_a_generator_that_is_told_nothing(data: Dataset) -> None:
    row = watched(data, told=0.0)
    assert row["by_text"] == 0.0 and row["by_latent"] > 0


def test_a_generator_without_latents(data: Dataset) -> None:
    row = watched(data, latent=0.0)
    assert row["by_latent"] == 0.0 and row["by_text"] > 0
