"""Quality and diversity of texts over the temperature, for any recipes of texts at equal CPU-minutes of one thread.

Each recipe is made as long as the minutes are, by the time of a few steps; only training counts as time. Then texts of
its averaged weights are judged at each temperature against held-out texts, beside other real texts. A method without a
temperature is judged as it writes. It goes on where its folder was: a recipe that is there is left as it is.

    python benchmarks/texts.py phrases|grammar [--minutes 10] [--only NAME …] [--seeds 0] [--count 2000]
                               [--temperatures 0.5 0.7 0.85 1 1.2] --folder DIR [--write PAGE]

NAME is one of the models below or any recipe of texts, such as scratchgan.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from minutes import lasting, trained_through
from notes import Notes, Row

from belamy import recipes
from belamy.data import Dataset, open_data
from belamy.evaluation.candidate import Drawn, heeds_labels
from belamy.evaluation.features.ngrams import Extractor
from belamy.evaluation.own import own_measures
from belamy.evaluation.panel import Judgement, Panel
from belamy.methods.base import BaseMethod, BaseRecipe
from belamy.registry import Part
from belamy.sampling.sheets import sheet_of
from belamy.training.setup import Options
from belamy.training.trainer import Trainer
from belamy.training.transfer import transfer

SETS = {"phrases": ("wordnet-phrases", "text"), "grammar": ("grammar", "text:unit=words")}
"""The data, and how they are read."""
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "n-grams": ("n-grams", {}),
    "linear": ("char-lm", {"network": Part(name="linear")}),
    "gru": ("char-lm", {}),
    "lstm": ("char-lm", {"network": Part(name="lstm")}),
    "transformer": ("char-lm-transformer", {}),
    "scratchgan after gru": ("scratchgan", {}),
    "text-gan": ("text-gan", {}),
}
"""Models by name: a recipe, and what is changed of it."""
STARTS = {"scratchgan after gru": "gru"}
"""Games that begin with a model that learned by maximum likelihood for half of the minutes."""
COUNTED = "n-grams"
"""The model that is as long as it is: more time does not make it better."""
METRICS = ("frechet", "bleu", "self-bleu", "ngram-divergence", "reverse-perplexity", "copied-texts", "grammar")
COLUMNS = ("bleu-4", "self-bleu-4", "ngram-divergence-2", "reverse-bits", "frechet", "copied-texts", "grammatical",
           "derivations-covered", "rule-divergence")  # fmt: skip
SHARES = tuple(number / 20 for number in range(1, 21))
SPENT = 1.2
"""A run that has taken so many times its minutes is stopped where it is."""
SHOWN = 40
REAL = "real texts"


def figures_of(found: Judgement) -> Row:
    """The numbers, with their intervals where there are any."""
    return {name: found.intervals.get(name, value) for name, value in found.values.items()}


def recipe_of(name: str, data: str, modality: str, seed: int) -> BaseRecipe:
    """The recipe of a model, or of a name, for a set of texts."""
    base, changed = MODELS.get(name, (name, {}))
    return recipes.get(base).changed(data=data, modality=modality, seed=seed, **changed)


def bits_of(method: BaseMethod, data: Dataset) -> Row:
    """Bits of each symbol of held-out texts, of a method that knows likelihoods."""
    measures = {each.name: each for each in own_measures(method, data)}
    found = next((each for name, each in measures.items() if name.startswith("bits-per")), None)
    return {} if found is None else {"bits": found.interval or found.value}


def trained(
    name: str, seed: int, notes: Notes, data: Dataset, chosen: argparse.Namespace, minutes: float, of: str = ""
) -> Trainer:
    """A model after its minutes, trained anew or as it was kept; ``of`` says whose beginning it is."""
    key, options = f"{of}{name}-{seed}", Options(device="cpu")
    if name in STARTS:
        minutes /= 2

    def plan(usual: BaseRecipe) -> BaseRecipe:
        return usual if name == COUNTED else lasting(usual, data, options, minutes)

    trainer, before = notes.trainer(key, recipe_of(name, *SETS[chosen.set], seed), plan, data, options)
    if notes.last(key) is not None:
        return trainer
    if name in STARTS:
        first = trained(STARTS[name], seed, notes, data, chosen, minutes, f"{name}: ")
        transfer(trainer, first.method.recipe, first.method.spec, first.state())
    for share, spent in trained_through(trainer, before, SHARES):
        if share < 1 and spent < SPENT * minutes:
            continue
        with trainer.averages.in_place(trainer.method):
            trainer.method.eval()
            raw = next(Drawn(trainer.method, SHOWN, 1, heeds_labels(trainer.method)).chunks())[0]
            figures = {"share": share, **bits_of(trainer.method, data)}
            trainer.method.train()
        notes.keep(key, trainer, minutes, spent, figures, sheet_of(raw, data.field, 2))
        break
    return trainer


def judged(name: str, seed: int, notes: Notes, panel: Panel, data: Dataset, chosen: argparse.Namespace) -> None:
    """A row for each temperature that has none."""
    trainer = trained(name, seed, notes, data, chosen, chosen.minutes)
    method = trainer.method
    temperatures = chosen.temperatures if "temperature" in method.sampling_options else [None]
    with trainer.averages.in_place(method):
        method.eval()
        for temperature in temperatures:
            what = f"{name}-{seed}" + (" as it writes" if temperature is None else f" at {temperature:g}")
            if notes.last(what) is None:
                options = {} if temperature is None else {"temperature": temperature}
                drawn = Drawn(method, chosen.count, 1, heeds_labels(method), options)
                found = figures_of(panel.judge(drawn.chunks(), 1, detail=True))
                notes.add(what, found, model=name, seed=seed, temperature=temperature)
        method.train()


def table(notes: Notes) -> str:
    """The figures as Markdown."""
    rows = [row for row in notes.rows if "bleu-4" in row]
    columns = [name for name in COLUMNS if any(name in row for row in rows)]
    lines = [f"| model | bits | temperature | {' | '.join(columns)} |", "|---|---|---|" + "---|" * len(columns)]
    for row in rows:
        learned = notes.last(f"{row.get('model')}-{row.get('seed')}") or {}
        bits, heat = learned.get("bits"), row.get("temperature")
        cells = [
            REAL if "model" not in row else f"{row['model']}, seed {row['seed']}",
            "–" if bits is None else f"{first(bits):.3f}",
        ]
        cells.append("–" if heat is None else f"{heat:g}")
        cells += [f"{first(row[name]):.3f}" if name in row else "–" for name in columns]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def first(value: Any) -> float:
    """A number, or that of an interval."""
    return float(value[0] if isinstance(value, list) else value)


def main() -> None:
    """Train, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", nargs="+", default=list(MODELS), metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--count", type=int, default=2000, help="texts that are judged")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.5, 0.7, 0.85, 1, 1.2])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="the page to write the table into, between its marks")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    source, modality = SETS[chosen.set]
    data = open_data(source, modality=modality)
    notes = Notes(chosen.folder, set=chosen.set, minutes=chosen.minutes, judged=chosen.count)
    usual = [name for name in METRICS if name != "grammar" or chosen.set == "grammar"]
    panel = Panel(Extractor(data.field), data, metrics=usual)
    notes.once(REAL, lambda: figures_of(panel.real_baseline(chosen.count, 1, detail=True)))
    for seed in chosen.seeds:
        for name in chosen.only:
            judged(name, seed, notes, panel, data, chosen)
    notes.tell(table(notes), chosen.write, f"texts {chosen.set}")


if __name__ == "__main__":
    main()
