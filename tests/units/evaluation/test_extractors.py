"""Pretrained extractors, the resizes before them, the cache behind them, and the choice among them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from belamy.data import open_data
from belamy.data.dataset import Attribute, Dataset, Memory
from belamy.errors import DataError, MissingExtra, UsageError
from belamy.evaluation import resizing
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.feature_cache import CachedFeatures
from belamy.evaluation.features import Extractor
from belamy.evaluation.features.clip import clip_features
from belamy.evaluation.features.dinov2 import dinov2_features
from belamy.evaluation.features.efficientnet import efficientnet_features
from belamy.evaluation.features.inception import inception_features, inception_of
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.judges import extractors
from belamy.judges.extractors import NAMES, choose, suited
from belamy.networks.inception import Inception


def noise(count: int, channels: int = 3, height: int = 20, width: int | None = None, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, height, width or height), dtype=torch.uint8, generator=source)


def unlabelled(images: Tensor) -> Dataset:
    return Dataset("noise", Memory(images))


# ---- resizing ----


def slow_tensorflow(image: np.ndarray, size: int) -> np.ndarray:
    """One channel, pixel by pixel in float64, as the documentation of TensorFlow 1 defines it."""
    height, width = image.shape
    found = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            y, x = i * height / size, j * width / size
            top, left = math.floor(y), math.floor(x)
            below, right = min(top + 1, height - 1), min(left + 1, width - 1)
            v, u = y - top, x - left
            found[i, j] = (1 - v) * ((1 - u) * image[top, left] + u * image[top, right]) + v * (
                (1 - u) * image[below, left] + u * image[below, right]
            )
    return found


@pytest.mark.parametrize(("height", "width", "size"), [(7, 9, 23), (32, 20, 23), (23, 23, 23), (50, 70, 23)])
def test_the_tensorflow_resize_is_tensorflows(height: int, width: int, size: int) -> None:
    image = noise(1, 1, height, width)
    found = resizing.tensorflow_bilinear(image, size, size)[0, 0].double().numpy()
    np.testing.assert_allclose(
        found / 255, slow_tensorflow(image[0, 0].double().numpy(), size) / 255, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 45), (299, 299), (320, 500), (1, 600)])
def test_the_clean_resize_is_pillows_in_floating_point(height: int, width: int) -> None:
    images = noise(2, 3, height, width)
    found = resizing.clean_bicubic(images, 299, 299).numpy()
    expected = np.stack([
        [np.asarray(Image.fromarray(channel).resize((299, 299), Image.Resampling.BICUBIC)) for channel in image]
        for image in images.numpy().astype(np.float32)
    ])  # fmt: skip
    assert found.min() >= 0 and found.max() <= 255
    np.testing.assert_allclose(found / 255, expected.clip(0, 255) / 255, atol=1e-5, rtol=0)


def test_resizes_differ_and_others_are_refused() -> None:
    images = noise(1, 3, 64)
    tf, clean = (resizing.resize(images, 16, rule) for rule in resizing.RULES)
    assert tf.std() > 2 * clean.std()  # without a filter, noise is only sampled
    with pytest.raises(UsageError, match=r"no resize rule 'pil'.*Known: clean, tf"):
        resizing.resize(images, 16, "pil")


# ---- extractors ----


def test_efficientnet_looks_at_any_images_of_one_shape() -> None:
    extractor, images = efficientnet_features((3, 20, 20)), noise(7)
    seen = extractor.extract(images, torch.arange(7))
    assert seen.features.shape == (7, extractor.size) and seen.features.dtype == torch.float64 and seen.images is images
    assert (
        seen.probabilities is None
        and extractor.classes == 0
        and (extractor.layer, extractor.resize) == ("b2+b4+b7", "clean 64")
    )
    for part in (images[:1], images[3:]):
        torch.testing.assert_close(extractor.extract(part).features, seen.features[-len(part) :] if len(part) > 1
                                   else seen.features[:1], rtol=1e-5, atol=1e-5)  # fmt: skip
    assert torch.isfinite(efficientnet_features((1, 8, 30)).extract(noise(2, 1, 8, 30)).features).all()


def test_how_an_extractor_looks_is_in_its_digest() -> None:
    small, same, large = (efficientnet_features((3, side, side)) for side in (20, 64, 100))
    assert small.digest == same.digest != large.digest and large.resize == "clean 112"


def test_efficientnet_tells_changes_that_pixels_hardly_show() -> None:
    """Noise of 8 grey levels moves a set's mean features far beyond the difference of two halves of the set."""
    data = open_data("avatars-32")
    images = data.images(torch.arange(96))
    noisy = (images + 8 * torch.randn(images.shape)).clamp(0, 255).to(torch.uint8)
    ratios = []
    for extractor in (efficientnet_features(data.shape), PixelFeatures(data.shape)):
        first, second, changed = (
            extractor.extract(part).features.mean(0) for part in (images[::2], images[1::2], noisy[::2])
        )
        ratios.append(float((changed - first).norm() / (second - first).norm()))
    assert ratios[0] > 8 and ratios[1] < 1


