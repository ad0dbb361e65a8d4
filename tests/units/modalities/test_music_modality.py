"""Music: codes and rolls, MIDI files byte by byte, sound, pictures, facts and distances."""

from __future__ import annotations

import io
import json
import struct
import wave

import numpy as np
import pytest
import torch

from belamy.errors import Unreadable, UsageError
from belamy.modalities import MODALITIES, WrittenTwice, modality, suffix_of
from belamy.modalities.midi import Note, encode_midi, notes_of, read_midi
from belamy.modalities.music import Modality, piano_roll, score_of
from belamy.modalities.score import codes_of, cut, rolls, transposed
from belamy.modalities.synthesiser import RATE, render
from belamy.registry import Part
from belamy.seeds import generator

KIND = Modality(voices=2, lowest=60, highest=67, bar=4)
FIELD = KIND.field(8)
TUNE = np.array([[188, 60, 188, 60, 0, 0, 195, 67], [192, 64, 64, 64, 190, 62, 62, 0]], np.uint8)


def raw_tune() -> torch.Tensor:
    return rolls(torch.from_numpy(TUNE), 60, 67)


def file_of(*tracks: bytes, division: int = 96, kind: int = 1) -> bytes:
    """A MIDI file of tracks' bodies."""
    chunks = b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division) + chunks


class TestValues:
    def test_rolls_have_a_full_column_at_each_step_and_an_onset(self) -> None:
        raw = raw_tune()
        assert raw.shape == (2, 8, 10) == FIELD.shape and (raw[..., :-1].sum(-1) == 1).all()
        assert raw[0, :, 0].tolist() == [False] * 4 + [True] * 2 + [False] * 2
        assert raw[0, 0, 1] and raw[0, 6, 8] and raw[0, :, -1].nonzero().flatten().tolist() == [0, 2, 6]
        assert np.array_equal(codes_of(raw, 60).numpy(), TUNE)

    def test_what_networks_see_and_back(self) -> None:
        raw = raw_tune()[None]
        seen = KIND.to_float(raw, FIELD)
        assert set(seen.unique().tolist()) == {-1, 1} and torch.equal(KIND.to_raw(seen, FIELD), raw)

    def test_what_networks_make_becomes_music(self) -> None:
        """The fullest column sounds whatever its level, a new pitch begins, a rest does not."""
        made = torch.full((1, 2, 8, 10), -0.9)
        made[..., 3] = -0.8
        made[:, :, 4:, 3] = -1
        made[:, :, 4:, 0] = 0.1
        made[:, :, 2:6, -1] = 0.5
        codes = score_of(KIND.to_raw(made, FIELD), FIELD)
        assert codes[0].tolist() == [[190, 62, 190, 190, 0, 0, 0, 0]] * 2
        noise = KIND.to_raw(torch.randn(4, *FIELD.shape, generator=generator(0, "n")), FIELD)
        assert torch.equal(KIND.to_raw(KIND.to_float(noise, FIELD), FIELD), noise)

    def test_windows_begin_with_what_still_sounds(self) -> None:
        windows = cut(TUNE, 4, 2)
        assert windows.shape == (3, 2, 4) and windows[:, 1, 0].tolist() == [192, 192, 190]
        assert windows[2, 0].tolist() == [0, 0, 195, 67] and TUNE[1, 2] == 64
        assert not len(cut(TUNE, 9, 1))

    def test_transposed(self) -> None:
        assert transposed(TUNE, -2)[0].tolist() == [186, 58, 186, 58, 0, 0, 193, 65]


