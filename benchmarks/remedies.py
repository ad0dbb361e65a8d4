"""The remedies of the watch are themselves measured: each is tried on small runs of own pictures.

A patient is a GAN of colour pictures that goes wrong, or not: it trains to its end, the watch says what it finds, and
each remedy of each finding is then tried as its command says: the run goes on with it for as many samples again, or,
where the remedy discards a network, begins anew for as many. It helps if the Fréchet distance to the pictures, in the
features of the embedded EfficientNet, is at least a twentieth below that of the same run gone on with unchanged, and
harms if it is a twentieth above. Whether a label is heard no such distance can tell: against ``label-ignored`` it is
that of the samples of a class to the pictures of that class, meant over the classes.

Every trial is a line of ``trials.jsonl`` in the folder. What is there is not done again, so the benchmark can be
stopped at any time and gone on with.

    python benchmarks/remedies.py FOLDER PICTURES … [--seeds 0 1 2] [--minutes 2] [--only KIND …] [--signs SIGN …]
        [--write PAGE TRIALS]
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from math import inf
from pathlib import Path
from statistics import mean, median
from time import monotonic
from typing import Any

import torch
from rich.console import Console

from belamy.data import Dataset, open_data
from belamy.errors import NotFinite
from belamy.evaluation.features.efficientnet import efficientnet_features
from belamy.evaluation.panel import Panel
from belamy.methods import gan, vae
from belamy.methods.base import METHODS, BaseMethod, BaseRecipe, DataSpec
from belamy.progress import Reporter
from belamy.registry import Part
from belamy.runs.provenance import provenance
from belamy.runs.run import Run, method_name
from belamy.sampling.draw import draw
from belamy.training.inheritance import discarded, inherit
from belamy.training.session import Session, SessionSettings
from belamy.training.trainer import Trainer, fresh
from belamy.training.watch.diagnosis import examine
from belamy.training.watch.finding import Finding, Remedy
from belamy.training.watch.history import RunHistory

SAMPLES, JUDGED = 12_800, 500
"""Length of a run, and samples that are judged."""
MARGIN = 0.05
"""Relative change of the distance from which a remedy helped or harmed."""
STRENGTH = 0.6
"""Findings from this strength on are treated."""
RATE = 2e-3
BEGIN, END = "<!-- trials: begin -->", "<!-- trials: end -->"
"""Between these lines the page holds the table."""
KEY = ("pictures", "patient", "seed")
ENOUGH = 4
"""Trials after which a remedy that harms is given up."""
OF_LABELS = "label-ignored"
LOST = {"after": inf, "by_class": inf}
"""The distances of a run that NaN ended."""
FEWEST = 50
"""Pictures that a class must have for its samples to be compared with them."""


def adam(lr: float) -> Part:
    """The optimiser of the digits recipe at a rate."""
    return Part(name="adam", lr=lr, beta1=0.0, beta2=0.99)


def digits(width: int = 8, hidden: int = 64) -> Part:
    """The networks of the digits recipe, smaller."""
    return Part(name="digits", width=width, hidden=hidden)


def usual(**fields: Any) -> BaseRecipe:
    """A small GAN that goes well, with some fields changed, or a small VAE."""
    if "encoder" in fields:
        return vae.Recipe(**{"decoder": fields["encoder"], "batch": 64, "samples": SAMPLES, "latent": 20, **fields})
    settings: dict[str, Any] = {
        "generator": digits(), "discriminator": digits(), "latent": 32, "batch": 64, "samples": SAMPLES,
        "penalties": (Part(name="r1", weight=1.0, every=8),),
        "generator_optimizer": adam(RATE), "discriminator_optimizer": adam(RATE),
    }  # fmt: skip
    return gan.Recipe(**{**settings, **fields})


FROZEN = "frozen generator"
PATIENTS: dict[str, dict[str, Any]] = {
    "usual": {},
    "discriminator rate x30": {"discriminator_optimizer": adam(30 * RATE)},
    "generator rate x30": {"generator_optimizer": adam(30 * RATE), "penalties": ()},
    "discriminator rate /50": {"discriminator_optimizer": adam(RATE / 50), "penalties": ()},
    "discriminator too small": {"discriminator": digits(1, 2), "penalties": ()},
    "discriminator too strong": {"discriminator": digits(16, 128), "critic_steps": 5, "penalties": ()},
    "no penalty": {"penalties": ()},
    "wrong scaling": {"real_range": "0..1"},
    FROZEN: {"generator_optimizer": adam(0.0)},
    "both rates /50": {"generator_optimizer": adam(RATE / 50), "discriminator_optimizer": adam(RATE / 50)},
    "momentum": {
        "generator_optimizer": Part(name="adam", lr=RATE, beta1=0.9), "penalties": (),
        "discriminator_optimizer": Part(name="adam", lr=RATE, beta1=0.9),
    },
    "diverging rate": {
        "adversarial": Part(name="wasserstein"), "penalties": (),
        "discriminator_optimizer": Part(name="sgd", lr=0.02), "generator_optimizer": Part(name="sgd", lr=0.02),
    },
    "nobody checks the label": {"generator_condition": Part(name="embedding")},
    "nobody tells the label": {"discriminator_condition": Part(name="projection")},
    "generator rate x100": {"generator_optimizer": adam(100 * RATE), "penalties": ()},
    "sgd": {"generator_optimizer": Part(name="sgd", lr=0.01), "discriminator_optimizer": Part(name="sgd", lr=0.01)},
}  # fmt: skip
VAE = {"encoder": Part(name="vae-digits", width=8, hidden=128), "optimizer": Part(name="adam", lr=RATE, beta1=0.9)}
PATIENTS["vae"] = VAE
PATIENTS["vae of two numbers"] = {**VAE, "latent": 2}
PATIENTS["kernel 5 stride 2"] = {"generator": Part(name="dcgan-geron")}
LABELLED = ("nobody checks the label", "nobody tells the label")
HUNDRED, COPIES = "a hundred pictures", "a hundred pictures for long"
PATIENTS[HUNDRED] = {"discriminator": digits(16, 128), "penalties": ()}
PATIENTS[COPIES] = {"generator": digits(16, 128), "samples": 10 * SAMPLES}
PATIENTS["discriminator with dropout"] = {"discriminator": Part(name="dcgan-32"), "critic_steps": 5, "penalties": ()}


@cache
def opened(data: str) -> Dataset:
    """Pictures, opened once."""
    return open_data(data)


@cache
def panel(data: str) -> Panel:
    """Who judges samples against these pictures."""
    pictures = opened(data)
    return Panel(efficientnet_features(pictures.shape), pictures, "all", metrics=("frechet",))


@cache
def panel_of(data: str, label: int) -> Panel:
    """Who judges samples of a class against the pictures of that class."""
    pictures = opened(data)
    return Panel(efficientnet_features(pictures.shape), pictures.only(pictures.classes[label]), "all", ["frechet"])


def distances(data: str, trainer: Trainer) -> dict[str, float]:
    """Fréchet distances of samples, drawn with averaged weights, from the pictures.

    ``after`` is that of all; ``by_class``, where classes are told, the mean of those of each class.
    """
    method = trainer.method
    with trainer.averages.in_place(method):
        found = {"after": panel(data).judge_method(method, JUDGED).values["frechet"]}
        if method.spec.classes:
            counts = opened(data).label_counts()
            frequent = [label for label, name in enumerate(method.spec.classes) if counts[name] >= FEWEST]
            samples = {label: draw(method, JUDGED // 2, labels=label) for label in frequent}
            judged = [panel_of(data, label).judge([(some, None)]) for label, some in samples.items()]
            found["by_class"] = mean(each.values["frechet"] for each in judged)
    return found


def make(recipe: BaseRecipe, labelled: bool) -> Trainer:
    """A trainer at its beginning; of the hundred pictures it sees no others."""
    data = opened(recipe.data)
    spec = DataSpec.pictures(data.shape, tuple(data.classes) if labelled else ())

    def build() -> BaseMethod:
        method: BaseMethod = METHODS.build(Part(name=method_name(recipe)), recipe=recipe, spec=spec)
        return method

    torch.set_flush_denormal(True)
    return Trainer(fresh(build, recipe.seed, torch.device("cpu"), torch.float32), data)


def trained(trainer: Trainer) -> Trainer:
    """The trainer at its end.

    Raises:
        NotFinite: On the way.
    """
    while trainer.clock.samples < trainer.method.recipe.train_samples:
        trainer.step()
    trainer.check_finite()
    return trainer


def patient(folder: Path, recipe: BaseRecipe, labelled: bool) -> Run:
    """The run that goes wrong, trained into a folder unless it lies there."""
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        trainer, facts = make(recipe, labelled), provenance("cpu", "float32", 1, 1, "")
        run = Run.create(
            folder, recipe=recipe, recipe_name="patient", spec=trainer.method.spec, provenance=facts,
            card=trainer.dataset.card(),
        )  # fmt: skip
        session = Session(run, trainer, SessionSettings(snapshots=1, checkpoint_seconds=inf), Reporter())
        try:
            while trainer.clock.samples < recipe.train_samples:
                session.step()
                if trainer.clock.samples == recipe.train_samples // 4:
                    session.save()  # there is something to go on from when NaN comes
            session.save()
        except NotFinite:
            pass  # its journal says so
        (folder / "done").touch()
    return Run.open(folder)


def treated(run: Run, changes: dict[str, Any]) -> dict[str, Any]:
    """The distances after a change, infinite where NaN came, and whether the run had to begin ``anew`` for it."""
    recipe, labelled = run.recipe, bool(run.spec.classes)
    state = run.load_checkpoint()
    changed = recipe.changed(**changes)
    seen = state.samples if state is not None else 0
    shorter = "train_samples" in changes and changed.train_samples <= seen
    anew = not seen or shorter or bool(discarded(recipe, changed, run.spec))
    length = changed.train_samples if anew or "train_samples" in changes else seen + SAMPLES
    trainer = make(changed.changed(samples=length), labelled)
    if not anew:
        assert state is not None
        inherit(trainer, recipe, run.spec, state)
    try:
        return {**distances(recipe.data, trained(trainer)), "anew": anew}
    except NotFinite:
        return {**LOST, "anew": anew}


def told(folder: Path) -> list[dict[str, Any]]:
    """The trials so far."""
    path = folder / "trials.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def tell(folder: Path, **facts: Any) -> None:
    """Write a trial down."""
    with (folder / "trials.jsonl").open("a") as file:
        file.write(json.dumps(facts) + "\n")


def ratios(rows: Sequence[dict[str, Any]], of: Sequence[dict[str, Any]]) -> list[float]:
    """The distances of some trials over those of the unchanged runs; 0 where NaN was cured, 1 where it came anyway.

    Training on is itself the unchanged run; its ratio is that to the beginning of it.

    Args:
        rows: The trials.
        of: All trials, with those of the unchanged runs.
    """
    named = {(row["why"], *(row[key] for key in KEY)): row for row in of if not row["sign"]}
    found = []
    for row in rows:
        key, how = tuple(row[key] for key in KEY), "by_class" if row["sign"] == OF_LABELS else "after"
        after, alone = row[how], named["unchanged", *key][how]
        if "train_samples" in row["changes"] and not row["anew"]:
            after, alone = alone, named["before", *key][how]
        found.append(after / alone if alone < inf else float(after == inf))
    return found


def effects(rows: Sequence[dict[str, Any]], of: Sequence[dict[str, Any]]) -> tuple[int, int, int]:
    """How many of some trials helped and harmed, and how many there are."""
    found = ratios(rows, of)
    return sum(each < 1 - MARGIN for each in found), sum(each > 1 + MARGIN for each in found), len(found)


def settled(folder: Path, rows: Sequence[dict[str, Any]]) -> bool:
    """Whether a remedy harmed so often that there is no need to go on."""
    helped, harmed, tried = effects(rows, told(folder))
    return tried >= ENOUGH and harmed >= helped + ENOUGH // 2


def prescribed(run: Run) -> Iterator[tuple[Finding, Remedy]]:
    """The remedies of what is found in a run that are changes."""
    for finding in examine(RunHistory.of(run)):
        for remedy in finding.remedies if finding.strength >= STRENGTH else ():
            if remedy.changes and (finding.sign == "frozen-generator" or FROZEN.replace(" ", "-") not in run.path.name):
                yield finding, remedy


def hundred(data: str, folder: Path) -> str:
    """The first hundred of the pictures as data of their own."""
    import numpy as np

    path = folder / f"hundred-{Path(data).stem}.npy"
    if not path.exists():
        pictures = opened(data)
        np.save(path, pictures.images(pictures.splits["train"][:100]).permute(0, 2, 3, 1).numpy())
    return str(path)


def work(
    folder: Path, pictures: str, name: str, seed: int, until: float, most: int, signs: Sequence[str] | None
) -> None:
    """Treat one patient with what has not been tried on it, against some signs or all."""
    data = hundred(pictures, folder) if name in (HUNDRED, COPIES) else pictures
    recipe = usual(data=data, seed=seed, **PATIENTS[name])
    run = patient(folder / f"{Path(pictures).stem}-{name}-{seed}".replace(" ", "-").replace("/", "by"), recipe,
                  name in LABELLED)  # fmt: skip
    key = {"pictures": Path(pictures).stem, "patient": name, "seed": seed}
    rows = [row for row in told(folder) if {**row, **key} == row]
    known = {json.dumps(row["changes"], sort_keys=True): row for row in rows}
    if not any(row["why"] == "unchanged" for row in rows):
        state, before = run.load_checkpoint(), LOST
        if state is not None and state.samples >= SAMPLES:
            trainer = make(recipe, name in LABELLED)
            trainer.load_state(state)
            before = distances(data, trainer)
        tell(folder, **key, sign="", why="before", changes={}, **before, anew=False)
        tell(folder, **key, sign="", why="unchanged", changes={}, **treated(run, {}))
    for finding, remedy in prescribed(run):
        fields = recipe.changed(**remedy.changes).model_dump(mode="json")
        changes = {field: fields[field] for field in remedy.changes}
        mine = [row for row in told(folder) if (row["sign"], row["why"]) == (finding.sign, remedy.why)]
        if signs is not None and finding.sign not in signs:
            continue
        if len(mine) >= most or settled(folder, mine) or any({**row, **key} == row for row in mine):
            continue
        same = known.get(json.dumps(changes, sort_keys=True))
        if same is None and monotonic() >= until:
            continue
        found = {name: same[name] for name in (*LOST, "anew") if name in same} if same else treated(run, changes)
        known[json.dumps(changes, sort_keys=True)] = found
        tell(folder, **key, sign=finding.sign, why=remedy.why, changes=changes, **found)


def by_remedy(folder: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The trials by sign and remedy."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in told(folder):
        if row["sign"]:
            found.setdefault(row["sign"], {}).setdefault(row["why"], []).append(row)
    return dict(sorted(found.items()))


def table(folder: Path) -> str:
    """All trials as Markdown."""
    rows = told(folder)
    patients = {tuple(row[key] for key in KEY) for row in rows}
    lines = [
        f"{len(rows) - 2 * len(patients)} trials on {len(patients)} runs of "
        + ", ".join(f"{count} × {name}" for name, count in sorted(Counter(key[0] for key in patients).items()))
        + ". Ratio: the median of the distance over that of the unchanged run.",
        "", "| sign | remedy | helped | harmed | of | ratio |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for sign, remedies in by_remedy(folder).items():
        for why, some in sorted(remedies.items(), key=lambda each: median(ratios(each[1], rows))):
            helped, harmed, tried = effects(some, rows)
            lines.append(f"| `{sign}` | {why} | {helped} | {harmed} | {tried} | {median(ratios(some, rows)):.2f} |")
    return "\n".join(lines)


def counts(folder: Path) -> dict[str, dict[str, str]]:
    """How often each remedy helped and harmed, as the doctor says it."""
    rows = told(folder)
    words = "helped in {0} of {2} trials, harmed in {1}"
    return {
        sign: {why: words.format(*effects(some, rows)) for why, some in remedies.items()}
        for sign, remedies in by_remedy(folder).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pictures", nargs="+", help="archives or folders of at most 2,000 colour pictures")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=inf, help="begin nothing after so many")
    parser.add_argument("--most", type=int, default=9, help="trials of each remedy of each sign, at most")
    parser.add_argument("--only", nargs="+", choices=PATIENTS)
    parser.add_argument("--signs", nargs="+", help="signs whose remedies are tried; by default all")
    parser.add_argument("--write", type=Path, nargs=2, help="the page for the table, and the doctor's trials.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    until = monotonic() + 60 * options.minutes
    for seed in options.seeds:
        for pictures in options.pictures:
            for name in options.only or PATIENTS:
                if monotonic() < until:
                    work(options.folder, pictures, name, seed, until, options.most, options.signs)
    if options.write:
        page, doctor = options.write
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        page.write_text(f"{before}{BEGIN}\n{table(options.folder)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
        doctor.write_text(json.dumps(counts(options.folder), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    Console().print("all is done" if monotonic() < until else f"{len(told(options.folder))} trials so far")


if __name__ == "__main__":
    main()
