"""What sounds that were made clean are measured by, beside what was heard, and what is said where that cannot be."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.api.translate import Translation, Translations
from belamy.api.translation_measures import measured
from belamy.evaluation.pairs import measure
from belamy.evaluation.pairs.usual import UsualMeasures
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.seeds import SampleDraws

RATE, SAMPLES = 16_000, 32_000
SOUND = Field("audio", (1, SAMPLES), rate=float(RATE))
COMPILED = pytest.mark.skipif(
    find_spec("pesq") is None, reason="pesq is compiled where it is installed: pip install pesq"
)
USUAL = ["snr", "si-sdr", "segmental-snr", "lsd"]


class Halving:
    """Gives back what is heard half as loud; a rival takes the least loud tenth off."""

    source, target = "noisy", "audio"

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        raise NotImplementedError

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        return {"untouched": source, "gate": source * (source.abs() > source.abs().quantile(0.1))}

    @property
    def degraded(self) -> Field:
        return SOUND

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        return source / 2


def talking(pitch: float) -> Tensor:
    """Harmonics that rise and fall as syllables do, with pauses.  # [1, SAMPLES] in [-1, 1]"""
    time = torch.arange(SAMPLES, dtype=torch.float64) / RATE
    voice = sum(torch.sin(2 * math.pi * pitch * k * time) / k for k in range(1, 20))
    return (0.2 * voice * (torch.sin(2 * math.pi * 3 * time).clamp(min=0)))[None]


def raw(values: Tensor) -> Tensor:
    return modality("audio").to_raw(values[None], SOUND)[0]


