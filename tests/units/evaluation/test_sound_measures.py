"""Measures of sounds against closed forms: pitch, log-spectral distance, SDR, composite ratings, DNSMOS."""

from __future__ import annotations

import math
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from belamy.data import open_data
from belamy.errors import MissingExtra, UsageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics.pitch_accuracy import Metric, cents_off
from belamy.evaluation.pairs import measure
from belamy.evaluation.pairs.dnsmos import SAMPLES
from belamy.evaluation.panel import unmet
from belamy.evaluation.speech_distances import (
    band_filters,
    log_likelihood_ratio,
    pieces,
    piecewise_snr,
    weighted_slope,
)
from belamy.evaluation.yin import differences, normalised, pitches
from belamy.modalities.pitches import frequency_of, name_of, named, pitch_of

RATE = 16_000


def noise(count: int, samples: int, seed: int = 0) -> Tensor:
    return torch.randn(count, samples, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


class TestPitch:
    @pytest.mark.parametrize("frequency", [32.7, 130.8, 440.0, 1046.5, 3000.0])
    @pytest.mark.parametrize("tone", ["sine", "saw", "missing fundamental"])
    def test_tones(self, frequency: float, tone: str) -> None:
        time = torch.arange(8192, dtype=torch.float64) / RATE
        first, last = {"sine": (1, 1), "saw": (1, 8), "missing fundamental": (2, 5)}[tone]
        partials = [k for k in range(first, last + 1) if k * frequency < RATE / 2]
        if first > 1 and len(partials) < 2:
            return
        sound = sum((2 * math.pi * k * frequency * time).sin() / k for k in partials)
        assert abs(float(cents_off(pitches(sound[None], RATE), torch.tensor([frequency])))) < 10  # type: ignore[index]

    def test_noise_and_silence_have_none(self) -> None:
        assert pitches(torch.cat([noise(2, 4096), torch.zeros(1, 4096)]), RATE).isnan().all()

    def test_differences_by_hand(self) -> None:
        piece = noise(1, 30)
        found = differences(piece, 18, 12)[0]
        by_hand = torch.stack([(piece[0, :18] - piece[0, lag : lag + 18]).square().sum() for lag in range(12)])
        torch.testing.assert_close(found, by_hand, atol=1e-10, rtol=1e-10)
        means = torch.stack([by_hand[1 : lag + 1].mean() for lag in range(1, 12)])
        torch.testing.assert_close(normalised(found), torch.cat([torch.ones(1).double(), by_hand[1:] / means]))

    def test_what_cannot_be_heard_is_refused(self) -> None:
        with pytest.raises(UsageError, match="8,000 samples a second"):
            pitches(noise(1, 4096), 4000)
        with pytest.raises(UsageError, match="too short"):
            pitches(noise(1, 8), RATE)

    def test_names_and_numbers(self) -> None:
        assert [named(name_of(pitch)) for pitch in range(12, 120)] == [*range(12, 120)]
        assert named("Cb4") == 59 and named("H4") is None and named("440 Hz") is None
        assert pitch_of(frequency_of(61.5)) == pytest.approx(61.5)

    def test_notes_by_formula_are_heard_right_and_shifted_ones_are_not(self) -> None:
        data = open_data("notes:count=24", length=8192)
        raw, labels = data.store.read(torch.arange(24)), data.labels
        assert labels is not None

        def told(asked: Tensor) -> dict[str, float]:
            metric = Metric(data.classes)
            seen = [ExtractedFeatures(torch.zeros(24, 1), None, each, raw, data.field) for each in (labels, asked)]
            metric.update(real=seen[0], fake=seen[1])
            return metric.compute()

        assert told(labels) == {"pitch-accuracy": 1.0, "pitch-accuracy-real": 1.0}
        wrong = torch.where(torch.arange(24) < 6, (labels + 1) % 12, labels)
        assert told(wrong)["pitch-accuracy"] == 0.75

    def test_classes_that_are_no_pitches_are_answered(self) -> None:
        said = unmet("pitch-accuracy", open_data("drums:count=40", length=512), "test", torch.arange(2))
        assert "has 'clap'" in said and "--labels" in said
        assert not unmet("pitch-accuracy", open_data("notes:count=40", length=512), "test", torch.arange(2))


class TestPairsOfSounds:
    def test_half_the_amplitude_is_6_decibels_away(self) -> None:
        some = noise(2, 4000)
        found = measure("lsd:rate=16000")(some, 0.5 * some)
        torch.testing.assert_close(found, torch.full((2,), 20 * math.log10(2)).double(), rtol=1e-4, atol=0)

    def test_sdr_with_one_tap_is_si_sdr_and_more_taps_forgive_filters(self) -> None:
        clean = noise(2, 3000)
        heard = 0.7 * clean + 0.1 * noise(2, 3000, 1)
        torch.testing.assert_close(
            measure("sdr:taps=1")(clean, heard), measure("si-sdr")(clean, heard), rtol=1e-8, atol=0
        )
        echo = clean + 0.5 * torch.nn.functional.pad(clean, (20, 0))[:, :3000]
        assert float(measure("si-sdr")(clean, echo).max()) < 8
        assert float(measure("sdr:taps=32")(clean, echo).min()) > 20

    def test_prediction_of_a_resonance(self) -> None:
        """Of order 16 the reference's own predictor is the best; noise filtered by another is worse predicted."""
        some = noise(1, 8000)
        assert float(log_likelihood_ratio(some, 3 * some, RATE).abs().max()) < 1e-9
        smooth = some[:, 1:] + 0.9 * some[:, :-1]
        assert float(log_likelihood_ratio(smooth, some[:, 1:], RATE).min()) > 0.3

    def test_slopes_heed_tilt_and_not_loudness(self) -> None:
        some = noise(1, 8000)
        assert float(weighted_slope(some, 5 * some, RATE).max()) < 1e-9
        tilted = some.clone()
        tilted[:, 1:] -= 0.9 * some[:, :-1]
        assert float(weighted_slope(some, tilted, RATE).mean()) > 0.5
        assert band_filters(RATE, 1024).shape == (25, 512)
        assert float(band_filters(RATE, 1024).max()) == 1.0

    def test_weights_of_slopes_band_by_band(self) -> None:
        """Peaks are looked for as Klatt says it: upwards where the slope rises, downwards where it falls."""
        from belamy.evaluation.speech_distances import _weights

        levels = noise(1, 50).view(1, 2, 25) * 10
        slopes = levels.diff(dim=-1)
        found = _weights(levels, slopes)
        for piece in range(2):
            level, slope = levels[0, piece].tolist(), slopes[0, piece].tolist()
            for band in range(24):
                place = band
                if slope[band] > 0:
                    while place < 24 and slope[place] > 0:
                        place += 1
                else:
                    while place >= 0 and slope[place] <= 0:
                        place -= 1
                    place += 1
                expected = 20 / (20 + max(level) - level[band]) / (1 + level[place] - level[band])
                assert float(found[0, piece, band]) == pytest.approx(expected), (piece, band)

    def test_pieces_have_ratios_within_limits(self) -> None:
        some = noise(1, 4000)
        assert pieces(some, RATE).shape == (1, 30, 480)
        torch.testing.assert_close(piecewise_snr(some, 0.9 * some, RATE), torch.full((1, 30), 20.0).double())
        assert (
            float(piecewise_snr(some, some, RATE).min()) == 35
            and float(piecewise_snr(some, -9 * some, RATE).max()) == -10
        )

    @pytest.mark.skipif(find_spec("pesq") is None, reason="pesq is compiled where it is installed")
    def test_composite_ratings_are_weighted_sums(self) -> None:
        time = torch.arange(24_000, dtype=torch.float64) / RATE
        clean = (0.3 * (2 * math.pi * 220 * time).sin() * ((2 * math.pi * 3 * time).sin() > 0))[None]
        heard = clean + 0.02 * noise(1, 24_000)
        pesq = float(measure("pesq:rate=16000")(clean, heard))
        each = [
            float(found.sort(1).values[:, : round(0.95 * found.shape[1])].mean())
            for found in (log_likelihood_ratio(clean, heard, RATE), weighted_slope(clean, heard, RATE))
        ]
        ratio = float(piecewise_snr(clean, heard, RATE).mean())
        wanted = {
            "signal": 3.093 - 1.029 * each[0] + 0.603 * pesq - 0.009 * each[1],
            "background": 1.634 + 0.478 * pesq - 0.007 * each[1] + 0.063 * ratio,
            "overall": 1.594 + 0.805 * pesq - 0.512 * each[0] - 0.007 * each[1],
        }
        for of, value in wanted.items():
            found = float(measure(f"composite:rate=16000,of={of}")(clean, heard))
            assert found == pytest.approx(min(max(value, 1), 5)), of
        with pytest.raises(UsageError, match="16,000"):
            measure("composite:rate=48000")


class TestDnsmos:
    def session(self, seen: list[Any]) -> Any:
        class Session:
            def __init__(self, path: str, providers: list[str]) -> None:
                if Path(path).read_bytes() != b"network":
                    raise RuntimeError("no protobuf")

            def run(self, _outputs: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
                seen.append(given["input_1"])
                return [np.array([[3.0, 2.0, float(len(seen))]], np.float32)]

        return SimpleNamespace(InferenceSession=Session)

    def test_windows_and_polynomials(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[Any] = []
        monkeypatch.setitem(sys.modules, "onnxruntime", self.session(seen))
        file = tmp_path / "sig_bak_ovr.onnx"
        file.write_bytes(b"network")
        sound = 0.1 * noise(1, SAMPLES + 2 * RATE + 5)
        found = float(measure(f"dnsmos:rate=16000,file={file}")(sound, sound))
        assert len(seen) == 3 and seen[2].shape == (1, SAMPLES) and seen[2].dtype == np.float32
        torch.testing.assert_close(torch.from_numpy(seen[1][0]), sound[0, RATE : RATE + SAMPLES].float())
        by_hand = [-0.06766283 * x * x + 1.11546468 * x + 0.04602535 for x in (1, 2, 3)]
        assert found == pytest.approx(sum(by_hand) / 3)
        signal = float(measure(f"dnsmos:rate=16000,file={file},of=signal")(sound[:, :50_000], sound[:, :50_000]))
        assert signal == pytest.approx(-0.08397278 * 9 + 1.22083953 * 3 + 0.0052439)
        torch.testing.assert_close(torch.from_numpy(seen[3][0, 50_000:100_000]), sound[0, :50_000].float())

    def test_wrong_uses(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "other.onnx"
        file.write_bytes(b"other")
        with pytest.raises(UsageError, match=r"16,000 samples a second\. Resample first"):
            measure(f"dnsmos:rate=48000,file={file}")
        with pytest.raises(UsageError, match="There is no file"):
            measure("dnsmos:rate=16000,file=missing.onnx")
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(MissingExtra, match="dnsmos"):
            measure(f"dnsmos:rate=16000,file={file}")
        monkeypatch.setitem(sys.modules, "onnxruntime", self.session([]))
        with pytest.raises(Exception, match="no network that onnxruntime can read"):
            measure(f"dnsmos:rate=16000,file={file}")
