"""Spoken digits of many voices, in folders as benchmarks/wavegan.py takes them.

Seven accents of English by a hundred voices of a formant synthesiser, each at speeds and pitches of its own. A fifth of
the voices is held out. What is silent before and after is cut off; words that last longer than half a second are left
out. Everything follows from the seed.

    apt-get download espeak-ng libespeak-ng1 espeak-ng-data libpcaudio0 libsonic0
    for each in *.deb; do dpkg-deb -x $each UNPACKED; done
    python benchmarks/digits.py UNPACKED OUT [--takes 4] [--seed 0]
"""

from __future__ import annotations

import argparse
import io
import os
import random
import subprocess
import wave
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy.io import wavfile
from scipy.signal import resample_poly

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
RATE, SAMPLES, MARGIN, FAINT = 16_000, 8_192, 160, 0.01
"""Samples a second and of a sound; kept before the word; what is silence, as a share of the loudest sample."""


class Synthesiser:
    """The program of the packages.

    Args:
        unpacked: Where they lie.
    """

    def __init__(self, unpacked: Path) -> None:
        (data,) = unpacked.resolve().glob("usr/lib/*/espeak-ng-data")
        self.command = [str(unpacked / "usr/bin/espeak-ng"), f"--path={data.parent}"]
        self.environment = {**os.environ, "LD_LIBRARY_PATH": str(data.parent)}

    def run(self, *words: str) -> bytes:
        """What the program writes."""
        return subprocess.run(
            [*self.command, *words], env=self.environment, capture_output=True, check=True, timeout=60
        ).stdout

    def voices(self) -> list[str]:
        """Names of the voices that an accent can have."""
        lines = self.run("--voices=variant").decode().splitlines()[1:]
        return sorted(word.removeprefix("!v/") for line in lines for word in line.split() if word.startswith("!v/"))

    def said(self, word: str, voice: str, speed: int, pitch: int) -> np.ndarray:
        """Samples of a word between -1 and 1, at 16,000 a second."""
        found = self.run("--stdout", "-v", voice, "-s", str(speed), "-p", str(pitch), word)
        with wave.open(io.BytesIO(found)) as held:
            rate, frames = held.getframerate(), held.readframes(held.getnframes())
        return np.asarray(resample_poly(np.frombuffer(frames, "<i2") / 32_768, RATE, rate))


def trimmed(spoken: np.ndarray) -> np.ndarray:
    """The word without the silence around it."""
    loud = np.flatnonzero(np.abs(spoken) > FAINT * np.abs(spoken).max())
    return spoken[max(loud[0] - MARGIN, 0) : loud[-1] + MARGIN]


def main() -> None:
    """Lay the digits out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("unpacked", type=Path, help="what the packages hold")
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--takes", type=int, default=4, help="how often each voice says each digit")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    synthesiser, pick = Synthesiser(chosen.unpacked), random.Random(chosen.seed)
    voices = synthesiser.voices()
    held_out = set(pick.sample(voices, len(voices) // 5))
    counts = {"train": 0, "test": 0, "too long": 0}
    for voice in track(voices):
        split = "test" if voice in held_out else "train"
        for number, word in enumerate(WORDS):
            folder = chosen.out / split / f"{number}-{word}"
            folder.mkdir(parents=True, exist_ok=True)
            for take in range(chosen.takes):
                accent, speed, pitch = pick.choice(ACCENTS), pick.randint(170, 260), pick.randint(20, 80)
                spoken = trimmed(synthesiser.said(word, f"{accent}+{voice}", speed, pitch))
                kept = len(spoken) <= SAMPLES
                counts[split if kept else "too long"] += 1
                if kept:
                    whole = np.clip(np.pad(spoken, (0, SAMPLES - len(spoken))) * 32_767, -32_768, 32_767)
                    wavfile.write(folder / f"{voice}-{take}.wav", RATE, whole.astype(np.int16))
    Console().print(f"{counts['train']} to learn from, {counts['test']} held out, {counts['too long']} were too long")


if __name__ == "__main__":
    main()