class TestFiles:
    def test_notes(self) -> None:
        assert notes_of(TUNE[0]) == [Note(0, 2, 60), Note(2, 4, 60), Note(6, 8, 67)]
        assert notes_of(TUNE[1]) == [Note(0, 4, 64), Note(4, 7, 62)]

    def test_written_byte_by_byte(self) -> None:
        """One voice of two steps, a note and a rest, at 6 steps a second."""
        made = encode_midi(np.array([[188, 0]], np.uint8), 6.0, 16)
        head = b"MThd\0\0\0\x06\0\x01\0\x02\x01\xe0"
        first = b"\0\xff\x51\x03\x0a\x2c\x2b\0\xff\x58\x04\x04\x02\x18\x08\x81\x70\xff\x2f\0"  # 666,667 µs; 4/4
        voice = b"\0\xc0\x34\0\x90\x3c\x50\x78\x80\x3c\0\x78\xff\x2f\0"
        expected = head + b"".join(b"MTrk" + struct.pack(">I", len(each)) + each for each in (first, voice))
        assert made == expected

    def test_back_without_loss(self) -> None:
        data = KIND.encode(raw_tune(), FIELD)
        found = read_midi(data)
        assert np.array_equal(found.codes, TUNE) and found.bar == 4
        assert torch.equal(KIND.decode(data, FIELD), raw_tune())
        assert suffix_of(FIELD) == ".mid"

    def test_running_status_channels_and_other_events(self) -> None:
        """A single track of two channels: running status, notes ended by a loudness of 0, a key, an exclusive event."""
        track = (
            b"\0\xff\x59\x02\xfe\x01" b"\0\xf0\x02\x01\xf7" b"\0\x90\x3c\x40" b"\0\x91\x30\x40" b"\x60\x90\x3c\0"
            b"\0\x3e\x40" b"\x30\x3e\0" b"\x30\x81\x30\x40" b"\0\xff\x2f\0"
        )  # fmt: skip
        found = read_midi(file_of(track, kind=0))
        assert found.fifths == -2 and found.codes.tolist() == [
            [188, 60, 60, 60, 190, 62, 0, 0], [176, 48, 48, 48, 48, 48, 48, 48]
        ]  # fmt: skip

    def test_notes_that_overlap_or_lie_between_steps(self) -> None:
        track = b"\0\x90\x3c\x40\0\x40\x40\x18\x3e\x40\x26\x3e\0\x40\x40\0\x10\x3c\0\0\xff\x2f\0"
        assert read_midi(file_of(track)).codes.tolist() == [[192, 190, 62, 0, 0, 0]]

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "empty"),
            (b"RIFF" + bytes(20), "no MIDI file"),
            (file_of(b"\0\xff\x2f\0"), "no notes"),
            (file_of(b"\0\x90\x3c\x40\x60\x80\x3c"), "cut off within"),
            (file_of(b"\0\x90\x3c\x40\x60\x80\x3c\0\0\xff\x2f\0")[:-3], "promises 12 bytes and has 9"),
            (file_of(b"\0\x3c\x40"), "no event"),
            (file_of(b"\xff\xff\xff\xff\x01"), "longer than four"),
            (file_of(b"\0\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\0\0\xff\x2f\0", division=1), "and at most 1,048,576"),
            (file_of(b"\0\xff\x2f\0", division=0xE728), "frames of a film"),
        ],
    )
    def test_damaged(self, data: bytes, said: str) -> None:
        with pytest.raises(Unreadable, match=said):
            read_midi(data)

    def test_of_another_shape_or_range(self) -> None:
        with pytest.raises(Unreadable, match=r"2 voice\(s\) of 8 steps, not 2 of 4"):
            KIND.decode(KIND.encode(raw_tune(), FIELD), KIND.field(4))
        with pytest.raises(Unreadable, match=r"its pitches are 60 to 67, beyond 60 to 66"):
            KIND.decode(KIND.encode(raw_tune(), FIELD), Modality(voices=2, lowest=60, highest=66, bar=4).field(8))


class TestHeardAndSeen:
    def test_the_note_sounds_at_its_pitch_for_its_time(self) -> None:
        code = np.full((1, 12), 69, np.uint8)
        code[0, 0], code[0, 6:] = 197, 0
        sound = render(code, 6.0)[0].astype(float)
        spectrum = np.abs(np.fft.rfft(sound[:RATE] * np.hanning(RATE)))
        assert spectrum.argmax() == 440 and np.abs(sound).max() == pytest.approx(0.8 * 32767, abs=1)
        assert np.abs(sound[round(1.13 * RATE) :]).max() == 0 and len(sound) == round(2.4 * RATE)
        assert render(np.zeros((1, 12), np.uint8), 6.0).max() == 0

    def test_other_files_and_players(self) -> None:
        assert isinstance(KIND, WrittenTwice) and not isinstance(modality("audio"), WrittenTwice)
        with wave.open(io.BytesIO(KIND.others(raw_tune(), FIELD)[".wav"])) as file:
            assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
        media = KIND.media(raw_tune()[None].expand(3, -1, -1, -1), FIELD)
        assert [each.mime for each in media] == ["audio/wav"] * 3 and media[0].caption == "5 notes"

    def test_roll(self) -> None:
        picture = piano_roll(TUNE, FIELD, 4, 2)
        assert picture.shape == (16, 32, 3)
        red, amber = (178, 42, 52), (214, 130, 20)
        assert tuple(picture[15, 1]) == red and tuple(picture[0, 26]) == red  # C at the bottom, G at the top
        assert tuple(picture[7, 13]) == amber and tuple(picture[1, 1]) not in (red, amber)
        assert tuple(picture[14, 0]) not in (red, amber)  # the light edge where a note begins
        sheet = KIND.sheet(raw_tune()[None].expand(5, -1, -1, -1), FIELD)
        assert sheet.dtype == np.uint8 and sheet.shape[2] == 3

    def test_facts(self) -> None:
        facts = json.loads(json.dumps(KIND.describe(raw_tune()[None], FIELD)))
        assert facts["bars"] == 2 and facts["silent"] == 0
        assert facts["voices"]["voice 1"] == {"range": "C4 to G4", "notes": 3.0, "rests": 0.25}
        assert facts["pitch_classes"]["C"] == 2 and facts["pitch_classes"]["E flat"] == 0

    def test_distances(self) -> None:
        raw = torch.stack([raw_tune(), raw_tune()])
        raw[1, 1] = rolls(torch.tensor([[192, 64, 64, 64, 0, 0, 0, 0]], dtype=torch.uint8), 60, 67)
        torch.testing.assert_close(KIND.distances(raw, raw, FIELD), torch.tensor([[0.0, 3 / 16], [3 / 16, 0.0]]))


@pytest.mark.parametrize(
    ("part", "said"),
    [("music:bar=5", "even number"), ("music:lowest=70,highest=60", "music.highest is 60, but it must be in 70..127"),
     ("music:voices=0", "music.voices"), ("music:key=C", "key"), ("music:stride=-1", "music.stride")],
)  # fmt: skip
def test_options_out_of_range(part: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        MODALITIES.build(Part.parse(part))
