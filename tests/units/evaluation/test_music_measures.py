"""Measures of music against counts by hand: rules of voice leading, bars, tonal distances, copies, features."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import open_data
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.features import EXTRACTORS
from belamy.evaluation.metrics import METRICS
from belamy.evaluation.metrics.bars import long_notes, tonal_distances
from belamy.evaluation.metrics.copied_passages import longest_copies
from belamy.evaluation.music_metric import chroma, in_bars, rules_broken, tonal_centroid
from belamy.modalities.music import Modality, score_of
from belamy.modalities.score import rolls, told_apart
from belamy.registry import Part


def piece(*voices: list[int], each: int = 4) -> Tensor:
    """Voices of crotchets, which begin anew wherever the pitch changes; 0 for a rest.  # uint8 [1, voices, steps]"""
    pitch = torch.tensor(voices).repeat_interleave(each, 1)
    return told_apart(pitch, torch.zeros_like(pitch, dtype=torch.bool))[None]


def broken(*voices: list[int], ranges: Any = ()) -> dict[str, float]:
    return {name: float(count) for name, count in rules_broken(piece(*voices), ranges).items() if count}


class TestRules:
    def test_parallels(self) -> None:
        assert broken([67, 69], [60, 62]) == {"parallels": 1}  # fifths
        assert broken([72, 74], [60, 62]) == {"parallels": 1}  # octaves
        assert broken([72, 60], [60, 48]) == {"parallels": 1}  # down
        assert broken([79, 81], [60, 62]) == {"parallels": 1}  # a twelfth
        assert broken([60, 62], [60, 62]) == {"parallels": 1}  # unisons
        assert broken([67, 68], [60, 60]) == broken([67, 67], [60, 60]) == broken([64, 66], [60, 62]) == {}
        assert broken([67, 72], [60, 53]) == {}  # in contrary motion
        assert broken([67, 0, 69], [60, 0, 62]) == {}
        assert broken([76, 77, 79], [67, 69, 71], [60, 62, 64]) == {"parallels": 2}

    def test_crossings_spacing_leaps_and_ranges(self) -> None:
        assert broken([60, 60], [59, 62]) == {"crossings": 1}
        assert broken([60], [62], [64]) == {"crossings": 2}
        assert broken([73], [60], [48]) == {"spacing": 1}  # the lowest voice may be farther
        assert broken([72], [60], [40]) == broken([80], [60]) == {}
        assert broken([60, 70, 59, 72, 60]) == {"leaps": 3}
        assert broken([60, 0, 70]) == {}
        assert broken([60, 72, 59], ranges=((60, 71),)) == {"ranges": 2, "leaps": 1}

    def test_the_metric_counts_in_a_bar(self) -> None:
        codes = torch.cat([piece([67, 69, 71, 72], [60, 62, 64, 65]), piece([67, 67, 67, 67], [60, 60, 60, 60])])
        found = told("voice-leading", codes.repeat(3, 1, 1), bar=8)
        assert found["parallels"] == found["broken-rules"] == pytest.approx(3 / 2 / 2) and "ranges" in found

    def test_chords_by_formula_break_few_and_noise_many(self) -> None:
        data = open_data("progressions:count=20")
        codes = score_of(data.store.read(torch.arange(20)), data.field)
        drawn = rules_broken(codes, ())
        assert drawn["crossings"].sum() == 0 and all(counts.mean() < 1 for counts in drawn.values())  # passing notes
        shuffled = codes.flatten()[torch.randperm(codes.numel())].view_as(codes)
        assert rules_broken(shuffled, ())["crossings"].mean() > 20


def told(name: str, fake: Tensor, train: Tensor | None = None, bar: int = 16) -> dict[str, float]:
    """What a metric tells of pieces."""
    field = Modality(voices=fake.shape[1], bar=bar).field(fake.shape[2])

    def seen(codes: Tensor) -> ExtractedFeatures:
        return ExtractedFeatures(torch.zeros(len(codes), 1), None, None, rolls(codes, 36, 81), field)

    metric = METRICS.build(Part.parse(name))
    metric.update(fake=seen(fake), real=seen(fake), **({} if train is None else {"train": seen(train)}))
    return metric.compute()  # type: ignore[no-any-return]


