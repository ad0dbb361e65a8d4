"""Our flows beside those of zuko and of normflows, at equal time of the processor on one thread.

All are trained by the same loop: the same data, noise, batches, Adam, cosine schedule and averaged weights, at one
learning rate; only the network differs. They take turns of a few seconds. Held-out samples are scored with the same
noise, so that the differences to the best of ours are of pairs. Of points the source's density is known, and its nats
stand beside.

    pip install --no-deps zuko normflows          # for this benchmark alone; it says which of them is missing
    python benchmarks/flows.py pictures|points [--minutes 4] [--data points:of=moons] [--seed 0] [--count 2000]
                               [--only NAME …] [--out figures.json]
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

from belamy import recipes
from belamy.data import Batch, Dataset
from belamy.data.distributions import DISTRIBUTIONS
from belamy.evaluation.intervals import mean
from belamy.methods import flow
from belamy.registry import Part
from belamy.sampling.draw import placement
from belamy.seeds import Draws, SampleDraws
from belamy.training.setup import open_recipe_data
from belamy.training.trainer import Trainer

SLICE = 3.0
"""Seconds of a turn."""
WARM, TIMED = 3, 12
"""Steps before the speed is measured, and those that it is measured by."""


class Rival(nn.Module):
    """Another library's flow of values that are standardised first: each number of a vector, all pixels alike.

    Args:
        shape: Of a sample.
        density: Gives the logarithm of its density.  # [N, *shape] to [N]
        network: Holds what learns.
    """

    def __init__(self, shape: tuple[int, ...], density: Callable[[Tensor], Tensor], network: nn.Module) -> None:
        super().__init__()
        self.density, self.network = density, network
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.zeros(shape))
        self.register_buffer("spread", torch.ones(shape))

    @torch.no_grad()
    def begin(self, values: Tensor) -> None:
        """Measure mean and spread; what the library itself begins by a batch begins, too."""
        rows = values if values.dim() == 2 else values.flatten()[:, None]
        self.centre, self.spread = (told.expand(values.shape[1:]).clone() for told in (rows.mean(0), rows.std(0)))
        self.log_prob(values)

    def log_prob(self, values: Tensor) -> Tensor:
        """The logarithm of the density of values that are not standardised.  # [N]"""
        return self.density((values - self.centre) / self.spread) - self.spread.log().sum()


class Method(flow.Method):
    """Our method with another library's network.

    Args:
        recipe: Ours.
        spec: What the data decide.
        rival: In place of our network.
    """

    def __init__(self, recipe: flow.Recipe, spec: Any, rival: Rival) -> None:
        super().__init__(recipe, spec)
        self.network = rival

    def nats(self, batch: Batch, draw: Draws | SampleDraws) -> Tensor:
        """Minus the logarithm of the density."""
        values, told = self.seen(batch.main, draw)
        return -self.network.log_prob(values) - told


def zuko_flow(name: str, size: int, **options: Any) -> Callable[[tuple[int, ...]], Rival]:
    """A flow of rows of numbers by its name in zuko."""

    def build(shape: tuple[int, ...]) -> Rival:
        import zuko

        network = getattr(zuko.flows, name)(features=size, **options)
        return Rival(shape, lambda values: network().log_prob(values.flatten(1)), network)

    return build


def normflows_points(kind: str) -> Callable[[tuple[int, ...]], Rival]:
    """Five layers of splines or masked networks and mixtures, as in the examples of normflows."""

    def build(shape: tuple[int, ...]) -> Rival:
        import normflows

        size, layers = math.prod(shape), []
        for _ in range(5):
            layer = (
                normflows.flows.CoupledRationalQuadraticSpline(size, 2, 64) if kind == "splines"
                else normflows.flows.MaskedAffineAutoregressive(size, 64, num_blocks=2)
            )  # fmt: skip
            layers += [layer, normflows.flows.LULinearPermute(size)]
        network = normflows.NormalizingFlow(normflows.distributions.DiagGaussian(size), layers)
        return Rival(shape, network.log_prob, network)

    return build


def normflows_glow(levels: int = 2, steps: int = 8, width: int = 64) -> Callable[[tuple[int, ...]], Rival]:
    """Glow of several levels, as in the examples of normflows, without classes."""

    def build(shape: tuple[int, ...]) -> Rival:
        import normflows

        channels, height, breadth = shape
        base, layers, merges = [], [], []
        for number in range(levels):
            own, halvings = channels * 2 ** (levels + 1 - number), levels - number
            blocks = [normflows.flows.GlowBlock(own, width) for _ in range(steps)]
            layers.append([*blocks, normflows.flows.Squeeze()])
            merges += [normflows.flows.Merge()] if number else []
            kept = own // 2 if number else own
            base.append(normflows.distributions.GlowBase((kept, height >> halvings, breadth >> halvings)))
        network = normflows.MultiscaleFlow(base, layers, merges, class_cond=False)
        return Rival(shape, lambda values: network.log_prob(values, None), network)

    return build


# Ours by the recipe's name alone; a rival by the recipe whose settings it is trained with, too.
PICTURES: dict[str, tuple[str, Callable[[tuple[int, ...]], Rival] | None]] = {
    "real-nvp": ("real-nvp-mnist", None),
    "glow": ("glow-mnist", None),
    "normflows Glow": ("glow-mnist", normflows_glow()),
    "zuko RealNVP": ("real-nvp-mnist", zuko_flow("RealNVP", 784, transforms=6, hidden_features=(128, 128))),
}
POINTS: dict[str, tuple[str, Callable[[tuple[int, ...]], Rival] | None]] = {
    "spline-flow": ("spline-points", None),
    "maf": ("maf-points", None),
    "zuko NSF": ("spline-points", zuko_flow("NSF", 2, transforms=5, hidden_features=(64, 64))),
    "zuko MAF": ("maf-points", zuko_flow("MAF", 2, transforms=5, hidden_features=(64, 64))),
    "normflows splines": ("spline-points", normflows_points("splines")),
    "normflows MAF": ("maf-points", normflows_points("masked")),
}


