"""The watch is itself measured: runs broken on purpose, and healthy ones, with what it said of each.

A broken run counts as named if, after 40 % of the budget, the right name is among the first two findings; a healthy one
counts as alarmed if any of its looks, up to the end, has a severe finding.

Twelve kinds of broken run with five seeds each, and forty healthy runs of different losses, sizes, settings and data;
each takes about 10 seconds of one core. A run that lies in the folder is not made again, so the benchmark can be
stopped and gone on with, and several processes may share a folder with different ``--share``.

    python benchmarks/watch.py FOLDER [--seeds 0 1 2 3 4] [--flights 5 6 7 8 9] [--only KIND …] [--write PAGE]
"""

from __future__ import annotations

import argparse
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from belamy.data import Dataset, open_data
from belamy.errors import NotFinite
from belamy.evaluation.panel import Panel
from belamy.judges.judge import extractor, trained_judge
from belamy.methods import gan
from belamy.methods.base import METHODS, BaseMethod, BaseRecipe, DataSpec
from belamy.progress import reporter
from belamy.registry import Part
from belamy.runs.provenance import provenance
from belamy.runs.run import Run, method_name
from belamy.training.autopilot import Autopilot
from belamy.training.distribution import World
from belamy.training.session import Session, SessionSettings
from belamy.training.trainer import Trainer, fresh
from belamy.training.watch.diagnosis import examine
from belamy.training.watch.history import RunHistory

SAMPLES = 32_000
"""Budget of a run in training samples: 500 steps of 64."""
EARLY = 0.4
"""Share of the budget before which a failure must be named."""
FINDINGS = 2
"""Among so many first findings the right name must be."""
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
"""Between these lines a page holds the table."""
RATE = 2e-3
"""Learning rate of both players in a healthy run."""


def adam(lr: float) -> Part:
    """The optimiser of the digits recipe at a rate."""
    return Part(name="adam", lr=lr, beta1=0.0, beta2=0.99)


def digits(width: int = 4, hidden: int = 32) -> Part:
    """The small networks of Belamy."""
    return Part(name="digits", width=width, hidden=hidden)


def usual(**fields: Any) -> gan.Recipe:
    """A small GAN that goes well, with some fields changed."""
    settings: dict[str, Any] = {
        "generator": digits(),
        "discriminator": digits(),
        "latent": 32,
        "batch": 64,
        "samples": SAMPLES,
        "penalties": (Part(name="r1", weight=1.0, every=8),),
        "generator_optimizer": adam(RATE),
        "discriminator_optimizer": adam(RATE),
    }
    return gan.Recipe(**{**settings, **fields})


LABELLED = {
    "generator_condition": Part(name="embedding"), "discriminator_condition": Part(name="projection"), "auxiliary": 0.3,
}  # fmt: skip
"""The fields of a conditional GAN as the digits recipe has them."""


# What a recipe cannot say


def as_made(method: Any, trainer: Trainer | None) -> None:
    """Nothing is spoiled."""


def class_by_class(method: gan.Method, trainer: Trainer | None) -> None:
    """The stream shows one class after the other, as files read in the order of a sorted list do."""
    if trainer is not None:
        assert trainer.dataset.labels is not None
        indices = trainer.dataset.splits["train"]
        labels = trainer.dataset.labels[indices]
        order = torch.cat([indices[labels == label][:960] for label in range(len(trainer.dataset.classes))])
        trainer.batches._split, trainer.batches._permutation = order, lambda number: order


def labels_cut(method: gan.Method, trainer: Trainer | None) -> None:
    """The generator is told the label of another image of the batch."""
    if trainer is None:
        method.generator.register_forward_pre_hook(lambda _, given: (given[0], given[1].roll(1)))


def bare_transposed(method: gan.Method, trainer: Trainer | None) -> None:
    """The generator enlarges by transposed convolutions of kernel 3 and stride 2, whose windows overlap unevenly."""
    if trainer is None:
        method.generator = Bare(method.recipe.latent, method.spec.shape)


class Bare(nn.Module):
    """Latent → quarter size → half size → image by bare transposed convolutions without normalisation."""

    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, ...], width: int = 16) -> None:
        super().__init__()
        channels, height, breadth = shape
        self.start = nn.Sequential(
            nn.Linear(latent, width * height * breadth // 16), nn.Unflatten(1, (width, height // 4, breadth // 4))
        )
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 3, 2, 1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 3, 2, 1, output_padding=1),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(self.start(latents))
        return images


# Data that bring a failure with them


@cache
def opened(data: str) -> Dataset:
    """A data set, opened once."""
    return open_data(data)