def test_inception_sees_features_and_classes() -> None:
    network, images = Inception().eval(), noise(2)
    tf, clean = (inception_of(network, rule) for rule in resizing.RULES)
    assert (tf.size, tf.classes, tf.name, tf.resize) == (2048, 1008, "inception-tf", "tf 299")
    assert tf.digest != clean.digest
    seen = tf.extract(images)
    values = resizing.tensorflow_bilinear(images, 299, 299)
    with torch.no_grad():
        found = network.outputs((values - 128) / 128, ("pool3", "logits"))
    torch.testing.assert_close(seen.features, found["pool3"].double(), rtol=1e-4, atol=1e-4)
    assert seen.probabilities is not None
    torch.testing.assert_close(seen.probabilities, found["logits"].double().softmax(1), rtol=1e-4, atol=1e-6)


def test_inception_needs_its_own_weights(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"--offline forbids.*pt_inception-2015-12-05-6726825d\.pth.*SHA-256 6726825d0af5f7"
    ):
        inception_features(cache=tmp_path, offline=True)
    (tmp_path / "other.pth").write_bytes(b"other")
    with pytest.raises(DataError, match=r"other\.pth has the SHA-256 d9298a10d1b07358.*SHA-256 6726825d0af5f729"):
        inception_features(weights=tmp_path / "other.pth", cache=tmp_path)
    with pytest.raises(UsageError, match="no resize rule 'bilinear'"):
        inception_features("bilinear", cache=tmp_path, offline=True)


class Tower(nn.Module):
    """Stands in for a transformer: mean colours."""

    num_features = 3

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.visual = SimpleNamespace(output_dim=3)

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) * self.weight

    def encode_image(self, images: Tensor) -> Tensor:
        return self(images)


OPTIONAL = {
    "timm": (dinov2_features, "belamy[dinov2]", 0.485),
    "open_clip": (clip_features, "belamy[clip]", 0.48145466),
}


@pytest.mark.parametrize("package", list(OPTIONAL))
def test_optional_networks_are_asked_for_what_they_are(
    package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    features, _, mean = OPTIONAL[package]
    asked: list[dict[str, Any]] = []

    def create_model(name: str, **options: Any) -> Tower:
        asked.append({"name": name, **options})
        return Tower()

    fake = ModuleType(package)
    fake.create_model = create_model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package, fake)
    extractor = features()
    grey = (torch.full((2, 1, 30, 40), mean) * 255).round().to(torch.uint8)
    seen = extractor.extract(grey)
    assert (
        seen.features.shape == (2, extractor.size)
        and abs(float(seen.features[0, 0])) < 0.01
        and extractor.resize == "clean 224"
    )
    file = tmp_path / "model.safetensors"
    save_file({"a": torch.zeros(1)}, file)
    features(weights=file, offline=True)
    assert str(file) in str(asked[1]) and asked[0]["pretrained"] and str(file) not in str(asked[0])
    with pytest.raises(DataError, match=r"--offline forbids.*--extractor-weights FILE"):
        features(offline=True)
    (tmp_path / "model.pth").touch()
    with pytest.raises(DataError, match=r"others could run code"):
        features(weights=tmp_path / "model.pth")
    fake.create_model = lambda *_, **__: (_ for _ in ()).throw(OSError("no route"))  # type: ignore[attr-defined]
    with pytest.raises(DataError, match=r"cannot be loaded: no route\. Without a network, give its file"):
        features()


