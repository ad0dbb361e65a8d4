"""Spoilt speech made clean by networks after CPU-minutes of their own, beside rules, on voices and noises held out.

Or speech made of its spectrogram by vocoders, beside phases that are searched for.

Networks are trained on pieces of a second; judged are four seconds at a time of held-out recordings, each spoilt once
by the seed, the same for all: PESQ, STOI, SI-SDR and more, of what was given, of the network and of the rules. Folders
of sounds hold ``train`` and ``test``. It goes on where its folder was.

    python benchmarks/enhancement.py noise --data SPEECH --noises NOISES [--minutes 60] [--threads 2] [--seed 0]
                                           [--only light|SEGAN …] --folder DIR [--write PAGE] [-- OPTIONS OF THE RECIPE]
    python benchmarks/enhancement.py gaps|packets --data SPEECH --only restorer [...]
    python benchmarks/enhancement.py clipping --data SPEECH --only declipper [...]
    python benchmarks/enhancement.py spectrogram --data SPEECH --only vocoder waveglow [...]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from minutes import lasting, run_at
from notes import Notes, Row
from torch import Tensor

from belamy import recipes
from belamy.api.translate import translate
from belamy.cli.recipe_form import read
from belamy.evaluation.pairs.summary import summarise
from belamy.methods.base import BaseRecipe
from belamy.registry import Part
from belamy.training.setup import Options, open_recipe_data

MODELS = {
    "light": "speech-enhancer", "SEGAN": "segan-small", "restorer": "restorer", "declipper": "declipper",
    "vocoder": "vocoder-small", "waveglow": "waveglow-small",
}  # fmt: skip
SPECTROGRAM = "spectrogram"
"""What vocoders are given."""
DAMAGES = {
    "noise": (),
    "clipping": (Part(name="clipping", low=0.1, high=0.6, relative=True),),
    "gaps": (Part(name="gaps", count=3, low=10, high=50),),
    "packets": (Part(name="packet-loss", share=0.1, milliseconds=20),),
    "band": (Part(name="band-limit", low=3400, high=3400),),
    SPECTROGRAM: (),
}
PIECE, JUDGED = 16_384, 65_536
"""Samples of a piece that is learned from, and of one that is judged."""
LOW, HIGH = -5.0, 15.0
"""Ratios of noises in dB at which all are judged, whatever they learned at: the book's SEGAN from 0 on."""
OPTIONS = Options(device="cpu", progress=False)


def recipe_of(name: str, chosen: argparse.Namespace, words: list[str]) -> BaseRecipe:
    """A model's recipe for the damage that is asked for."""
    usual = recipes.get(MODELS[name]).changed(
        data=str(chosen.data), modality="audio:cut=pieces", rate=16_000.0, seed=chosen.seed
    )
    if chosen.damage != SPECTROGRAM:
        noises = str(chosen.noises) if chosen.noises else None
        usual = usual.changed(length=PIECE, other=noises, degradations=DAMAGES[chosen.damage])
    fields, _ = read(usual, words, "enhancement.py")
    return usual.changed(**fields)


def figures_of(measured: Mapping[str, Tensor]) -> Row:
    """Means over the pieces of which a measure can be told, with their intervals."""
    return {name: summarise(values[~values.isnan()]).mean for name, values in measured.items()}


def thirds(measured: Mapping[str, Tensor], given: Tensor) -> dict[str, Row]:
    """The same of the third of the pieces that were spoilt the most, of the next and of the last.

    Args:
        measured: Of each piece, by measure.
        given: How good each was before.
    """
    parts = given.argsort().tensor_split(3)
    told = [f"the third given at {given[part].min():.0f} to {given[part].max():.0f} dB" for part in parts]
    return {
        name: figures_of({measure: values[part] for measure, values in measured.items()})
        for name, part in zip(told, parts, strict=True)
    }


def judged(name: str, notes: Notes, chosen: argparse.Namespace, words: list[str]) -> None:
    """Train a model as far as that was not done, and judge it; the first that is judged has the rules judged too."""
    usual = recipe_of(name, chosen, words)
    path = chosen.folder / chosen.damage / name
    run, minutes = run_at(path, lambda: lasting(usual, open_recipe_data(usual), OPTIONS, chosen.minutes))
    method: Any = run.method()
    if chosen.damage != SPECTROGRAM:
        method.recipe = method.recipe.changed(snr_low=LOW, snr_high=HIGH)
    found = translate(run, "test", data=open_recipe_data(usual.changed(length=JUDGED)), method=method, device="cpu")
    others = {"as given": found.untouched, **found.rivals}
    for other, measured in others.items():
        notes.once(other, partial(figures_of, measured))
    notes.add(name, figures_of(found.measures), cpu_minutes=minutes, samples=run.recipe.train_samples)
    for what, measured in {"as given": found.untouched, name: found.measures}.items():
        for level, figures in thirds(measured, found.untouched["si-sdr"]).items():
            notes.once(f"{what}, {level}", partial(dict, figures))


def table(notes: Notes) -> str:
    """The figures as Markdown."""
    columns = [name for name in notes.rows[0] if name != "what"]
    lines = [f"| | CPU-minutes | {' | '.join(columns)} |", "|---|---|" + "---|" * len(columns)]
    for row in notes.rows:
        minutes = row.get("cpu_minutes")
        cells = [f"{row[name][0]:.2f}" if row.get(name) else "–" for name in columns]
        lines.append(f"| {row['what']} | {'–' if minutes is None else f'{minutes:.0f}'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train, judge, print."""
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("damage", choices=DAMAGES)
    parser.add_argument("--data", type=Path, required=True, help="clean speech")
    parser.add_argument("--noises", type=Path, help="noises that it is mixed with; pink noise by formula without")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=MODELS, default=["light"])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="the page to write the table into")
    chosen = parser.parse_args(sys.argv[1:end])
    torch.set_num_threads(chosen.threads)
    notes = Notes(chosen.folder / chosen.damage, minutes=chosen.minutes, seed=chosen.seed)
    for name in chosen.only:
        if notes.last(name) is None:
            judged(name, notes, chosen, sys.argv[end + 1 :])
    notes.tell(table(notes), chosen.write, f"enhancement {chosen.damage}")


if __name__ == "__main__":
    main()