def spots(path: Path) -> str:
    """2,000 pictures of one white square on black: a surface of two dimensions, which generated images never touch."""
    if not path.is_file():
        pixels, centres = np.arange(16), np.random.default_rng(0).uniform(3, 12, (2, 2000, 1))
        x, y = np.clip(2 - np.abs(pixels - centres), 0, 1)  # [2000, 16] each: soft at the rim, white within
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, (255 * x[:, :, None] * y[:, None]).astype(np.uint8))
    return str(path)


def few(path: Path, count: int = 100) -> str:
    """So few digits that they can be learned by heart."""
    if not path.is_file():
        data = opened("mnist")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, data.images(data.splits["train"][:count])[:, 0].numpy())
    return str(path)


@dataclass(frozen=True)
class Kind:
    """One way to break a run.

    Args:
        names: The findings that name it right.
        recipe: The recipe of a folder for made data.
        spoil: What a recipe cannot say: called with the method before, and with the trainer after they are joined.
        labels: Whether the networks are told the labels of the data.
        curable: Whether a change in the middle of the run can mend it.
        data: Gives data whose fields the method sees all; None for pictures by the name in the recipe.
    """

    names: tuple[str, ...]
    recipe: Callable[[Path], BaseRecipe]
    spoil: Callable[[Any, Trainer | None], None] = as_made
    labels: bool = False
    curable: bool = False
    data: Callable[[], Dataset] | None = None

    def opened(self, recipe: BaseRecipe) -> tuple[Dataset, DataSpec]:
        """The data, and what the method is told of them."""
        if self.data is not None:
            data = self.data()
            return data, data.spec
        data = opened(recipe.data)
        return data, DataSpec.pictures(data.shape, tuple(data.classes) if self.labels else ())


KINDS: dict[str, Kind] = {
    "discriminator rate x30": Kind(
        ("discriminator-diverges", "unstable-steps", "discriminator-wins", "oscillation", "exploding-gradients"),
        lambda _: usual(discriminator_optimizer=adam(30 * RATE)),
        curable=True,
    ),
    "generator rate x30": Kind(
        ("mode-collapse", "mode-drop", "discriminator-too-weak", "oscillation", "unstable-steps"),
        lambda _: usual(generator_optimizer=adam(30 * RATE), penalties=()),
        curable=True,
    ),
    "discriminator too weak": Kind(
        ("discriminator-too-weak",),
        lambda _: usual(discriminator=digits(1, 2), discriminator_optimizer=adam(RATE / 50), penalties=()),
        curable=True,
    ),
    "discriminator too strong": Kind(
        ("discriminator-wins",),
        lambda _: usual(discriminator=digits(8, 64), generator=digits(2, 16), critic_steps=5, penalties=()),
        curable=True,
    ),
    "disjoint supports": Kind(
        ("discriminator-wins",),
        lambda data: usual(
            data=spots(data / "spots.npy"), discriminator=digits(8, 64), adversarial=Part(name="minimax"),
            critic_steps=5, penalties=(),
        ),
        curable=True,
    ),
    "class by class": Kind(("unshuffled", "mode-drop"), lambda _: usual(), class_by_class),
    "diverging rate": Kind(
        ("not-finite", "exploding-gradients"),
        lambda _: usual(
            adversarial=Part(name="wasserstein"), penalties=(), schedule=Part(name="linear", end=1.0, warmup=0.5),
            discriminator_optimizer=Part(name="sgd", lr=0.05), generator_optimizer=Part(name="sgd", lr=0.05),
        ),
        curable=True,
    ),
    "labels cut": Kind(("label-ignored",), lambda _: usual(**LABELLED), labels_cut, labels=True),
    "a hundred images": Kind(
        ("discriminator-memorises", "memorisation"),
        lambda data: usual(data=few(data / "few.npy"), discriminator=digits(8, 64), penalties=()),
        curable=True,
    ),
    "kernel 3 stride 2": Kind(("checkerboard",), lambda _: usual(data="avatars-16"), bare_transposed),
    "wrong scaling": Kind(("wrong-range",), lambda _: usual(real_range="0..1")),
    "frozen generator": Kind(("frozen-generator",), lambda _: usual(generator_optimizer=adam(0.0))),
}  # fmt: skip