@pytest.mark.parametrize("package", list(OPTIONAL))
def test_what_is_not_installed_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    features, extra, _ = OPTIONAL[package]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra) as raised:
        features()
    assert extra in str(raised.value)


# ---- the cache ----


class Counting:
    """Pixels as features, with two classes; counts what it looks at."""

    name, digest, size, classes, layer, resize = "counting", "abc", 48, 2, "", ""

    def __init__(self, exact: bool = True) -> None:
        self.looked, self.exact = 0, exact

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        self.looked += len(images)
        features = images.flatten(1).double() / (256 if self.exact else 255)
        first = features.mean(1)
        return ExtractedFeatures(features, torch.stack([first, 1 - first], 1), labels, images)


def same(first: ExtractedFeatures, second: ExtractedFeatures) -> bool:
    assert first.probabilities is not None and second.probabilities is not None
    return torch.equal(first.features, second.features) and torch.equal(first.probabilities, second.probabilities)


@pytest.mark.parametrize("exact", [True, False])
def test_what_was_seen_is_not_looked_at_again(tmp_path: Path, exact: bool) -> None:
    counting, images = Counting(exact), noise(10, 3, 4)
    whole = counting.extract(images)
    for parts in ([10], [3, 7], [1] * 10):
        cached = CachedFeatures(counting, tmp_path)
        counting.looked = 0
        seen = [cached.extract(part, torch.zeros(len(part))) for part in images.split(parts)]
        assert torch.equal(torch.cat([each.features for each in seen]), whole.features)
        assert counting.looked == (10 if parts == [10] else 0)
        assert seen[0].images is not None and seen[0].labels is not None
    kept = next(tmp_path.glob("*/*.safetensors")).stat().st_size
    assert (kept < 10 * 48 * 8) == exact  # float32 where nothing is lost
    twice = torch.cat([images, noise(2, 3, 4, seed=1)]).repeat(2, 1, 1, 1)
    assert (
        same(CachedFeatures(counting, tmp_path).extract(twice), Counting(exact).extract(twice)) and counting.looked == 2
    )


def test_caches_merge_by_copying_files(tmp_path: Path) -> None:
    counting, images = Counting(), noise(8, 3, 4)
    caches = [CachedFeatures(counting, tmp_path / name) for name in ("a", "b")]
    caches[0].extract(images[:5])
    caches[1].extract(images[3:])
    for path in caches[1].folder.iterdir():
        path.rename(caches[0].folder / path.name)
    counting.looked = 0
    assert same(caches[0].extract(images), Counting().extract(images)) and counting.looked == 0


def test_other_eyes_or_other_pixels_are_not_confused(tmp_path: Path) -> None:
    counting, other, images = Counting(), Counting(), noise(4, 3, 4)
    other.digest = "abd"
    CachedFeatures(counting, tmp_path).extract(images)
    CachedFeatures(other, tmp_path).extract(images)
    assert other.looked == 4
    CachedFeatures(counting, tmp_path).extract(images.view(4, 1, 12, 4))  # the same bytes in another shape
    assert counting.looked == 8


