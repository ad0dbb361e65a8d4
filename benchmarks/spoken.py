"""Clean speech and noises of 16,000 samples a second, in folders as benchmarks/enhancement.py takes them.

Speech is that of a telephone exchange: English and Spanish of one speaker, Italian and Russian of two others to learn
from, French of a fourth and read English held out. Noises are babble of other recordings, music, and sounds by formula;
those of another folder, with ``train`` and ``test``, come to them. Games add to what is learned from: names of things,
spoken by one voice in each of eight languages, and recorded noises and music. Everything follows from the seed.

    apt-get download asterisk-core-sounds-{en,es,fr,it,ru}-g722 asterisk-moh-opsound-g722 klettres-data
    for each in *.deb; do dpkg-deb -x $each UNPACKED; done
    apt-get download tuxpaint-stamps-default unknown-horizons lincity-ng-data hedgewars-data wesnoth-1.16-data \
        torcs-data megaglest-data ardentryst extremetuxracer-data    # unpacked into GAMES in the same way
    pip install G722 soundfile
    python benchmarks/spoken.py UNPACKED OUT [--games GAMES] [--read FOLDER] [--noises FOLDER] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from G722 import G722
from rich.console import Console
from scipy.signal import resample_poly

RATE, SECONDS, CLIPS, SHORTEST, FAINTEST = 16_000, 12, 24, 1.1, 0.005
"""Of a noise and its seconds; held-out recordings; seconds and level (RMS) below which recordings are left out."""
HELD_OUT = "fr"
SONGS = ("manolo_camp-morning_coffee", "macroform-cold_day", "macroform-robot_dity")
VOICES = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20)
COLOURS, HUMS = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5), (60, 100, 120, 180, 240, 400)
"""Slopes of power over frequency, and the lowest tone of a hum in Hz."""
TELLERS = ("be", "bg", "ca", "da", "el", "es", "ro", "ru")
"""Languages of the games that are learned from."""
PLAYED = (
    "tuxpaint/stamps", "unknown-horizons/content/audio", "games/lincity-ng", "games/hedgewars/Data/Music",
    "games/hedgewars/Data/Sounds", "games/wesnoth", "games/torcs/data", "games/megaglest/tilesets",
    "games/megaglest/techs/megapack/commondata", "games/megaglest/data", "games/ardentryst", "games/etr",
)  # fmt: skip
"""Folders of the games' noises and music."""
TOLD, PAUSE, CLEAN, PIECES = 8, 0.2, 27.0, 5
"""Names of things to a file, seconds between them, decibels from loud to quiet in a clean one; clips of one piece."""
BABBLES, MORE_BABBLES = 2, 15
"""Clips of so many voices each, and beside the games' noises, of which a sixth is babble then."""
SAMPLES = SECONDS * RATE
TIME = np.arange(SAMPLES) / RATE


def decoded(path: Path) -> np.ndarray:
    """Samples between -1 and 1 of a G.722 file of 64 kbit/s."""
    return np.asarray(G722(RATE, 64_000).decode(path.read_bytes()), dtype=np.int16) / 32_768


