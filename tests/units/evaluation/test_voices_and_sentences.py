"""Features of pretrained encoders: voices of sounds, and the sense of texts; against independent computations."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from belamy.data.dataset import Dataset, Memory
from belamy.data.weights import MINILM, MINILM_PIECES
from belamy.errors import DataError, UsageError
from belamy.evaluation.features import sentences, speaker
from belamy.evaluation.pairs import measure
from belamy.judges.extractors import choose, of_kind, suited
from belamy.modalities.fields import Field
from belamy.modalities.text import Vocabulary
from belamy.modalities.word_pieces import WordPieces, words
from belamy.networks.sentence_encoder import SentenceEncoder
from belamy.networks.speaker_encoder import RATE, SpeakerEncoder, mel_energies, readings, slaney_filters

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "##s", "sat", ".", "un", "##able"]


def published(width: int = 64, depth: int = 2, inner: int = 96) -> dict[str, Tensor]:
    """Random tensors under the names that BERT's have."""
    source = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source, dtype=torch.float64) * 0.3

    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(PIECES), width),
        "embeddings.position_embeddings.weight": (12, width),
        "embeddings.token_type_embeddings.weight": (2, width),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(depth):
        at = f"encoder.layer.{layer}"
        linear = {"attention.self.query": (width, width), "attention.self.key": (width, width),
                  "attention.self.value": (width, width), "attention.output.dense": (width, width),
                  "intermediate.dense": (inner, width), "output.dense": (width, inner)}  # fmt: skip
        for name, (outputs, inputs) in linear.items():
            shapes |= {f"{at}.{name}.weight": (outputs, inputs), f"{at}.{name}.bias": (outputs,)}
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    for name in norms:
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    made = {name: drawn(*shape) for name, shape in shapes.items()}
    return made | {"embeddings.position_ids": torch.arange(12)[None], "pooler.dense.bias": drawn(width)}


def reference(tensors: dict[str, Tensor], pieces: Tensor, known: Tensor) -> Tensor:
    """The same by PyTorch's own transformer."""
    width, inner = (
        tensors["embeddings.word_embeddings.weight"].shape[1],
        len(tensors["encoder.layer.0.output.dense.weight"][0]),
    )
    norm = (tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"])
    values = (
        tensors["embeddings.word_embeddings.weight"][pieces]
        + tensors["embeddings.position_embeddings.weight"][: pieces.shape[1]]
    )
    values = nn.functional.layer_norm(
        values + tensors["embeddings.token_type_embeddings.weight"][0], (width,), *norm, 1e-12
    )
    for number in range(2):
        at = f"encoder.layer.{number}."
        layer = nn.TransformerEncoderLayer(
            width, width // 32, inner, 0.0, "gelu", 1e-12, True, dtype=torch.float64
        ).train()
        asked = [f"{at}attention.self.{name}" for name in ("query", "key", "value")]
        state = {"self_attn.in_proj_weight": torch.cat([tensors[f"{name}.weight"] for name in asked]),
                 "self_attn.in_proj_bias": torch.cat([tensors[f"{name}.bias"] for name in asked])}  # fmt: skip
        for theirs, ours in (("attention.output.dense", "self_attn.out_proj"), ("intermediate.dense", "linear1"),
                             ("output.dense", "linear2"), ("attention.output.LayerNorm", "norm1"),
                             ("output.LayerNorm", "norm2")):  # fmt: skip
            state |= {f"{ours}.{kind}": tensors[f"{at}{theirs}.{kind}"] for kind in ("weight", "bias")}
        layer.load_state_dict(state)
        values = layer(values, src_key_padding_mask=~known).detach()
    means = torch.stack([row[there].mean(0) for row, there in zip(values, known, strict=True)])
    return means / means.norm(dim=1, keepdim=True)


def test_sentences_are_those_of_an_independent_transformer() -> None:
    tensors = published()
    pieces, known = WordPieces(PIECES).rows(["The cats sat.", "cat", "unable cats sat the cat"])
    exact = SentenceEncoder.published(tensors).double()
    rounded = {
        name: tensor.float().double() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()
    }
    assert torch.allclose(exact(pieces, known), reference(rounded, pieces, known), atol=1e-10)
    alone = exact(*WordPieces(PIECES).rows(["cat"]))
    assert torch.allclose(exact(pieces, known)[1:2], alone, atol=1e-12)  # padding counts nowhere


def test_other_weights_are_refused() -> None:
    tensors = published()
    del tensors["encoder.layer.1.output.dense.bias"]
    with pytest.raises(DataError, match="not those of a MiniLM sentence encoder"):
        SentenceEncoder.published(tensors)
    with pytest.raises(DataError, match="not those of a MiniLM"):
        SentenceEncoder.published({"a": torch.zeros(1)})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The cats sat.", ["[CLS]", "the", "cat", "##s", "sat", ".", "[SEP]"]),
        ("  UNABLE\tcat ", ["[CLS]", "un", "##able", "cat", "[SEP]"]),
        ("sät dog", ["[CLS]", "sat", "[UNK]", "[SEP]"]),
        ("cat" * 40, ["[CLS]", "[UNK]", "[SEP]"]),
        ("", ["[CLS]", "[SEP]"]),
    ],
)
def test_words_become_pieces(text: str, wanted: list[str]) -> None:
    assert [PIECES[number] for number in WordPieces(PIECES).numbers(text)] == wanted