def test_a_damaged_cache_costs_time_only(tmp_path: Path) -> None:
    counting, images = Counting(), noise(6, 3, 4)
    CachedFeatures(counting, tmp_path).extract(images)
    path = next(tmp_path.glob("*/*.safetensors"))
    path.write_bytes(path.read_bytes()[:-100])
    for _ in range(2):
        assert same(CachedFeatures(counting, tmp_path).extract(images), Counting().extract(images))
    assert counting.looked == 12
    warm = CachedFeatures(counting, tmp_path)
    warm.extract(images)
    path.unlink()  # by another process that made room
    assert same(warm.extract(images), Counting().extract(images)) and counting.looked == 18
    (tmp_path / "file").write_text("a file, not a folder")
    assert same(CachedFeatures(counting, tmp_path / "file").extract(images), Counting().extract(images))


def test_the_cache_does_not_grow_without_end(tmp_path: Path) -> None:
    counting = Counting()
    cached = CachedFeatures(counting, tmp_path, limit=20_000)
    for seed in range(20):
        cached.extract(noise(10, 3, 4, seed=seed))
    assert 10_000 < sum(path.stat().st_size for path in tmp_path.glob("*/*.safetensors")) <= 20_000
    counting.looked = 0
    cached.extract(noise(10, 3, 4, seed=19))
    assert counting.looked == 0


def test_nothing_to_look_at(tmp_path: Path) -> None:
    assert len(CachedFeatures(Counting(), tmp_path).extract(noise(0, 3, 4))) == 0


# ---- the choice ----


def test_the_data_decide_where_nobody_else_does(noise: Dataset) -> None:
    colour = open_data("avatars-16")
    assert suited(noise) == "classifier" and suited(colour) == "efficientnet"
    assert suited(unlabelled(torch.zeros(4, 1, 8, 8, dtype=torch.uint8))) == "pixels"
    odd = Dataset("odd", Memory(torch.zeros(4, 3, 9, 9, dtype=torch.uint8)), labels=torch.arange(4) % 2, classes="ab")
    assert suited(odd) == "efficientnet"  # the classifier's strides do not divide 9


def test_extractors_are_chosen_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    colour = open_data("avatars-16")
    chosen = choose(None, colour, cache=tmp_path)
    assert chosen.name == "efficientnet-lite0"
    chosen.extract(colour.images(torch.arange(3)))
    assert len(list((tmp_path / "features").glob("efficientnet-lite0-*/*.safetensors"))) == 1
    assert choose("pixels", colour).name == "pixels"
    for name in ("inception", "inception_clean"):
        with pytest.raises(DataError, match="pt_inception"):
            choose(name, colour, cache=tmp_path, offline=True)
    with pytest.raises(UsageError, match=f"no extractor 'vgg'. Choose one of: {', '.join(NAMES)}"):
        choose("vgg", colour)
    with pytest.raises(UsageError, match="'pixels' takes no --extractor-weights"):
        choose("pixels", colour, weights=tmp_path / "x")
    with pytest.raises(UsageError, match="has no labels of two classes"):
        choose("classifier", colour, cache=tmp_path)


def test_stacked_digits_are_judged_digit_by_digit(noise: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Dataset] = []
    digits = tuple(f"{number:03}" for number in range(1000))
    colours = {name: Attribute(tuple("01"), torch.zeros(4, dtype=torch.long)) for name in ("red", "green", "blue")}
    pixels = Memory(torch.zeros(4, 3, 28, 28, dtype=torch.uint8))
    data = Dataset("stacked", pixels, labels=torch.arange(4), classes=digits, attributes=colours)
    monkeypatch.setattr(extractors, "open_data", lambda name, **_: {"mnist": noise}[name])
    monkeypatch.setattr(extractors, "trained_judge", lambda data, cache, say: judged.append(data))
    monkeypatch.setattr(extractors, "extractor", lambda data, run: Counting())
    extractor: Extractor = choose("classifier", data)
    assert extractor.name == "stacked-counting" and extractor.classes == 8 and judged == [noise]
