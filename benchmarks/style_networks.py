"""Networks of style and films: how close one pass comes, what a large picture costs, and how still a film stands.

``close`` paints photographs that a network never saw, in one pass and step by step, and tells style and content loss of
both and of the photograph, by the losses that both were made by. ``large`` starts a process for each size and tells its
peak, everything included, and how far tiles are from the whole. ``films`` paints a pan whose shift is known: each frame
alone, from the one before, and held to it.

    python benchmarks/style_networks.py close RUN PHOTOS [STYLE …] [--height 256]
    python benchmarks/style_networks.py large RUN PHOTO
    python benchmarks/style_networks.py films PHOTO [STYLE]

A style is a picture file or a drawn pattern; a network of one style knows its own.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from rich.console import Console

import belamy
from belamy.editing.style import SETTINGS, stylize, stylize_film
from belamy.editing.style import one_pass as painting
from belamy.editing.style.film import Film
from belamy.editing.style.images import as_pixels, load, resized, size_for
from belamy.editing.style.objective import Style, StyleLoss
from belamy.methods.base import BaseMethod
from belamy.methods.perception import style_picture
from belamy.networks.efficientnet_lite import EfficientNetLite

SIZES = ("0x0", "768x1024", "1500x2000", "3000x4000")
RIGHT, DOWN = 3, 1
"""Pixels a frame that the pan moves by."""
console = Console(width=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("close", "large", "films", "peak"))
    parser.add_argument("words", nargs="+", help="a run, photographs, styles")
    parser.add_argument("--height", type=int, default=256)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "close":
        close(asked.words[0], Path(asked.words[1]), asked.words[2:], asked.height)
    elif asked.what == "large":
        large(*asked.words)
    elif asked.what == "peak":
        peak(*asked.words)
    else:
        films(*asked.words)


# ---- how close ----


def close(run: str, photos: Path, styles: list[str], height: int) -> None:
    """Losses of photograph, one pass and painting; the share of the way in style that one pass goes."""
    method = opened(run)
    shares: list[float] = []
    for style in styles or [method.recipe.style]:
        pixels = style_picture(style)
        for photo in sorted(photos.iterdir()):
            content = load(photo, "content")
            begun = process_time()
            quick = painted(method, content, pixels, height)
            passed = process_time()
            slow = stylize(content, pixels, size=height).pixels
            took = process_time()
            objective = judge(content, pixels, height)
            found = [losses(objective, each) for each in (brought(content, height), quick, slow)]
            shares.append((found[0][1] - found[1][1]) / (found[0][1] - found[2][1]))
            told = "  ".join(f"{name} {content:.2f} {style:.2f}" for name, (content, style) in zip(
                ("photograph", "one pass", "painted"), found, strict=True))  # fmt: skip
            console.print(f"{photo.name} {Path(style).stem}: content and style of {told}; {shares[-1]:.0%} of the way, "
                          f"{passed - begun:.1f} s and {took - passed:.0f} s")  # fmt: skip
    console.print(f"of the way in style: {statistics.mean(shares):.0%} on average, {min(shares):.0%} at least")


def opened(run: str) -> BaseMethod:
    return belamy.open(run).method()


def brought(content: np.ndarray, height: int) -> np.ndarray:
    return as_pixels(resized(content, size_for(content, height)))


def painted(method: Any, content: np.ndarray, style: np.ndarray, height: int) -> np.ndarray:
    shown = [style] if method.takes_styles else []
    return painting.paint(method, content, shown, size=height).pixels


def judge(content: np.ndarray, style: np.ndarray, height: int) -> StyleLoss:
    """The losses of ``belamy stylize``, the style at the size that both were shown it."""
    size = size_for(content, height)
    wanted = resized(style, size_for(style, height))
    return StyleLoss(EfficientNetLite.pretrained(), SETTINGS["offline"], resized(content, size), [Style(wanted)])


def losses(objective: StyleLoss, pixels: np.ndarray) -> tuple[float, float]:
    terms, _ = objective.gradient(resized(pixels, pixels.shape[:2]))
    return terms.content, terms.style


# ---- large pictures ----


def large(run: str, photo: str) -> None:
    for size in SIZES:
        command = [sys.executable, __file__, "peak", run, photo, size]
        console.print(f"{size}: {subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()}")
    method: Any = opened(run)
    content = load(photo, "content")
    height = 1000
    pieces = painted(method, content, content[::-1], height).astype(float)
    painting.TILE = 8192
    whole = painted(method, content, content[::-1], height).astype(float)
    apart = (pieces - whole)[:-16, :-16]  # the last are beside what was mirrored, by another number of pixels
    console.print(f"{whole.shape[1]}x{whole.shape[0]}: tiles are {np.sqrt(np.square(apart).mean()):.2f} levels of 255 "
                  f"from the whole (r.m.s.), {np.abs(apart).max():.0f} at most")  # fmt: skip


def peak(run: str, photo: str, size: str) -> None:
    """A picture painted in one pass, and the peak of this process; the photograph turned upside down is the style."""
    height, width = map(int, size.split("x"))
    method: Any = opened(run)
    begun = process_time()
    if height:
        content = as_pixels(resized(load(photo, "content"), (height, width)))
        painted(method, content, content[::-1], height)
    peaked = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"{peaked:,.0f} MB at the peak, {process_time() - begun:.0f} s of processor time")


# ---- films ----


def films(photo: str, style: str = "night") -> None:
    """What stays in a pan changes by so many levels."""
    whole = as_pixels(resized(load(photo, "content"), (140, 210)))
    frames = [whole[10 + DOWN * k : 106 + DOWN * k, 10 + RIGHT * k : 138 + RIGHT * k] for k in range(4)]
    pictured = style_picture(style)
    console.print(f"the photograph itself: {change(frames):.2f}")
    ways: dict[str, dict[str, Any]] = {"alone": {"warm": False}, "from the one before": {"steadiness": 0.0}, "held": {}}
    for name, options in ways.items():
        begun = process_time()
        made = stylize_film(Film(frames, 0.4), pictured, steps=24, **options)
        console.print(f"{name}: {change(made.frames):.1f} levels by the exact shift, "
                      f"{statistics.mean(made.unsteadiness):.1f} by the estimated flow, "
                      f"{process_time() - begun:.0f} s of processor time")  # fmt: skip


def change(frames: list[np.ndarray]) -> float:
    """Root mean square between frames, each moved by the pan, in levels of 255."""
    apart = [np.square(after[:-DOWN, :-RIGHT].astype(float) - before[DOWN:, RIGHT:]).mean()
             for before, after in pairwise(frames)]  # fmt: skip
    return float(np.sqrt(np.mean(apart)))


if __name__ == "__main__":
    main()