def test_pieces_have_bounds_and_words_are_apart() -> None:
    assert len(WordPieces(PIECES).numbers("cat " * 50, most=10)) == 10
    assert list(words("$5 for 中文, o'clock")) == ["$", "5", "for", "中", "文", ",", "o", "'", "clock"]
    with pytest.raises(DataError, match=r"lacks \[SEP\]"):
        WordPieces(PIECES[:3])


@pytest.fixture
def texts() -> Dataset:
    known = Vocabulary.of(["the cats sat.", "unable cat"])
    rows = torch.tensor([known.row(text, 14) for text in ["the cats sat.", "unable cat", "the cats sat."]])
    return Dataset("texts", Memory(rows), field=Field("text", (14,), known.symbols))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of small files in place of the published ones."""
    save_file(
        {name: tensor.float().contiguous() for name, tensor in published().items()}, tmp_path / "model.safetensors"
    )
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    for name, held in (("MINILM", MINILM), ("MINILM_PIECES", MINILM_PIECES)):
        digest = hashlib.sha256((tmp_path / held.name).read_bytes()).hexdigest()
        monkeypatch.setattr(sentences, name, replace(held, sha256=digest))
    return tmp_path


def test_texts_are_read_by_files_at_hand(texts: Dataset, files: Path, tmp_path: Path) -> None:
    raw = texts.store.read(torch.arange(3))
    made = choose("sentences", texts, weights=files / "model.safetensors", offline=True)
    found = made.extract(raw)
    assert found.features.shape == (3, 64) and torch.equal(found.features[0], found.features[2])
    assert torch.allclose(found.features.norm(dim=1), torch.ones(3, dtype=torch.float64), atol=1e-6)
    place = tmp_path / "cache" / "weights" / "all-MiniLM-L6-v2"
    place.mkdir(parents=True)
    for name in ("model.safetensors", "vocab.txt"):
        (place / name).write_bytes((files / name).read_bytes())
    cached = choose("sentences", texts, cache=tmp_path / "cache", offline=True)
    assert torch.equal(cached.extract(raw).features, found.features)


def test_missing_and_wrong_files_are_named(texts: Dataset, files: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--offline forbids.*all-MiniLM-L6-v2.*--extractor-weights FILE"):
        choose("sentences", texts, cache=tmp_path / "empty", offline=True)
    (files / "vocab.txt").write_text("other\n")
    with pytest.raises(DataError, match=r"vocab.txt has the SHA-256"):
        choose("sentences", texts, weights=files / "model.safetensors", offline=True)
    with pytest.raises(UsageError, match=r"takes no --extractor-weights.*or sentences"):
        choose("ngrams", texts, weights=files / "model.safetensors")


def test_what_is_looked_at_without_a_name_stays() -> None:
    assert (
        suited(
            Dataset("s", Memory(torch.zeros(2, 1, 800, dtype=torch.int16)), field=Field("audio", (1, 800), rate=8000.0))
        )
        == "mel"
    )
    assert of_kind("audio")[:2] == ["mel", "speaker"] and of_kind("text")[:2] == ["ngrams", "sentences"]


def voice(pitch: float, formants: tuple[float, ...], seed: int, rate: int = RATE, seconds: float = 2.0) -> Tensor:
    """Harmonics under formants, with a melody of its own.  # [samples]"""
    time = np.arange(int(seconds * rate)) / rate
    source = np.random.default_rng(seed)
    height = pitch * (1 + 0.06 * np.sin(2 * np.pi * source.uniform(1, 2) * time + source.uniform(0, 6)))
    phase, made = 2 * np.pi * np.cumsum(height) / rate, np.zeros_like(time)
    for number in range(1, int(3500 / pitch)):
        gain = sum(np.exp(-(((number * pitch - formant) / 250) ** 2)) for formant in formants) + 0.02
        made += gain / number**0.3 * np.sin(number * phase)
    return torch.from_numpy(0.3 * made / np.abs(made).max()).float()


