"""Extractors, cards and the panel."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from belamy.errors import UsageError
from belamy.evaluation.features.classifier import ClassifierFeatures, weights_digest
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.evaluation.features.stacked import StackedFeatures
from belamy.networks.convnet import Classifier


def classifier(channels: int = 1, classes: int = 3) -> ClassifierFeatures:
    torch.manual_seed(0)
    return ClassifierFeatures(Classifier((channels, 8, 8), classes, width=4), "small")


def pixels(count: int, channels: int = 1) -> torch.Tensor:
    return torch.randint(0, 256, (count, channels, 8, 8), dtype=torch.uint8)


class TestClassifierFeatures:
    def test_features_lead_to_the_probabilities(self) -> None:
        extractor = classifier()
        seen = extractor.extract(pixels(5), torch.arange(5))
        assert seen.features.shape == (5, extractor.size) and seen.features.dtype == torch.float64
        assert seen.probabilities is not None
        expected = extractor.network.head(seen.features.float()).double().softmax(1)
        torch.testing.assert_close(seen.probabilities, expected, rtol=1e-5, atol=1e-6)
        assert seen.labels is not None and seen.labels.tolist() == [0, 1, 2, 3, 4]

    def test_what_is_seen_does_not_depend_on_the_others(self) -> None:
        extractor, images = classifier(), pixels(6)
        whole = extractor.extract(images).features
        for index in range(6):
            torch.testing.assert_close(
                extractor.extract(images[[index]]).features[0], whole[index], rtol=1e-5, atol=1e-6
            )

    def test_the_digest_tells_weights_apart(self) -> None:
        first, second = classifier(), classifier()
        assert first.digest == second.digest
        state = {name: value.clone() for name, value in first.network.state_dict().items()}
        state["head.1.bias"][0] += 1e-6
        assert weights_digest(state) != first.digest

    def test_a_network_without_features_is_refused(self) -> None:
        with pytest.raises(UsageError, match="'plain' shows no features"):
            ClassifierFeatures(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), "plain")


def test_the_class_of_stacked_channels_reads_as_a_number() -> None:
    single = classifier(classes=10)
    extractor, images = StackedFeatures(single), pixels(4, 3)
    told = [single.extract(images[:, [channel]]).told for channel in range(3)]
    assert told[0] is not None and told[1] is not None and told[2] is not None
    seen = extractor.extract(images)
    assert seen.told is not None and seen.probabilities is not None
    assert seen.told.tolist() == (100 * told[0] + 10 * told[1] + told[2]).tolist()
    torch.testing.assert_close(seen.probabilities.sum(1), torch.ones(4, dtype=torch.float64))
    assert seen.features.shape == (4, extractor.size) and extractor.classes == 1000


def test_pixel_features_are_the_means_of_fields() -> None:
    extractor = PixelFeatures((1, 4, 6), side=2)
    image = torch.zeros(1, 1, 4, 6, dtype=torch.uint8)
    image[..., :2, :3] = 255
    assert extractor.extract(image).features.tolist() == [[1, 0, 0, 0]] and extractor.size == 4
    assert PixelFeatures((3, 4, 4)).size == 48