class TestBars:
    def test_by_hand(self) -> None:
        codes = piece([60, 62, 64, 60, 0, 0, 0, 0], [48, 48, 48, 48, 50, 50, 62, 0])
        found = told("bars", torch.cat([codes, codes]))
        assert found["empty-bars"] == 1 / 4 and found["used-pitch-classes"] == (3 + 1 + 0 + 1) / 4
        assert found["qualified-notes"] == 1
        quick = told_apart(torch.tensor([[60, 62, 62, 64, 64, 64, 0, 65]]), torch.zeros(1, 8, dtype=torch.bool))[None]
        assert [float(long_notes(quick, steps)) for steps in (1, 2, 3, 4)] == [4, 2, 1, 0]
        assert told("bars:steps=3", torch.cat([quick, quick]), bar=8)["qualified-notes"] == 0.25
        assert set(told("bars", torch.zeros(2, 2, 16, dtype=torch.uint8))) == {"empty-bars", "used-pitch-classes"}

    def test_tonal_distance_of_notes(self) -> None:
        """Harte et al. 2006: of two notes k semitones apart, 2 r sin(k angle / 2) in each circle."""
        for apart in range(13):
            expected = math.sqrt(
                sum((2 * r * math.sin(apart * angle / 2)) ** 2 for r, angle in
                    ((1, 7 * math.pi / 6), (1, 3 * math.pi / 2), (0.5, 2 * math.pi / 3)))
            )  # fmt: skip
            found, count = tonal_distances(torch.tensor([[[60 + apart] * 4, [60] * 4]]))
            assert float(found) == pytest.approx(expected, abs=1e-12) and float(count) == 1
        found, count = tonal_distances(torch.tensor([[[60] * 4 + [0] * 4, [60] * 4 + [62] * 4]]))
        assert (float(found), float(count)) == (pytest.approx(0, abs=1e-12), 1)

    def test_chroma_and_bars(self) -> None:
        classes = chroma(torch.tensor([60, 72, 64, 0]))
        assert classes[0] == 2 and classes[4] == 1 and classes.sum() == 3
        assert tonal_centroid(classes).shape == (6,)
        assert in_bars(torch.arange(11), 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


class TestCopies:
    KNOWN = piece([60, 62, 64, 65, 67, 69], [48, 50, 52, 53, 55, 57])

    def test_longest(self) -> None:
        same = self.KNOWN.clone()
        again = self.KNOWN.clone()
        again[..., 0] = again[..., 4] = again[..., 5] | 128
        other = piece([72] * 6, [48] * 6)
        middle = piece([72, 62, 64, 65, 72, 72], [48, 50, 52, 53, 48, 48])
        higher = piece([61, 63, 66, 68, 70, 71], [49, 51, 54, 56, 58, 59])
        silent = torch.zeros_like(same)
        made = torch.cat([same, other, middle, higher, silent])
        assert longest_copies(made, torch.cat([self.KNOWN, silent])).tolist() == [6, 0, 3, 0, 0]
        shifted = torch.roll(self.KNOWN, 1, 2)  # on no beat
        assert longest_copies(shifted, self.KNOWN).tolist() == [0]

    def test_the_metric(self) -> None:
        made = torch.cat([self.KNOWN, piece([72, 62, 64, 65, 72, 72], [48, 50, 52, 53, 48, 48])])
        found = told("copied-passages:beats=4", made, self.KNOWN)
        assert found == {"longest-copy": 4.5, "copied-pieces": 0.5}
        assert told("copied-passages:beats=3", made, self.KNOWN)["copied-pieces"] == 1


def test_features_are_shares() -> None:
    codes = piece([60, 62, 62, 0], [48, 48, 50, 50])
    field = Modality(voices=2).field(16)
    extractor = EXTRACTORS.build(Part(name="notes"), field=field)
    found = extractor.extract(rolls(codes, 36, 81)).features[0]
    assert len(found) == extractor.size and torch.isfinite(found).all()
    classes, leaps, apart, lengths, voices = found.split([12, 13, 12, 7, 6])
    assert classes.tolist() == [0.5, 0, 0.5] + [0] * 9 and leaps[2] == 1 and leaps.sum() == 1
    assert apart[0] == pytest.approx(2 / 3) and apart[2] == pytest.approx(1 / 3)
    assert lengths.tolist() == [0, 0, 0, 0.25, 0, 0.75, 0]
    assert voices[2:].tolist() == [2 / 16, 2 / 16, 0.25, 0]