def healthy() -> dict[str, Kind]:
    """Forty runs that go well: different losses, networks, sizes, settings and data."""
    losses: dict[str, dict[str, Any]] = {
        "non-saturating": {},
        "hinge": {"adversarial": Part(name="hinge")},
        "least-squares": {"adversarial": Part(name="least-squares")},
        "wasserstein-gp": {
            "adversarial": Part(name="wasserstein"), "penalties": (Part(name="gradient-penalty"),), "critic_steps": 2,
        },
        "relativistic": {
            "adversarial": Part(name="relativistic-pairing"), "penalties": (Part(name="r1"), Part(name="r2")),
        },
    }  # fmt: skip
    settings: dict[str, tuple[bool, dict[str, Any]]] = {
        "mnist": (False, {}),
        "mnist wide": (False, {"generator": digits(8, 64), "discriminator": digits(8, 64)}),
        "mnist labels": (True, LABELLED),
        "mnist slow": (False, {"generator_optimizer": adam(5e-4), "discriminator_optimizer": adam(5e-4)}),
        "mnist simultaneous": (False, {"turns": "simultaneous", "average": 5000}),
        "mnist uniform": (False, {"prior": Part(name="uniform"), "latent": 16, "fresh_latents": True}),
        "avatars": (False, {"data": "avatars-16", "generator": digits(8, 64), "discriminator": digits(8, 64)}),
        "avatars small batch": (False, {"data": "avatars-16", "batch": 32}),
    }

    def kind(labels: bool, fields: dict[str, Any]) -> Kind:
        return Kind((), lambda _: usual(**fields), labels=labels)

    return {
        f"{loss}, {setting}": kind(labels, {**how, **fields})
        for loss, how in losses.items()
        for setting, (labels, fields) in settings.items()
    }


