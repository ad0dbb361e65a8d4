"""AdaGAN on the game's ring and grid, beside one GAN and an ensemble of as many GANs that know nothing of each other:
modes found, share of points of high quality, and share of the data's mass that is made, after each component.

All take equally many steps: the one GAN as many as all components, and of AdaGAN's some go to the network of the
ratio. Networks, loss, batch and constant rates are the same for all. Results are kept one by one, so a broken run goes
on where it was, and several processes may share the work by seeds or data. One thread each.

    python benchmarks/adagan.py [--data ring grid] [--seeds 0 1 2] [--components 5] [--steps 1500]
                                [--results runs/adagan.jsonl]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, cast

import torch
from rich.console import Console
from torch import Tensor

from belamy.data import Batch, Dataset
from belamy.data.distributions import DISTRIBUTIONS
from belamy.game.measure import coverage
from belamy.game.networks import Discriminator, Generator
from belamy.methods import adagan, gan
from belamy.methods.base import DataSpec
from belamy.modalities.fields import Field
from belamy.registry import Part
from belamy.runs.files import OBJECT, append_jsonl, read_jsonl
from belamy.seeds import Draws
from belamy.training.trainer import Trainer

STEPS = {"ring": 1500, "grid": 3000}
"""Of a whole run, unless others are asked for."""
BATCH, LATENT, JUDGED, WEIGHED = 256, 2, 2500, 8192
BODY = (128, 2, "leaky-relu")
"""Width, depth and activation, as in benchmarks/game.py."""
RATE = Part(name="adam", lr=2e-3, beta1=0.0, beta2=0.9)
WAYS = ("one GAN", "ensemble", "AdaGAN")


def facts(points: Tensor, law: Any) -> dict[str, float]:
    """Modes with a point within three deviations, the share of such points, and the share of the data's mass that is
    made: of each of K modes its share of the points, but no more than 1 / K."""
    found = coverage(points, law)
    assert found is not None
    distances, which = torch.cdist(points, law.centres.to(points)).min(1)
    counts = which[distances <= 3 * law.spread].bincount(minlength=found.modes).double()
    mass = (counts / len(points)).clamp(max=1 / found.modes).sum()
    return {"modes": float(found.covered), "good": found.quality, "mass": float(mass)}


def batches(law: Any, seed: int, position: int) -> Iterator[Batch]:
    """Endless points, those of a position always the same."""
    while True:
        points = law.sample(BATCH, Draws(seed, position))
        yield Batch({"vector": points}, torch.arange(BATCH))
        position += 1


class Stream:
    """Endless batches that count themselves."""

    def __init__(self, law: Any, seed: int, position: int) -> None:
        self.position, self._batches = position, batches(law, seed, position)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        self.position += 1
        return next(self._batches)


def trainer_of(source: str, steps: int, seed: int, components: int = 1) -> Trainer:
    """A GAN of the game's networks, or an AdaGAN of several components."""
    law: Any = DISTRIBUTIONS.build(Part(name=source))
    spec, reach = DataSpec({"vector": Field("vector", (2,))}), max(map(abs, law.window))
    fields: dict[str, Any] = {
        "latent": LATENT, "batch": BATCH, "seed": seed, "train_samples": steps * BATCH, "fresh_latents": True,
        "generator_optimizer": RATE, "discriminator_optimizer": RATE,
    }  # fmt: skip
    recipe = adagan.Recipe(generators=components, **fields) if components > 1 else gan.Recipe(**fields)
    kind: Any = adagan.Method if components > 1 else gan.Method
    torch.manual_seed(seed)
    method = kind(recipe, spec, lambda latent: Generator(latent, 2, *BODY), lambda _: Discriminator(2, *BODY, reach))
    if components > 1:
        method.training_batches = lambda: [
            Batch({"vector": law.sample(WEIGHED, Draws(seed, 0))}, torch.arange(WEIGHED))
        ]
    return Trainer(method, cast("Dataset", None), source=lambda position: Stream(law, seed, position))


