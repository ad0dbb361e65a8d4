"""Show what an autoencoder makes of pictures, with noise taken out of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Form:
    """Pass pictures through an autoencoder's run: its reconstructions, or with --noise what it restores of noisy ones.
    Writes a sheet, and tells the peak signal-to-noise ratios."""

    run: str
    """The run's directory."""
    pictures: str
    """A picture, a folder, an archive, an array file, a named data set; test for the held-out images of the run's data,
    test:0..7 for the first of them."""
    noise: float = 0.0
    """Standard deviation of normal noise to add first, on the scale [0, 1]; 0 for pictures that are noisy already."""
    count: int = 10
    """Pictures on the sheet."""
    seed: int = 0
    """Decides the noise."""
    out: str = "reconstructed.png"
    """The PNG file to write."""
    weights: Literal["newest", "best"] = "newest"
    """Which weights: the newest, or the best that `train --keep-best` kept."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    offline: bool = False
    """Never fetch data from the network."""
    overwrite: bool = False
    """Replace files that are there."""
    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Reconstruct, compare, draw."""
    from belamy.cli.output import deliver
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy reconstruct")
    from belamy.cli.pictures import picture_file

    out = picture_file(form.out, form.overwrite)
    from belamy.cli.images import given
    from belamy.device import choose_device
    from belamy.editing.restoration import restore
    from belamy.errors import UsageError
    from belamy.evaluation import intervals
    from belamy.runs.files import write_bytes
    from belamy.runs.run import Run
    from belamy.training.setup import open_recipe_data

    if not 1 <= form.count <= 64:
        raise UsageError(f"--count is {form.count}, but it must be in 1..64.")
    run = Run.open(form.run)
    method = run.method(best=form.weights == "best").to(choose_device(form.device))
    data = open_recipe_data(run.recipe, form.offline)
    names, images, _ = given(form.pictures, data, form.offline)
    found = restore(method, images, form.noise, form.seed)
    write_bytes(out, found.picture(form.count).png)
    kept = found.after.isfinite() & (found.before.isfinite() | (form.noise == 0))
    after = intervals.mean(found.after[kept])
    before = intervals.mean(found.before[kept]) if form.noise else None
    facts = {
        "run": str(run.path), "pictures": len(names), "noise": form.noise, "seed": form.seed,
        "psnr_before": None if before is None else finite(before), "psnr": finite(after),
        "each": [{"name": name, "psnr": value} for name, value in zip(names, map(rounded, found.after), strict=True)],
        "files": [str(out)],
    }  # fmt: skip
    told = f"{after.value:.2f} dB" if before is None else f"{before.value:.2f} dB before, {after.value:.2f} dB after"
    deliver(facts, form.json, f"{out}: {len(names):,} picture(s), {told}")
    return 0


def finite(numbers: tuple[float, ...]) -> list[float | None]:
    """Numbers to two decimals, None for those that JSON has no word for."""
    from math import isfinite

    return [round(number, 2) if isfinite(number) else None for number in numbers]


def rounded(value: object) -> float | None:
    """One number to two decimals; None where a picture came back as it was."""
    return finite((float(value),))[0]  # type: ignore[arg-type]