def train(kind: Kind, recipe: BaseRecipe, path: Path, autopilot: bool = False) -> float:
    """Train into a folder as ``belamy train`` does; the time that looks took, over that of all else."""
    made = path.with_name(f"{path.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    data, spec = kind.opened(recipe)
    torch.set_flush_denormal(True)

    def trainer(recipe: BaseRecipe) -> Trainer:
        def build() -> BaseMethod:
            method: BaseMethod = METHODS.build(Part(name=method_name(recipe)), recipe=recipe, spec=spec)
            kind.spoil(method, None)
            return method

        method = fresh(build, recipe.seed, torch.device("cpu"), torch.float32)
        method.measure_data(data)
        joined = Trainer(method, data, World())
        kind.spoil(joined.method, joined)
        return joined

    facts = provenance("cpu", "float32", 8, 1, "")
    run = Run.create(made, recipe=recipe, recipe_name=path.name, spec=spec, provenance=facts, card=data.card())
    settings, silent = SessionSettings(snapshots=8, checkpoint_seconds=1e9), reporter(False)
    start = trainer(recipe)
    pilot = Autopilot(run, start, settings, silent, trainer) if autopilot else Session(run, start, settings, silent)
    began = process_time()
    try:
        if not pilot.go():
            raise KeyboardInterrupt
    except NotFinite:
        pass  # its journal says so
    taken = process_time() - began
    made.rename(path)
    looks = pilot.looks.spent if isinstance(pilot, Session) else 0.0
    return looks / (taken - looks)


def course_of(path: Path) -> RunHistory:
    """The course of a run that this benchmark made."""
    return RunHistory.of(Run.open(path))


def named_first(path: Path) -> list[str]:
    """The first findings after the early share of the budget, or before it where the run had ended by then."""
    course = course_of(path)
    return [finding.sign for finding in examine(course.until(EARLY * course.recipe.train_samples))][:FINDINGS]


def alarms(path: Path) -> list[str]:
    """Every sign that was severe at any look."""
    course = course_of(path)
    looks = [row["samples"] for row in course.rows if "watch" in row]
    found = [finding for look in looks for finding in examine(course.until(look)) if finding.severity == "severe"]
    return list(dict.fromkeys(finding.sign for finding in found))


def where(folder: Path, name: str, seed: int) -> Path:
    """The directory of a run."""
    return folder / f"{name} seed {seed}".replace(",", "").replace(" ", "-")


def table(folder: Path, seeds: Sequence[int], kinds: Mapping[str, Kind], well: Sequence[str]) -> str:
    """What was found in the runs of a folder, as Markdown: for each kind how often each sign stood among the first.

    Args:
        folder: Where the runs are.
        seeds: Of the broken runs; the healthy ones have one each, from the first on.
        kinds: The broken runs.
        well: Names of the healthy ones.
    """
    counts: dict[str, Counter[str]] = {}
    right, made = 0, 0
    lines = []
    for name, kind in kinds.items():
        found = [named_first(path) for seed in seeds if (path := where(folder, name, seed)).exists()]
        counts[name] = Counter(sign for signs in found for sign in signs)
        hits = sum(bool(set(signs) & set(kind.names)) for signs in found)
        right, made = right + hits, made + len(found)
        others = [f"{sign} {count}" for sign, count in counts[name].most_common() if sign not in kind.names]
        correct = [f"**{sign}** {counts[name][sign]}" for sign in kind.names if counts[name][sign]]
        lines.append(f"| {name} | {hits} of {len(found)} | {', '.join(correct)} | {', '.join(others)} |")
    runs = {name: where(folder, name, seeds[0] + number) for number, name in enumerate(well)}
    alarmed = {name: alarms(path) for name, path in runs.items() if path.exists()}
    loud = {name: signs for name, signs in alarmed.items() if signs}
    told = "; ".join(f"{name}: {', '.join(signs)}" for name, signs in loud.items()) or "none"
    return "\n".join([
        f"Named rightly among the first two findings after {EARLY:.0%} of the budget: **{right} of {made}** broken "
        f"runs ({right / max(made, 1):.0%}). Severe alarms at any look: **{len(loud)} of {len(alarmed)}** healthy runs "
        f"({told}).",
        "",
        "| kind of broken run | named | by | others among the first two |",
        "|---|---|---|---|",
        *lines,
    ])  # fmt: skip


def distance(folder: Path, path: Path) -> float:
    """Fréchet distance of 2,000 samples from the held-out images, infinite where training ended in NaN."""
    run = Run.open(path)
    if not run.checkpoints() or run.samples_seen < run.recipe.train_samples:
        return inf
    made = run.recipe.data.endswith(
        "spots.npy"
    )  # digits are judged by a classifier of digits, however few were learned
    data = opened(run.recipe.data if made else "mnist")
    judge = extractor(data, None if made else trained_judge(data, folder / "cache"))
    return Panel(judge, data, metrics=("frechet",)).judge_method(run.method(), 2000).values["frechet"]


def flights(folder: Path, seeds: Sequence[int]) -> str:
    """Final Fréchet distances without and with the autopilot, as Markdown."""
    lines, better, made = [], 0, 0
    for name, kind in KINDS.items():
        pairs = []
        for seed in seeds if kind.curable else ():
            alone, flown = where(folder, name, seed), where(folder, f"{name} autopilot", seed)
            if alone.exists() and flown.exists():
                pairs.append((distance(folder, alone), distance(folder, flown)))
        if pairs:
            won = sum(with_it < without for without, with_it in pairs)
            better, made = better + won, made + len(pairs)
            cells = ", ".join(f"{without:.3g} → {with_it:.3g}" for without, with_it in pairs)
            lines.append(f"| {name} | {won} of {len(pairs)} | {cells} |")
    return "\n".join([
        f"The autopilot improves the final Fréchet distance in **{better} of {made}** curable runs "
        f"({better / max(made, 1):.0%}).",
        "",
        "| kind of broken run | improved | Fréchet distance without → with, by seed |",
        "|---|---|---|",
        *lines,
    ])  # fmt: skip


def write(path: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """Put the table between the two marks of a page."""
    page = path.read_text(encoding="utf-8")
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{path} needs the lines {begin} and {end}.")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--only", nargs="+", choices=KINDS, help="kinds of broken runs")
    parser.add_argument("--healthy", type=int, default=40, help="how many of the healthy runs")
    parser.add_argument("--share", default="1/1", help="which part of the runs this process makes")
    unseen = (
        "seeds of the curable kinds, without and with the autopilot; it was built with an eye on some of the others"
    )
    parser.add_argument("--flights", type=int, nargs="*", default=[5, 6, 7, 8, 9], help=unseen)
    parser.add_argument("--write", type=Path, help="the page to write the table into, when all is done")
    options = parser.parse_args()
    torch.set_num_threads(1)
    part, parts = map(int, options.share.split("/"))
    seeds = {kind: [*options.seeds, *(options.flights if KINDS[kind].curable else ())] for kind in KINDS}
    runs = [(kind, seed) for kind in options.only or KINDS for seed in seeds[kind]]
    work = [(KINDS[kind], kind, seed) for kind, seed in runs]
    chosen = list(healthy().items())[: options.healthy]
    work += [(kind, name, options.seeds[0] + number) for number, (name, kind) in enumerate(chosen)]
    for kind, name, seed in work[part - 1 :: parts]:
        recipe = kind.recipe(options.folder / "data").changed(seed=seed)
        path, flown = where(options.folder, name, seed), where(options.folder, f"{name} autopilot", seed)
        if not path.exists():
            train(kind, recipe, path)
        if kind.curable and seed in options.flights and not flown.exists():
            train(kind, recipe, flown, autopilot=True)
    if parts == 1:
        named = table(options.folder, options.seeds, KINDS, list(healthy()))
        found = f"{named}\n\n{flights(options.folder, options.flights)}"
        Console().print(found, soft_wrap=True, markup=False)
        if options.write:
            write(options.write, found)


if __name__ == "__main__":
    main()