def test_a_voice_is_nearer_to_itself_than_to_another() -> None:
    network = SpeakerEncoder.pretrained()
    low = [voice(110, (600, 1100, 2400), seed) for seed in (0, 1)]
    high = [voice(230, (800, 1800, 3000), seed) for seed in (0, 1)]
    alike = network.voices(torch.stack([*low, *high]))
    assert torch.allclose(alike.norm(dim=1), torch.ones(4), atol=1e-5)
    near = alike @ alike.T
    assert min(near[0, 1], near[2, 3]) > near[:2, 2:].max() + 0.1
    similarity = measure("speaker-similarity:rate=16000")
    told = similarity(torch.stack([low[0], high[0], low[0]]), torch.stack([low[1], high[1], high[0]]))
    torch.testing.assert_close(told, near[[0, 2, 0], [1, 3, 2]].double(), rtol=0, atol=1e-4)
    with pytest.raises(UsageError, match="8,000 samples a second, but the speaker encoder hears 16,000"):
        measure("speaker-similarity:rate=8000")
    quiet = network.voices(0.05 * low[0][None])  # raised to the usual loudness
    assert torch.allclose(quiet @ network.voices(0.02 * low[0][None]).T, torch.ones(1, 1), atol=1e-4)
    assert torch.isfinite(network.voices(torch.zeros(1, 4000))).all()


def test_sounds_of_another_rate_are_resampled() -> None:
    found = []
    for rate in (16_000, 24_000):
        field = Field("audio", (1, 2 * rate), rate=float(rate))
        raw = (voice(110, (600, 1100, 2400), 0, rate) * 32767).to(torch.int16)[None, None]
        found.append(speaker.Extractor(field).extract(raw).features[0])
    assert float(found[0] @ found[1]) > 0.99
    assert found[0].shape == (256,) and found[0].dtype == torch.float64


def test_mel_bands_have_area_one_and_a_sine_falls_into_its_own() -> None:
    bank = slaney_filters()
    assert bank.shape == (40, 201)
    width = RATE / 2 / 200
    assert ((bank.sum(1) * width - 1).abs() < 0.25).all()  # triangles on a grid of 40 Hz
    linear = torch.tensor([1000.0 * 3 / 200 + 27 * np.log(8.0) / np.log(6.4)]) / 41
    wave = (2 * torch.pi * 1000 * torch.arange(RATE, dtype=torch.float64) / RATE).sin()[None]
    loudest = int(mel_energies(wave)[0, :, 50].argmax())
    assert abs((loudest + 1) * float(linear) - 15) < 1  # mel 15 is 1 kHz
    assert readings(16_000 * 8)[-1] + 160 >= 0.75 * 800 and readings(100) == [0]
