"""Unmasking of other kinds than pictures: each trace against what it must be, and examinations of known answers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from belamy.errors import DataError, UsageError
from belamy.forensics.comparison import Sets
from belamy.forensics.examination import ForensicsSettings
from belamy.forensics.page import render
from belamy.forensics.sample_traces import SAMPLE_TRACES, traces_for
from belamy.forensics.sample_traces.sound_spectrum import comb
from belamy.forensics.samples import check_kind, compare_samples, examine_samples, nearest
from belamy.forensics.testing import holm
from belamy.modalities import MODALITIES
from belamy.modalities.fields import Field
from belamy.modalities.music import Modality
from belamy.modalities.score import rolls, told_apart
from belamy.modalities.text import Vocabulary
from belamy.registry import Part
from belamy.seeds import generator

KNOWN = Vocabulary.of(["abcdefghijklmnopqrstuvwxyz '"])
FIELDS = {
    "audio": Field("audio", (1, 2048), rate=16000.0),
    "text": Field("text", (20,), KNOWN.symbols),
    "volume": Field("volume", (1, 8, 8, 8)),
    "video": Field("video", (4, 3, 8, 8)),
    "series": Field("series", (24, 2), ("a", "b"), facts={"low": [-2.0, -2.0], "high": [2.0, 2.0]}),
    "vector": Field("vector", (5,)),
    "music": Modality(voices=2, lowest=48, highest=71, bar=8).field(16),
}


def drawn(kind: str, count: int, seed: int) -> Tensor:
    """Samples without any structure, as files hold them."""
    source, shape = generator(seed, kind), (count, *FIELDS[kind].shape)
    if kind == "audio":
        return (torch.randn(shape, generator=source) * 3000).to(torch.int16)
    if kind == "text":
        rows = torch.randint(3, len(KNOWN.symbols), shape, generator=source)
        rows[:, 15:] = 0
        rows[:, 15] = 1
        return rows
    if kind in ("volume", "video"):
        return torch.randint(0, 256, shape, generator=source, dtype=torch.uint8)
    if kind == "music":
        pitch = torch.randint(48, 68, shape[:3], generator=source)
        return rolls(told_apart(pitch, torch.zeros_like(pitch, dtype=torch.bool)), 48, 71)
    return torch.rand(shape, generator=source, dtype=torch.float32) * 2 - 1


def described(name: str, kind: str, raw: Tensor) -> Tensor:
    return SAMPLE_TRACES.build(Part(name=name), field=FIELDS[kind]).describe(raw)  # type: ignore[no-any-return]


PAIRS = [(name, kind) for kind in FIELDS for name in traces_for(kind)]


def test_every_kind_has_traces_or_is_refused() -> None:
    for kind in map(str, MODALITIES.names()):
        if kind.replace("-", "_") not in (*FIELDS, "table", "image", "label_map", "category"):
            continue  # of another package
        if kind in ("label-map", "category"):
            with pytest.raises(UsageError, match=r"unmask knows no traces of .*; it knows those of pictures, films"):
                check_kind(kind.replace("-", "_"))
    assert {name for name, _ in PAIRS} == set(SAMPLE_TRACES.names())


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_numbers_are_finite_and_of_each_sample_alone(name: str, kind: str) -> None:
    raw = drawn(kind, 7, 0)
    numbers = described(name, kind, raw)
    assert numbers.dtype == torch.float64 and numbers.shape[0] == 7 and torch.isfinite(numbers).all()
    parts = torch.cat([described(name, kind, part) for part in raw.split(3)])
    torch.testing.assert_close(parts, numbers, rtol=1e-9, atol=1e-9)
    assert torch.isfinite(described(name, kind, torch.zeros_like(raw))).all()


def test_the_comb_of_a_stride_stands_out() -> None:
    noise = torch.randn(40, 2048, generator=generator(0, "noise"), dtype=torch.float64)

    def marks(waves: Tensor, stride: int) -> float:
        window = torch.hann_window(2048, dtype=torch.float64)
        return float(comb(torch.fft.rfft(waves * window).abs().square(), 2048, stride).mean())

    tone = 0.3 * (2 * math.pi * torch.arange(2048, dtype=torch.float64) / 4).cos()
    assert abs(marks(noise, 4)) < 0.3 and marks(noise + tone, 4) > 2
    assert abs(marks(noise + 0.3 * (2 * math.pi * torch.arange(2048) / 5).cos(), 4)) < 0.3


def test_levels_count_clipping_silence_and_offset() -> None:
    raw = torch.zeros(1, 1, 2048, dtype=torch.int16)
    raw[0, 0, :512], raw[0, 0, 512:1024] = 32767, -32768
    found = described("sound-levels", "audio", raw)[0]
    assert found[:5].tolist() == pytest.approx([1.0, 1 / 2047, 0.5, 0.5, 0.5])
    assert float(found[5]) == pytest.approx(0, abs=1e-4)
    assert found[9:13].exp().tolist() == pytest.approx([1] * 4, abs=1e-3) and float(found[13:].max()) < -20


def test_spelling_is_counted() -> None:
    row = torch.tensor([KNOWN.row("aab cab", 20)])
    found = described("text-symbols", "text", row)[0].tolist()
    assert found[:5] == [7, 2, 3, 3, 3] and found[5] == pytest.approx(1 / 7)
    assert found[12:15] == pytest.approx([3 / 7, 2 / 7, 1 / 7]) and found[-1] == pytest.approx(1 / 7)


def test_autocorrelation_of_a_wave() -> None:
    steps = torch.arange(24.0)
    wave = (2 * math.pi * steps / 8).sin()
    raw = torch.stack([wave, torch.ones(24)], 1)[None]
    found = described("autocorrelation", "series", raw)[0].view(-1, 2)
    exact = np.sin(2 * np.pi * np.arange(24) / 8) / 2  # on [-1, 1], of a range of [-2, 2]
    for place, lag in enumerate((1, 2, 3, 4, 6, 8)):
        wanted = np.mean(exact[lag:] * exact[:-lag]) / np.mean(exact**2)
        assert float(found[place, 0]) == pytest.approx(wanted, abs=1e-5)
        assert wanted == pytest.approx(math.cos(2 * math.pi * lag / 8), abs=0.1)  # but for the ends
    assert found[:, 1].abs().max() < 1e-6 and 0.2 < float(found[-1, 0]) < 0.3  # a turn each half period


def test_occupancy_sees_halves_and_mirrors() -> None:
    raw = torch.zeros(1, 1, 8, 8, 8, dtype=torch.uint8)
    raw[0, 0, :4] = 255
    found = described("occupancy", "volume", raw)[0]
    assert float(found[0]) == 0.5 and found[1:9].tolist() == [1] * 4 + [0] * 4
    assert [float(found[9]), float(found[19]), float(found[29])] == [1, 0, 0]  # only the first direction has no mirror
    assert float(found[-1]) == 0
    raw[0, 0, 7, 7, 7] = 255
    assert float(described("occupancy", "volume", raw)[0, -1]) == pytest.approx(1 / 512)


def changed(kind: str, raw: Tensor) -> Tensor:
    """Samples that are generated, plainly."""
    if kind == "audio":
        return (raw.float() + 3000 * (2 * math.pi * torch.arange(2048) / 4).cos()).to(torch.int16)
    if kind == "text":
        return torch.where(raw > 8, raw - 5, raw)
    if kind in ("volume", "video"):
        return (raw.float() * 0.8 + 20).to(torch.uint8)
    if kind == "music":  # a third higher
        return torch.cat([raw[..., :1], raw[..., 1:-1].roll(4, -1), raw[..., -1:]], -1)
    return raw * 0.4


@pytest.mark.parametrize("kind", FIELDS)
def test_generated_samples_are_told_and_real_ones_are_not(kind: str) -> None:
    settings = ForensicsSettings(permutations=199)
    real = drawn(kind, 200, 1)
    found = examine_samples(changed(kind, drawn(kind, 80, 2)), real, FIELDS[kind], settings, notes=["Real images."])
    assert found.separating and found.matched.headline.name == "together"
    assert found.matched.headline.auroc.value > 0.9 and found.control_alarms == 0
    assert 0.5 < found.matched.headline.operating.accuracy.value <= 1
    assert found.facts()["generated"] and not found.matched.rules
    page = render(found, "fakes", "real", {})
    assert "Rules of real images" not in page and "data:image/" in page
    assert "image" not in found.verdict and not any("image" in note for note in found.notes)
    honest = examine_samples(drawn(kind, 80, 3), real, FIELDS[kind], settings)
    assert not honest.separating and "Nothing tells" in honest.verdict and honest.copies == 0
    copied = examine_samples(real[:80].clone(), real, FIELDS[kind], settings)
    assert copied.copies > 20


def test_real_samples_seldom_separate_from_real_ones() -> None:
    alarms = 0
    for seed in range(20):
        sets = Sets(*drawn("series", 120, seed).split(40))
        found = compare_samples(sets, FIELDS["series"], "control", ForensicsSettings(seed=seed, permutations=99), told)
        alarms += sum(p <= 0.05 for p in holm(found.p_values()).values()) > 0
    assert alarms <= 4  # one examination in twenty is expected to; five and more come once in 400 such counts


def told(share: float, text: str) -> None:
    assert 0 <= share <= 1 and text


def test_a_sample_is_not_its_own_neighbour() -> None:
    raw = drawn("vector", 250, 0)
    distances, places = nearest(raw, raw, FIELDS["vector"])
    assert float(distances.min()) > 0 and not (places == torch.arange(250)).any()
    again, same = nearest(raw.clone(), raw, FIELDS["vector"])
    assert float(again[:, 0].max()) < 1e-3 and torch.equal(same, torch.arange(250))


def test_too_few_are_refused() -> None:
    few: Any = drawn("vector", 29, 0)
    with pytest.raises(DataError, match="29 suspects and 100 real vectors"):
        examine_samples(few, drawn("vector", 100, 1), FIELDS["vector"], ForensicsSettings())
