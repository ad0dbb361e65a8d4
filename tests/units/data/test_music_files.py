"""Music from MIDI files and archives of steps, and by formula."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from belamy.data import open_data
from belamy.data.harmony import RANGES, costs, degrees, piece, settings
from belamy.errors import BelamyError
from belamy.modalities.midi import encode_midi
from belamy.modalities.music import score_of
from belamy.modalities.waves import encode_wav

COUNT = 24


def pieces() -> list[np.ndarray]:
    """Pieces of 8 bars for four voices."""
    return [piece(np.random.default_rng(number), 2, "major", 32) for number in range(COUNT)]


def archive(path: Path, **changes: Any) -> Path:
    """The pieces in one file."""
    found = pieces()
    arrays = {
        "steps": np.concatenate(found, 1).T, "lengths": np.array([each.shape[1] for each in found]),
        "names": np.array([f"piece {number}" for number in range(COUNT)]), "fifths": np.full(COUNT, 2),
        "time": np.array(["4/4"] * COUNT), **changes,
    }  # fmt: skip
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_an_archive(tmp_path: Path) -> None:
    data = open_data(archive(tmp_path / "a.npz"), modality="music")
    assert len(data) == 2 * COUNT and data.shape == (4, 64, 48) and data.field.rate == 6
    held = {data.names[index] for index in data.splits["test"].tolist()} if data.names else set()
    assert len(held) == 2 and len(data.splits["test"]) == 4 and data.rule == "a tenth of the pieces held out by seed 0"
    codes = score_of(data.store.read(torch.arange(2)), data.field).numpy()
    whole = pieces()[0].copy()
    whole[:, 64] |= 128
    assert np.array_equal(np.concatenate(codes, 1), whole)
    overlapping = open_data(tmp_path / "a.npz", modality="music:stride=1", length=32, rate=8)
    assert len(overlapping) == 7 * COUNT and overlapping.shape == (4, 32, 48) and overlapping.field.rate == 8


def test_the_common_key(tmp_path: Path) -> None:
    data = open_data(archive(tmp_path / "a.npz"), modality="music:key=common")
    codes = score_of(data.store.read(torch.arange(len(data))), data.field)
    assert set((codes[codes > 0].long() & 127).remainder(12).tolist()) == {0, 2, 4, 5, 7, 9, 11}
    assert codes[0, 3, 0] + 2 == pieces()[0][3, 0]


def test_midi_files_are_the_same_music(tmp_path: Path) -> None:
    for number, codes in enumerate(pieces()):
        folder = tmp_path / "tunes" / ("light" if number % 2 else "grave")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02d}.mid").write_bytes(encode_midi(codes, 6.0, 16))
    (tmp_path / "tunes" / "light" / "broken.mid").write_bytes(b"MThd")
    (tmp_path / "tunes" / "light" / "waltz.mid").write_bytes(encode_midi(pieces()[0], 6.0, 12))
    (tmp_path / "tunes" / "light" / "trio.mid").write_bytes(encode_midi(pieces()[0][:3], 6.0, 16))
    data = open_data(tmp_path / "tunes")
    assert len(data) == 2 * COUNT and data.classes == ("grave", "light") and len(data.splits["test"]) == 4
    known = {name.rpartition("/")[2]: why for name, why in data.skipped}
    assert known["broken.mid"] == "it is no MIDI file" and "12 steps, not 16: music:bar=12" in known["waltz.mid"]
    assert "3 voices, not 4: music:voices=3" in known["trio.mid"]
    streamed = open_data(tmp_path / "tunes", memory_budget=1000)
    order = torch.arange(len(data))
    assert streamed.streams and torch.equal(streamed.store.read(order), data.store.read(order))
    one = open_data(tmp_path / "tunes" / "grave" / "00.mid")
    assert len(one) == 2 and list(one.splits) == ["train"]


def test_one_piece_among_sounds_makes_no_music_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(encode_midi(pieces()[0], 6.0, 16))
    for number in range(1, 4):
        tone = np.sin(np.arange(4000) / 9 / number)
        (tmp_path / f"{number}.wav").write_bytes(encode_wav((9000 * tone).astype(np.int16)[None], 16_000))
    assert open_data(tmp_path).field.modality == "audio"
    for name in "bcd":
        (tmp_path / f"{name}.mid").write_bytes(encode_midi(pieces()[1], 6.0, 16))
    assert open_data(tmp_path).field.modality == "music"


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"steps": None}, {}, "holds lengths, names, fifths, time: music has 'steps'"),
        ({"lengths": np.array([5])}, {}, "the lengths of the pieces sum to T"),
        ({"names": np.array(["a"])}, {}, "24 lengths, but other numbers of names"),
        ({}, {"length": 200}, "it has 128 steps, fewer than 200"),
        ({}, {"modality": "music:lowest=60"}, "beyond 60 to 81"),
        ({"time": np.array(["3/4"] * COUNT)}, {}, "music:bar=12"),
        ({}, {"size": 16}, "--size 16 belongs to pictures"),
    ],
)
def test_refused(tmp_path: Path, changes: dict[str, Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(BelamyError) as error:
        open_data(archive(tmp_path / "a.npz", **changes), **{"modality": "music", **options})
    assert said in str(error.value)


class TestFormula:
    def test_pieces_are_functions_of_seed_and_number(self) -> None:
        data, fewer, other = (open_data(f"progressions:{words}") for words in ("count=6", "count=3", "count=3,seed=1"))
        assert data.shape == (4, 64, 48) and data.classes == ("major", "minor")
        first = data.store.read(torch.arange(3))
        assert torch.equal(fewer.store.read(torch.arange(3)), first)
        assert not torch.equal(other.store.read(torch.arange(3)), first)

    def test_common_key_and_other_lengths(self) -> None:
        data = open_data("progressions:count=2", modality="music:key=common,bar=12", length=30)
        codes = score_of(data.store.read(torch.tensor([0])), data.field)
        assert data.shape == (4, 30, 48) and {0, 4, 7} <= set((codes.long() & 127).remainder(12).unique().tolist())
        assert not {1, 3, 6, 8, 10} & set((codes.long() & 127).remainder(12).unique().tolist())
        with pytest.raises(BelamyError, match="progressions are for 4 voices"):
            open_data("progressions", modality="music:voices=3")

    def test_settings_are_whole_triads_in_range(self) -> None:
        for degree in range(7):
            ways = settings(7, "minor", degree)
            assert len(ways) > 5 and (np.diff(ways, axis=1) < 0).all() and (ways[:, 0] - ways[:, 2] <= 24).all()
            assert all(len(set(way % 12)) == 3 for way in ways)
            assert ((ways >= [low for low, _ in RANGES]) & (ways <= [high for _, high in RANGES])).all()

    def test_rules_cost(self) -> None:
        last = np.array([72, 67, 64, 48])
        ways = np.array([[74, 67, 65, 50], [71, 67, 62, 43], [72, 67, 64, 48], [76, 74, 64, 48], [72, 69, 65, 53]])
        broken = costs(last, ways) // 1000
        assert broken.tolist() == [1, 0, 0, 1, 0]  # octaves with the bass; then the alto beyond the soprano
        assert costs(last, ways)[1] == pytest.approx(1 + 0 + 2 + 0.3 * 5)

    def test_phrases_close(self) -> None:
        for seed in range(20):
            found = degrees(np.random.default_rng(seed), 16)
            assert found[0] == 0 and found[7] == 4 and found[14:] == [4, 0]