@pytest.fixture
def triples() -> list[tuple[Tensor, Tensor, Tensor | None]]:
    """Two sentences, silence, one that was made silent, and one whose clean form nobody knows."""
    noise = torch.randn(5, 1, SAMPLES, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    clean = [talking(110), talking(170), torch.zeros(1, SAMPLES, dtype=torch.float64), talking(130), talking(140)]
    heard = [each + 0.02 * hiss for each, hiss in zip(clean, noise, strict=True)]
    found: list[Any] = [(raw(dirty), raw(dirty / 2), raw(true)) for dirty, true in zip(heard, clean, strict=True)]
    return [*found[:3], (found[3][0], torch.zeros_like(found[3][1]), found[3][2]), (*found[4][:2], None)]


@COMPILED
def test_speech_is_measured_as_speech_where_that_is_defined() -> None:
    def told(field: Field) -> list[str]:
        return list(UsualMeasures(speech=True).of(field))

    assert told(SOUND) == told(SOUND._replace(rate=8000.0)) == [*USUAL, "pesq", "stoi"]
    assert told(SOUND._replace(rate=None)) == USUAL[:2]
    assert list(UsualMeasures().of(SOUND)) == USUAL
    assert told(SOUND._replace(rate=44_100.0)) == [*USUAL, "stoi"]
    assert told(SOUND._replace(shape=(2, SAMPLES))) == USUAL


@pytest.mark.parametrize(
    ("field", "name", "why"),
    [
        (SOUND._replace(rate=44_100.0), "pesq", "measured at 16,000 samples a second"),
        (SOUND._replace(rate=4000.0), "stoi", "at least 8,000"),
        (SOUND._replace(shape=(2, SAMPLES)), "stoi", "these sounds have 2"),
    ],
)
def test_it_is_said_why_a_measure_is_left_out(field: Field, name: str, why: str) -> None:
    usual = UsualMeasures(speech=True)
    assert name not in usual.of(field) and why in usual.left_out[name]


def test_packages_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belamy.evaluation.pairs.usual.find_spec", lambda name: None)
    usual = UsualMeasures(speech=True)
    assert list(usual.of(SOUND)) == USUAL
    assert all("pip install 'belamy[audio]'" in why for why in usual.left_out.values()) and len(usual.left_out) == 2


NETWORK = """from pathlib import Path


class InferenceSession:
    def __init__(self, file, providers):
        assert Path(file).read_text() == "network"

    def run(self, _, given):
        import numpy
        return [numpy.array([[3.0, 2.0, 1.0]], numpy.float32)]
"""


def test_dnsmos_is_heard_where_its_packages_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = tmp_path / "speechmos" / "dnsmos_models" / "sig_bak_ovr.onnx"
    held.parent.mkdir(parents=True)
    held.write_text("network")
    (tmp_path / "speechmos" / "__init__.py").write_text("raise ImportError('nothing of it is run')")
    (tmp_path / "onnxruntime.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    found = UsualMeasures(speech=True).of(SOUND)
    sound = torch.full((2, 1, 8), 0.1)
    assert list(found)[-1] == "dnsmos"
    assert found["dnsmos"](sound, sound).tolist() == pytest.approx([-0.06766283 + 1.11546468 + 0.04602535] * 2)
    assert "dnsmos" not in UsualMeasures(speech=True).of(SOUND._replace(rate=8000.0))
    assert "dnsmos" not in UsualMeasures().of(SOUND)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    (tmp_path / "onnxruntime.py").unlink()
    assert "dnsmos" not in UsualMeasures(speech=True).of(SOUND)


@COMPILED
def test_everybody_is_measured_on_the_same_pairs(triples: list[tuple[Tensor, Tensor, Tensor | None]]) -> None:
    notes: list[str] = []
    found = measured(triples, Halving(), SOUND, SOUND, notes)
    assert list(found) == ["made", "untouched", "gate"]
    assert all(list(measures) == [*USUAL, "pesq", "stoi"] for measures in found.values())
    assert notes == [
        f"{name}: {count} of 4 pairs hold too little sound for it and do not count"
        for name, count in (("pesq", 2), ("stoi", 1))
    ]
    assert all(measures["pesq"].isnan().tolist() == [False, False, True, True] for measures in found.values())
    pesq = measure("pesq:rate=16000")
    for place, (given, _, wanted) in enumerate(triples[:2]):
        assert wanted is not None
        heard, true = (modality("audio").to_float(each[None], SOUND).double() for each in (given, wanted))
        assert found["untouched"]["pesq"][place] == pesq(true, heard)[0]
        for text in ("segmental-snr:rate=16000,clamp=true", "lsd:rate=16000"):
            assert found["untouched"][text.partition(":")[0]][place] == measure(text)(true, heard)[0]
    assert all(measures["stoi"].isnan().tolist() == [False, False, True, False] for measures in found.values())
    assert found["made"]["si-sdr"][:2].tolist() == pytest.approx(found["untouched"]["si-sdr"][:2].tolist(), abs=0.01)


@COMPILED
def test_tables_tell_the_rate_and_leave_out_what_could_not_be_scored(
    triples: list[tuple[Tensor, Tensor, Tensor | None]],
) -> None:
    notes: list[str] = []
    found = measured(triples, Halving(), SOUND, SOUND, notes)
    items = [Translation(str(place), *each) for place, each in enumerate(triples)]
    made = Translations(SOUND, SOUND, items, found["made"], found["untouched"], {"gate": found["gate"]}, notes=notes)
    own, untouched = made.summaries()["pesq"]
    assert untouched is not None and own.count == untouched.count == 2
    assert own.mean is not None and own.mean.value == pytest.approx(float(found["made"]["pesq"][:2].mean()))
    shown = made.page()
    assert "pesq at 16,000 Hz" in shown and "stoi at 16,000 Hz" in shown and "nan" not in shown.partition("<audio")[0]


@COMPILED
def test_sounds_too_short_for_speech_lose_its_measures_alone() -> None:
    short = SOUND._replace(shape=(1, 512))
    sound = (torch.arange(512)[None] % 100 * 100).to(torch.int16)
    notes: list[str] = []
    found = measured([(sound, sound // 2, sound)], Halving(), short, short, notes)
    assert list(found["made"]) == USUAL
    assert notes == [f"{name} is left out: no pair holds enough sound for it" for name in ("pesq", "stoi")]