def recordings(unpacked: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    """Language, name and samples of all that is long and loud enough."""
    folder = unpacked / "usr/share/asterisk/sounds"
    for path in sorted(folder.glob("*/**/*.g722")):
        speaker, *rest = path.relative_to(folder).parts
        if "silence" in rest or path.stat().st_size < RATE / 2 * SHORTEST:
            continue
        samples = decoded(path)
        if np.sqrt(np.mean(samples**2)) >= FAINTEST:
            yield speaker[:2], f"{speaker[:2]}_{'-'.join(rest).removesuffix('.g722')}.flac", samples


def mono(path: Path) -> np.ndarray:
    """Samples of any sound file at the rate, one channel."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(resample_poly(samples.mean(1), RATE, rate)) if len(samples) else np.zeros(0)


def babblers(unpacked: Path) -> dict[str, list[np.ndarray]]:
    """Recordings of letters and syllables by language, equally loud."""
    found: dict[str, list[np.ndarray]] = {}
    for path in sorted((unpacked / "usr/share/klettres").rglob("*.ogg")):
        samples = mono(path)
        found.setdefault(path.parts[-3], []).append(samples / (np.sqrt(np.mean(samples**2)) + 1e-4))
    return {name: clips for name, clips in found.items() if sum(map(len, clips)) > 20 * RATE}


def heard(path: Path) -> np.ndarray | None:
    """The same; None of what cannot be read, is shorter than a tenth of a second or nearly silent."""
    try:
        samples = mono(path)
    except soundfile.LibsndfileError:
        return None
    return samples if len(samples) > RATE / 10 and np.sqrt(np.mean(samples**2)) >= FAINTEST else None


def clean(samples: np.ndarray) -> bool:
    """Whether there is silence between the words."""
    powers = np.mean(samples[: len(samples) // 320 * 320].reshape(-1, 320) ** 2, 1)
    loud, quiet = np.percentile(powers, [95, 8]) + 1e-12
    return len(samples) > RATE / 2 and 10 * np.log10(loud / quiet) > CLEAN


def tellers(games: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and samples of files in which one voice names eight things."""
    for language in TELLERS:
        told: list[np.ndarray] = []
        for path in sorted(games.glob(f"usr/share/tuxpaint/stamps/**/*_desc_{language}.*")):
            samples = heard(path)
            if samples is not None and clean(samples):
                told.append(np.concatenate([samples, np.zeros(int(PAUSE * RATE))]))
        for number in range(len(told) // TOLD):
            yield f"told_{language}_{number}.flac", np.concatenate(told[number * TOLD : (number + 1) * TOLD])


def played(games: Path, pick: random.Random) -> Iterator[tuple[str, np.ndarray]]:
    """Clips of noises and music: of long pieces a few, short ones one after the other in any order."""
    short: list[np.ndarray] = []
    for folder in PLAYED:
        for path in sorted((games / "usr/share" / folder).rglob("*")):
            told = re.search("_desc|voices", str(path.relative_to(games)))
            samples = None if told or not path.is_file() else heard(path)
            if samples is None:
                continue
            name = "played_" + "-".join(path.relative_to(games / "usr/share").with_suffix("").parts)
            samples /= np.sqrt(np.mean(samples**2))
            if len(samples) < SAMPLES:
                short.append(samples)
            for start in pick.sample(range(len(samples) // SAMPLES), min(PIECES, len(samples) // SAMPLES)):
                yield f"{name}_{start}", samples[start * SAMPLES : (start + 1) * SAMPLES]
    pick.shuffle(short)
    joined = np.concatenate(short)
    for number in range(len(joined) // SAMPLES):
        yield f"effects_{number}", joined[number * SAMPLES : (number + 1) * SAMPLES]


class Noises:
    """Makes them, by a seed."""

    def __init__(self, talk: dict[str, list[np.ndarray]], babbles: int, seed: int) -> None:
        self.talk, self.babbles = talk, babbles
        self.draw, self.pick = np.random.default_rng(seed), random.Random(seed)

    def all(self) -> Iterator[tuple[str, np.ndarray]]:
        """Names and samples."""
        for count in VOICES:
            for number in range(self.babbles):
                yield f"babble{count}_{number}", sum((self.voice() for _ in range(count)), np.zeros(SAMPLES))
        for number, slope in enumerate(COLOURS):
            yield f"colour{number}", self.coloured(slope)
            swell = np.sin(2 * np.pi * self.draw.uniform(0.3, 6) * TIME + self.draw.uniform(0, 6))
            yield f"gusts{number}", self.coloured(slope) * (1.1 + swell)
        for tone in HUMS:
            yield f"hum{tone}", self.hum(tone)
        for number in range(6):
            yield f"hits{number}", self.hits()
        for number in range(4):
            centre, turns = self.draw.uniform(300, 3000), self.draw.uniform(0.2, 3)
            phase = np.cumsum(centre * (1 + 0.5 * np.sin(2 * np.pi * turns * TIME))) / RATE
            yield f"chirp{number}", np.sin(2 * np.pi * phase) + 0.05 * self.coloured(1.0)

    def voice(self) -> np.ndarray:
        """One who talks on and on."""
        said, clips = np.zeros(0), self.talk[self.pick.choice(sorted(self.talk))]
        while len(said) < SAMPLES + RATE:
            said = np.concatenate([said, self.pick.choice(clips), np.zeros(int(self.draw.uniform(0, 0.2) * RATE))])
        return said[RATE // 2 :][:SAMPLES] * self.draw.uniform(0.5, 1)

    def coloured(self, slope: float) -> np.ndarray:
        """Noise whose power falls with frequency to the power of the slope, of deviation 1."""
        frequencies = np.maximum(np.fft.rfftfreq(SAMPLES, 1 / RATE), 20)
        made = np.fft.irfft(np.fft.rfft(self.draw.standard_normal(SAMPLES)) * frequencies ** (-slope / 2), SAMPLES)
        return made / made.std()

    def hum(self, tone: float) -> np.ndarray:
        """A tone and its multiples."""
        made = 0.05 * self.coloured(1.0)
        for number in range(1, 12):
            if number * tone < RATE / 2:
                phase = 2 * np.pi * number * tone * TIME + self.draw.uniform(0, 6)
                made += np.sin(phase) / number ** self.draw.uniform(0.3, 1.5)
        return made

    def hits(self) -> np.ndarray:
        """Bursts of noise that die away."""
        made = 0.01 * self.coloured(1.0)
        for start in self.draw.uniform(0, SAMPLES - 4000, int(self.draw.uniform(20, 120))).astype(int):
            length = int(self.draw.uniform(40, 3000))
            fall = np.exp(-np.arange(length) / (length / 5))
            made[start : start + length] += self.draw.standard_normal(length) * fall * self.draw.uniform(0.2, 1)
        return made


def main() -> None:
    """Lay all out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("unpacked", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--games", type=Path, help="games whose voices, noises and music are learned from as well")
    parser.add_argument("--read", type=Path, help="more held-out speech")
    parser.add_argument("--noises", type=Path, help="more noises, in train/ and test/")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    folders = {(what, part): chosen.out / what / part for what in ("speech", "noises") for part in ("train", "test")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    held_out, talk = [], babblers(chosen.unpacked)
    talk["phrases"] = []
    for language, name, samples in recordings(chosen.unpacked):
        if language == HELD_OUT:
            held_out.append((name, samples))
        else:
            soundfile.write(folders["speech", "train"] / name, samples, RATE)
            talk["phrases"].append(samples / np.sqrt(np.mean(samples**2)))
    long_enough = [each for each in held_out if len(each[1]) > 2 * RATE]
    for name, samples in random.Random(chosen.seed).sample(long_enough, CLIPS):
        soundfile.write(folders["speech", "test"] / name, samples, RATE)
    for path in sorted(chosen.read.iterdir()) if chosen.read else []:
        shutil.copy(path, folders["speech", "test"])
    for part in ("train", "test") if chosen.noises else ():
        for path in sorted((chosen.noises / part).iterdir()):
            shutil.copy(path, folders["noises", part])
    music = chosen.unpacked / "usr/share/asterisk/moh"
    babbles = MORE_BABBLES if chosen.games else BABBLES
    made = [(song, decoded(music / f"{song}.g722")[: 90 * RATE]) for song in SONGS]
    games = played(chosen.games, random.Random(chosen.seed)) if chosen.games else []
    for name, samples in tellers(chosen.games) if chosen.games else ():
        soundfile.write(folders["speech", "train"] / name, samples, RATE)
    for name, samples in [*made, *Noises(talk, babbles, chosen.seed).all(), *games]:
        soundfile.write(folders["noises", "train"] / f"{name}.flac", 0.5 * samples / np.abs(samples).max(), RATE)
    for (what, part), folder in folders.items():
        seconds = sum(soundfile.info(path).duration for path in folder.iterdir())
        Console().print(f"{what} {part}: {len(list(folder.iterdir()))} files, {seconds / 60:.1f} minutes")


if __name__ == "__main__":
    main()