class Candidate:
    """A flow that trains for as long as it is given.

    Args:
        recipe: Its settings.
        data: What it learns from.
        build: Makes a rival's network; None for ours.
        minutes: CPU-minutes that it will have, by which its schedule is made.
    """

    def __init__(
        self, recipe: flow.Recipe, data: Dataset, build: Callable[[tuple[int, ...]], Rival] | None, minutes: float
    ) -> None:
        self.data, self.build, self.spent = data, build, 0.0
        trial = self._trainer(recipe)
        for _ in range(WARM):
            trial.step()
        started = time.process_time()
        for _ in range(TIMED):
            trial.step()
        each = (time.process_time() - started) / TIMED
        samples = max(1, int(60 * minutes / each)) * recipe.batch
        half_life = max(1, min(recipe.ema_half_life, samples // 20))
        self.trainer = self._trainer(recipe.changed(train_samples=samples, ema_half_life=half_life))

    def _trainer(self, recipe: flow.Recipe) -> Trainer:
        torch.manual_seed(recipe.seed)
        method = (
            flow.Method(recipe, self.data.spec) if self.build is None
            else Method(recipe, self.data.spec, self.build(self.data.shape))
        )  # fmt: skip
        method.measure_data(self.data)
        return Trainer(method, self.data)

    @property
    def parameters(self) -> int:
        """How many numbers learn."""
        return sum(each.numel() for each in self.trainer.method.players["model"].module.parameters())

    def train(self, seconds: float) -> None:
        """Go on for so long, by the processor's time."""
        until = self.spent + seconds
        while self.spent < until:
            started = time.process_time()
            self.trainer.step()
            self.spent += time.process_time() - started

    @torch.no_grad()
    def nats(self, count: int) -> Tensor:
        """Of the first held-out samples, by the averaged weights.  # [count] float64"""
        with self.trainer.averages.in_place(self.trainer.method):
            method: Any = self.trainer.method.eval()
            found = [method.nats(self.data.batch(part, *placement(method)), SampleDraws(0, part.tolist())).double()
                     for part in self.data.held_out[:count].split(250)]  # fmt: skip
            method.train()
        return torch.cat(found)


def available(models: dict[str, Any], console: Console) -> dict[str, Any]:
    """Those whose library is installed; of the others what to type."""
    found = {}
    for name, model in models.items():
        library = name.split()[0] if name.startswith(("zuko", "normflows")) else None
        try:
            if library:
                __import__(library)
            found[name] = model
        except ImportError:
            console.print(f"{name} is left out: pip install --no-deps {library}", highlight=False)
    return found


def truth(source: str, data: Dataset, count: int) -> Tensor | None:
    """Nats of held-out points by the density that they were drawn from."""
    if not source.startswith("points"):
        return None
    law = DISTRIBUTIONS.build(Part(name=str(Part.parse(source).options.get("of", "moons"))))
    return -law.density(data.store.read(data.held_out[:count]).double()).log()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pictures", "points"))
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--data", help="mnist, or points:of=moons by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000, help="held-out samples")
    parser.add_argument("--only", nargs="*", help="models by their names")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    console = Console(width=180)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    models = available(PICTURES if chosen.what == "pictures" else POINTS, console)
    source = chosen.data or ("mnist" if chosen.what == "pictures" else "points:of=moons")
    candidates = {}
    for name, (recipe, build) in models.items():
        if not chosen.only or name in chosen.only:
            usual: Any = recipes.get(recipe).changed(data=source, seed=chosen.seed)
            candidates[name] = Candidate(usual, open_recipe_data(usual), build, chosen.minutes)
    while (last := min(candidates.values(), key=lambda each: each.spent)).spent < 60 * chosen.minutes:
        last.train(min(SLICE, 60 * chosen.minutes - last.spent))
    nats = {name: candidate.nats(chosen.count) for name, candidate in candidates.items()}
    if (known := truth(source, next(iter(candidates.values())).data, chosen.count)) is not None:
        nats["the source's own density"] = known
    ours = min((name for name, (_, build) in models.items() if build is None and name in nats),
               key=lambda name: float(nats[name].mean()))  # fmt: skip
    rows = []
    for name, values in nats.items():
        unit = math.log(2) * math.prod(candidates[ours].data.shape) if chosen.what == "pictures" else 1.0
        found, apart = mean(values / unit), mean((values - nats[ours]) / unit)
        trained = candidates.get(name)
        rows.append({"model": name, "value": found, "minus_best_of_ours": apart,
                     "parameters": trained and trained.parameters, "cpu_minutes": trained and trained.spent / 60,
                     "samples": trained and trained.trainer.clock.samples})  # fmt: skip
        about = f"{trained.parameters:,} parameters, {trained.trainer.clock.samples:,} samples" if trained else ""
        console.print(f"{name}: {found.value:.4f} [{found.low:.4f}, {found.high:.4f}] "
                      f"{'bits/dim' if chosen.what == 'pictures' else 'nats'}, less that of {ours}: {apart.value:+.4f} "
                      f"[{apart.low:+.4f}, {apart.high:+.4f}] {about}", highlight=False)  # fmt: skip
    if chosen.out:
        facts = {"what": chosen.what, "data": source, "seed": chosen.seed, "minutes": chosen.minutes, "rows": rows}
        chosen.out.write_text(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