def trained(trainer: Trainer, steps: int) -> float:
    """Train on until so many steps are taken; the seconds of the processor."""
    started = time.process_time()
    while trainer.clock.step < steps:
        trainer.step()
    return time.process_time() - started


@torch.no_grad()
def points_of(method: Any, seed: int, component: int | None = None) -> Tensor:
    """Points of the whole mixture, or of one component."""
    latents = method.latents(seed, range(JUDGED))
    if component is not None:
        latents[:, -1] = method.choice(torch.tensor(component))
    points: Tensor = method.generator(latents)
    return points


def run(way: str, source: str, seed: int, components: int, steps: int) -> dict[str, Any]:
    """One way, to its end: figures after each component's time."""
    law, seconds = DISTRIBUTIONS.build(Part(name=source)), 0.0
    rows: list[dict[str, Any]] = []
    drawn: list[Tensor] = []
    trainer = trainer_of(source, steps, seed, components if way == "AdaGAN" else 1)
    for number in range(components):
        if way == "ensemble":
            trainer = trainer_of(source, steps // components, 1000 * (seed + 1) + number)
            seconds += trained(trainer, steps // components)
            drawn.append(points_of(trainer.method, seed))
            mixed = torch.cat([each[: JUDGED // len(drawn)] for each in drawn])
            rows.append({**facts(mixed, law), "alone": facts(drawn[-1], law)})
            continue
        seconds += trained(trainer, steps * (number + 1) // components)
        rows.append(dict(facts(points_of(trainer.method, seed), law)))
        if way == "AdaGAN":
            rows[-1]["alone"] = facts(points_of(trainer.method, seed, number), law)
    about = {"way": way, "data": source, "seed": seed, "components": components, "steps": steps}
    return {**about, "rows": rows, "cpu_seconds": seconds}


def told(rows: Sequence[Mapping[str, float]], name: str, digits: int = 2) -> str:
    """Mean and standard deviation over the seeds."""
    values = [row[name] for row in rows]
    return f"{mean(values):.{digits}f}" + (f" ± {stdev(values):.{digits}f}" if len(values) > 1 else "")


def tell(runs: Sequence[dict[str, Any]], console: Console) -> None:
    """Figures of one way on one distribution, after each component."""
    first, seconds = runs[0], mean(each["cpu_seconds"] for each in runs)
    console.print(
        f"{first['data']}, {first['way']}: {len(runs)} seeds, {first['steps']:,} steps, {seconds:.1f} CPU-seconds",
        highlight=False,
    )
    for number in range(first["components"]):
        now = [each["rows"][number] for each in runs]
        alone = [each["alone"] for each in now if "alone" in each]
        said = f"; this component alone modes {told(alone, 'modes', 1)}, mass {told(alone, 'mass')}" if alone else ""
        console.print(f"  after {number + 1}: modes {told(now, 'modes', 1)}, good {told(now, 'good')}, mass "
                      f"{told(now, 'mass')}{said}", highlight=False)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=tuple(STEPS), default=list(STEPS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--components", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of a whole run, in place of 1,500 on the ring and 3,000 on the grid")
    parser.add_argument("--results", type=Path, default=Path("runs/adagan.jsonl"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)

    for source in chosen.data:
        steps = chosen.steps or STEPS[source]

        def known(about: tuple[Any, ...]) -> list[dict[str, Any]]:
            held: list[dict[str, Any]] = read_jsonl(chosen.results, OBJECT) if chosen.results.exists() else []
            return [row for row in held if (row["way"], row["data"], row["components"], row["steps"]) == about]

        for way in WAYS:
            about = (way, source, chosen.components, steps)
            for seed in set(chosen.seeds) - {row["seed"] for row in known(about)}:
                append_jsonl(chosen.results, run(way, source, seed, chosen.components, steps))
            tell(known(about), Console(width=160))


if __name__ == "__main__":
    main()
