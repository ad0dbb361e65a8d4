"""Sound: reading, clips, classes, pairs, mixtures, and what is wrong with which file."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from belamy.data import open_data
from belamy.data.dataset import Computed, Dataset
from belamy.data.doctor import examine
from belamy.errors import DataError, UsageError
from belamy.modalities import modality
from belamy.modalities.audio import Modality
from belamy.modalities.fields import Field

RATE = 8000


def tone(frequency: float, samples: int = 2048, peak: float = 0.5, rate: int = RATE) -> np.ndarray:
    return peak * np.sin(2 * np.pi * frequency * np.arange(samples) / rate)


def write(path: Path, samples: np.ndarray, rate: int = RATE, width: int = 2) -> None:
    """A WAV file of ``[samples]`` or ``[channels, samples]`` in [-1, 1]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.atleast_2d(samples).T
    if width == 1:
        content = np.clip(np.round(values * 128 + 128), 0, 255).astype(np.uint8).tobytes()
    else:
        whole = np.clip(np.round(values * 2.0 ** (8 * width - 1)), -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
        wide = np.ascontiguousarray(whole.astype("<i4")).view(np.uint8).reshape(-1, 4)
        content = wide[:, :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(values.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(content)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty-four tones in two classes."""
    for number in range(24):
        kind = "high" if number % 2 else "low"
        write(tmp_path / "tones" / kind / f"{number:02d}.wav", tone(1500 + number if number % 2 else 200 + number))
    return tmp_path / "tones"


def test_a_folder_of_sounds(folder: Path) -> None:
    data = open_data(folder)
    assert (data.shape, data.field.rate, data.classes, len(data)) == ((1, 2048), RATE, ("high", "low"), 24)
    assert data.names is not None and data.names[0] == "high/01.wav"
    batch = data.batch(torch.arange(2))
    torch.testing.assert_close(batch["audio"][0, 0].double(), torch.from_numpy(tone(1501)), atol=2 / 32768, rtol=0)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_widths_of_whole_numbers(tmp_path: Path, width: int) -> None:
    for number in range(3):
        write(tmp_path / f"{number}.wav", tone(440 + number), width=width)
    data = open_data(tmp_path)
    found = data.batch(torch.tensor([1])).main[0, 0].double()
    torch.testing.assert_close(found, torch.from_numpy(tone(441)), atol=1.1 * 2.0 ** (1 - 8 * min(width, 2)), rtol=0)


def test_what_libsndfile_reads(tmp_path: Path) -> None:
    import soundfile

    for number, kind in enumerate(("flac", "ogg", "aiff")):
        soundfile.write(tmp_path / f"{number}.{kind}", tone(440), RATE)
    data = open_data(tmp_path)
    assert len(data) == 3
    torch.testing.assert_close(data.batch(torch.tensor([0])).main[0, 0].double(), torch.from_numpy(tone(440)),
                               atol=1e-4, rtol=0)  # fmt: skip


def test_raw_and_float_agree_bit_for_bit() -> None:
    field, kind = Field("audio", (1, 65536), rate=16000.0), Modality()
    every = torch.arange(-32768, 32768, dtype=torch.int32).to(torch.int16).view(1, 1, -1)
    assert torch.equal(kind.to_raw(kind.to_float(every, field), field), every)
    assert kind.to_raw(torch.tensor([[[2.0, -2.0]]]), field).tolist() == [[[32767, -32768]]]
    short = every[0, :, ::64]
    again = kind.decode(kind.encode(short, field), field._replace(shape=(1, 1024)))
    assert torch.equal(again, short)


def test_rates_are_resampled_only_when_said(tmp_path: Path) -> None:
    for number in range(4):
        rate = 8000 if number % 2 else 16000
        write(tmp_path / f"{number}.wav", tone(440, 2048 * rate // 8000, rate=rate), rate)
    with pytest.raises(DataError, match=r"8,000 \(2\), 16,000 \(2\) samples a second. .*--rate 8000"):
        open_data(tmp_path)
    data = open_data(tmp_path, rate=8000)
    assert data.shape == (1, 2048) and any("resampled to 8,000 samples a second: 0.wav, 2.wav" in n for n in data.notes)
    found = data.batch(torch.arange(4)).main[:, 0, 200:-200].double()
    torch.testing.assert_close(found[0], torch.from_numpy(tone(440))[200:-200], atol=5e-3, rtol=0)


def test_lengths_pieces_trimming_and_peak(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", np.concatenate([np.zeros(1000), tone(440, 3000), np.zeros(500)]))
    write(tmp_path / "b.wav", tone(300, 1024, peak=0.1))
    with pytest.raises(DataError, match=r"1,024 to 4,500 samples .*--length"):
        open_data(tmp_path)
    with pytest.raises(DataError, match=r"longest sound .* has 4,500 samples .*--length 9000"):
        open_data(tmp_path, length=9001)
    with pytest.raises(DataError, match=r"Clips of 15 sample.* --length 8192"):
        open_data(tmp_path, length=15)
    padded = open_data(tmp_path, length=9000)
    assert padded.shape == (1, 9000) and not padded.batch(torch.arange(2)).main[:, 0, 4500:].any()
    assert open_data(tmp_path, length=1024, modality="audio:cut=pieces").names == ("a.wav",) * 4 + ("b.wav",)
    data = open_data(tmp_path, length=2048, modality="audio:trim=true,normalise=true")
    sounds = data.batch(torch.arange(2)).main
    assert sounds[0, 0, :4].abs().max() > 0.1 and sounds.abs().amax(2).min() > 0.99
    assert any("shorter than a clip" in note and "b.wav" in note for note in data.notes)


def test_large_sets_stream(folder: Path) -> None:
    kept, streamed = open_data(folder), open_data(folder, memory_budget=4096)
    assert isinstance(streamed.store, Computed) and streamed.streams and not kept.streams
    assert torch.equal(streamed.store.read(torch.tensor([3, 20])), kept.store.read(torch.tensor([3, 20])))


def test_what_is_played_has_its_file_and_class_beside_it(folder: Path) -> None:
    data = open_data(folder)
    media = examine(folder).media
    assert data.names is not None and media
    assert media[0].caption.startswith(f"{data.names[0]}, {data.classes[0]}, 0.")


def test_noise_is_mixed_in_as_a_function_of_the_number(folder: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(6000) * 0.1
    write(tmp_path / "noises" / "n.wav", noise)
    data = open_data(folder, modality=f"audio:noise={tmp_path / 'noises'},snr=0x10")
    again = open_data(folder, modality=f"audio:noise={tmp_path / 'noises'},snr=0x10")
    indices = torch.arange(24)
    clean, noisy = data.batch(indices)["audio"], data.batch(indices)["noisy"]
    assert torch.equal(noisy, again.batch(indices)["noisy"]) and list(data.spec.fields) == ["audio", "noisy", "label"]
    ratios = 10 * (clean.square().mean((1, 2)) / (noisy - clean).square().mean((1, 2))).log10()
    assert {round(float(ratio)) for ratio in ratios} == {0, 10}
    assert torch.equal(data.batch(indices[5:6])["noisy"][0], noisy[5])
    other = open_data(folder, modality=f"audio:noise={tmp_path / 'noises'},snr=0x10,mix=1")
    assert other.fingerprint != data.fingerprint and not torch.equal(other.batch(indices)["noisy"], noisy)


def test_pieces_of_a_file_stay_on_one_side(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path / f"{number:02d}.wav", tone(300 + number, 2048))
    data = open_data(tmp_path, length=512, modality="audio:cut=pieces")
    assert len(data) == 120 and data.names is not None and "files" in data.rule
    sides = [{data.names[index] for index in data.splits[split].tolist()} for split in ("train", "test")]
    assert len(sides[1]) == 3 and not sides[0] & sides[1] and len(sides[0] | sides[1]) == 30


def test_a_damaged_side_of_a_pair_costs_that_pair(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / "clean" / f"{number}.wav", tone(300 + number))
        write(tmp_path / "noisy" / f"{number}.wav", tone(300 + number) * 0.5)
    damaged = tmp_path / "noisy" / "2.wav"
    damaged.write_bytes(damaged.read_bytes()[:500])
    data = open_data(tmp_path)
    assert data.names == ("0.wav", "1.wav", "3.wav") and any("cut off" in why for _, why in data.skipped)
    clean, noisy = (data.batch(torch.arange(3))[name] for name in ("audio", "noisy"))
    torch.testing.assert_close(noisy, clean * 0.5, atol=1e-4, rtol=0)


def test_pairs_of_clean_and_noisy(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path / "clean" / f"{number}.wav", tone(300 + number))
        write(tmp_path / "noisy" / f"{number}.wav", tone(300 + number) + 0.01)
    write(tmp_path / "noisy" / "alone.wav", tone(100))
    write(tmp_path / "clean" / "odd.wav", tone(100))
    write(tmp_path / "noisy" / "odd.wav", tone(100, 512))
    data = open_data(tmp_path)
    batch = data.batch(torch.arange(5))
    assert len(data) == 5
    torch.testing.assert_close(
        batch["noisy"] - batch["audio"], torch.full_like(batch["audio"], 0.01), atol=1e-4, rtol=0
    )
    assert dict(data.skipped) == {
        "noisy/alone.wav": "it has no partner of its name", "odd.wav": "clean and noisy differ in length",
    }  # fmt: skip


class TestArrays:
    def test_a_rate_must_be_said(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npy"
        np.save(path, np.random.default_rng(0).uniform(-1, 1, (200, 1, 1024)).astype(np.float32))
        with pytest.raises(DataError, match="--modality audio --rate 16000"):
            open_data(path)
        with pytest.raises(UsageError, match="--rate 16000"):
            open_data(path, modality="audio")
        data = open_data(path, modality="audio", rate=16000)
        assert (data.shape, data.field.rate, len(data)) == ((1, 1024), 16000.0, 200)

    def test_archives_bring_labels(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", audio=np.zeros((30, 512), np.int16), labels=["a", "b", "c"] * 10)
        data = open_data(tmp_path / "a.npz", modality="audio", rate=8000, length=256)
        assert data.shape == (1, 256) and data.classes == ("a", "b", "c")

    def test_options_of_files_are_refused_and_peaks_made_alike(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.stack([tone(300, 512), tone(400, 512, peak=0.1)]))
        with pytest.raises(UsageError, match="Leave them out"):
            open_data(tmp_path / "a.npy", modality="audio:trim=true", rate=8000)
        data = open_data(tmp_path / "a.npy", modality="audio:normalise=true", rate=8000)
        assert data.batch(torch.arange(2)).main.abs().amax((1, 2)).tolist() == pytest.approx([1, 1], abs=1e-3)

    @pytest.mark.parametrize(
        "values", [np.zeros((4, 3, 9), np.int16), np.full((4, 9), 2.0), np.zeros((4, 9), np.int64)]
    )
    def test_other_arrays_are_refused(self, tmp_path: Path, values: np.ndarray) -> None:
        np.save(tmp_path / "a.npy", values)
        with pytest.raises(DataError, match=r"a\.npy"):
            open_data(tmp_path / "a.npy", modality="audio", rate=8000)


class TestPlanes:
    """Archives that say themselves that they are sound, and at which rate."""

    SAMPLES = np.random.default_rng(3).integers(-32768, 32768, (12, 64)).astype(np.int16)

    def held(self, **other: object) -> dict[str, np.ndarray]:
        """Second differences modulo 2^16, high bytes and low bytes, as a coder makes them."""
        wide = np.pad(self.SAMPLES.astype(np.int64), ((0, 0), (2, 0)))
        second = np.diff(wide, 2, axis=1) % 65536
        planes = np.stack([second // 256, second % 256]).astype(np.uint8)
        given = {"planes": planes, "rate": np.array([8000]), "labels": np.array(["low", "high"] * 6), **other}
        return {name: np.asarray(value) for name, value in given.items() if value is not None}

    def test_samples_rate_classes_and_attributes_come_from_the_file(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", **self.held(pitch=np.arange(12) // 2, gain=np.ones(2)))
        data = open_data(tmp_path / "a.npz")
        assert (data.field.modality, data.field.rate, data.shape) == ("audio", 8000.0, (1, 64))
        heard = data.batch(torch.arange(12)).main[:, 0] * 32768
        assert np.array_equal(heard.numpy(), self.SAMPLES)
        assert [data.classes[code] for code in data.labels.tolist()] == ["low", "high"] * 6
        assert set(data.attributes) == {"labels", "pitch"}
        assert open_data(tmp_path / "a.npz", labels="pitch").classes == ("0", "1", "2", "3", "4", "5")

    def test_sounds_of_a_group_stay_on_one_side(self, tmp_path: Path) -> None:
        groups = np.random.default_rng(0).permutation(np.arange(300) % 100)
        np.savez(tmp_path / "a.npz", audio=np.tile(self.SAMPLES, (25, 1)), rate=[8000], group=groups)
        splits = open_data(tmp_path / "a.npz").splits
        assert len(splits["test"]) and not set(groups[splits["train"]]) & set(groups[splits["test"]])

    def test_plain_samples_beside_their_rate_need_no_word(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", audio=self.SAMPLES, rate=np.int64(44100))
        data = open_data(tmp_path / "a.npz", length=32)
        assert (data.field.modality, data.field.rate, data.shape) == ("audio", 44100.0, (1, 32))

    @pytest.mark.parametrize(
        ("other", "options", "message"),
        [
            ({"rate": None}, {}, "--rate 16000"),
            ({"rate": np.array([8000, 8000])}, {}, "one number of samples a second"),
            ({}, {"rate": 16000}, "its rate is 8000, not 16000. Leave --rate out"),
            ({"planes": np.zeros((12, 2, 64), np.uint8)}, {}, r"uint8 \[2, N, samples\]"),
            ({"planes": np.zeros((2, 12, 64), np.int16)}, {}, r"uint8 \[2, N, samples\]"),
            ({"labels": np.array(["low"] * 11)}, {}, "one name or whole number for each of 12 sounds"),
            ({}, {"labels": "pitch"}, "no attribute 'pitch'"),
            ({}, {"length": 65}, "at most --length 64"),
        ],
    )
    def test_what_lacks_is_said(
        self, tmp_path: Path, other: dict[str, object], options: dict[str, object], message: str
    ) -> None:
        np.savez(tmp_path / "a.npz", **self.held(**other))
        with pytest.raises((DataError, UsageError), match=message):
            open_data(tmp_path / "a.npz", **options)

    def test_a_damaged_archive_is_told(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", **self.held())
        (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-40])
        with pytest.raises(DataError, match=r"a\.npz cannot be read"):
            open_data(tmp_path / "a.npz")


def flawed(folder: Path) -> Path:
    """A set with each kind of fault."""
    for number in range(6):
        write(folder / "train" / f"good{number}.wav", tone(300 + 40 * number))
        write(folder / "test" / f"kept{number}.wav", tone(310 + 40 * number))
    write(folder / "train" / "clipped.wav", np.clip(tone(300, peak=3), -1, 1))
    write(folder / "train" / "silent.wav", np.zeros(2048))
    write(folder / "train" / "offset.wav", tone(300, peak=0.2) + 0.3)
    write(folder / "train" / "short.wav", tone(300, 500))
    write(folder / "train" / "rate.wav", tone(300, 4096, rate=16000), 16000)
    write(folder / "train" / "stereo.wav", np.stack([tone(300), tone(500)]))
    write(folder / "train" / "onesided.wav", np.stack([tone(300), np.zeros(2048)]))
    write(folder / "train" / "copy.wav", tone(300))
    write(folder / "test" / "leak.wav", tone(340))
    write(folder / "train" / "faint.wav", tone(380, peak=0.01))
    whole = io.BytesIO((folder / "train" / "good1.wav").read_bytes())
    (folder / "train" / "cut.wav").write_bytes(whole.getvalue()[:900])
    (folder / "train" / "text.wav").write_text("this is no sound")
    (folder / "train" / "empty.wav").write_bytes(b"")
    write(folder / "train" / "nothing.wav", np.zeros(0))
    import soundfile

    soundfile.write(folder / "train" / "nan.wav", np.full(2048, np.nan), RATE, subtype="FLOAT")
    return folder


def test_the_doctor_names_each_fault_with_its_file(tmp_path: Path) -> None:
    found = examine(flawed(tmp_path), rate=RATE, length=2048)
    said = "\n".join(found.lines())
    for file, words in {
        "clipped.wav": "clipped", "silent.wav": "silent", "offset.wav": "offset", "short.wav": "shorter than a clip",
        "rate.wav": "resampled", "stereo.wav": "mixed to mono", "onesided.wav": "one channel silent",
        "cut.wav": "cut off", "text.wav": "", "empty.wav": "empty", "nothing.wav": "no samples", "nan.wav": "NaN",
        "copy.wav": "the same", "leak.wav": "the same", "faint.wav": "the same but for loudness",
    }.items():  # fmt: skip
        lines = [line for line in said.splitlines() if file in line]
        assert any(words in line for line in lines), (file, lines)
    assert "loudness differs by 4" in said and "faint.wav to" in said
    assert "lie across the splits" in said and found.media[0].mime == "audio/wav"


def test_notes_by_formula() -> None:
    """Each pitch is where it should be: the strongest frequency is a whole number times the pitch's."""
    data = open_data("notes:count=26,low=45,high=57", length=8192)
    assert data.classes[0] == "A2" and data.classes[-1] == "A3" and set(data.attributes) == {"pitch", "instrument"}
    assert data.labels is not None and data.labels[:14].tolist() == [*range(13), 0]
    spectrum = torch.fft.rfft(data.batch(torch.arange(26)).main[:, 0] * torch.hann_window(8192), 1 << 16).abs()
    for number, strongest in enumerate((spectrum.argmax(1) * 16000 / (1 << 16)).tolist()):
        times = strongest / (440 * 2 ** ((45 + number % 13 - 69) / 12))
        assert abs(times - round(times)) < 0.03 * round(times), (number, times)
    assert open_data("notes:count=20", length=512, labels="instrument").classes == ("brass", "flute", "plucked", "reed")


def test_drums_by_formula() -> None:
    data = open_data("drums:count=40")
    assert (data.shape, len(data.classes), len(data)) == ((1, 8192), 5, 40)
    assert torch.equal(open_data("drums:count=20").store.read(torch.arange(20)), data.store.read(torch.arange(20)))
    sheet = modality("audio").sheet(data.store.read(torch.arange(10)), data.field)
    assert sheet.dtype == np.uint8 and sheet.std() > 20


def test_sounds_that_are_alike_are_near(folder: Path) -> None:
    data: Dataset = open_data(folder)
    raw = data.store.read(torch.arange(24))
    far = modality("audio").distances(raw, raw, data.field)
    assert far.diagonal().max() < 1e-2
    labels = data.labels
    assert labels is not None
    same = labels[:, None] == labels[None]
    assert far[~same].min() > far[same].max()
