"""Every adversarial loss on the 8-Gaussian ring and the 25-Gaussian grid: modes covered, high quality, Wasserstein-1.

Networks, steps, batch, learning rates and seeds are the same for all; what a family of losses needs beside them was
fixed before the first result and stands in SETTINGS. Results are kept one by one, so a broken run goes on where it was.

    python benchmarks/game.py [--jobs 2] [--results runs/game.jsonl] [--write docs/game.md]
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from rich.console import Console
from rich.progress import track

from belamy.errors import NotFinite
from belamy.game.match import Match
from belamy.game.moment import Observer
from belamy.game.settings import ADVERSARIAL, GameSettings
from belamy.runs.files import OBJECT, append_jsonl, read_jsonl, write_bytes

STEPS = {"ring": 2000, "grid": 4000}
SEEDS = range(5)
BUDGET: dict[str, Any] = {
    "batch": 256, "width": 128, "depth": 2, "activation": "leaky-relu", "lr": 2e-3, "discriminator_lr": 2e-3,
    "beta1": 0.0, "beta2": 0.9, "final_lr": 0.05,
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    # Lipschitz by a penalty; the weight 0.1 is that of the paper's own two-dimensional experiments
    "wasserstein": {"penalties": ("gradient-penalty:weight=0.1",)},
    # scores are reconstruction errors; the margin is of the size of a squared distance between neighbouring modes
    "energy-based": {"loss": "energy-based:margin=2"},
}
CHAMPION: dict[str, Any] = {"loss": "relativistic-pairing", "penalties": ("r1:weight=0.3", "r2:weight=0.3")}
START, END = "<!-- table: written by benchmarks/game.py -->", "<!-- end of table -->"


def rows() -> dict[str, dict[str, Any]]:
    """What is compared, by name: every loss of the registry, and relativistic pairing with both penalties."""
    plain = {name: {"loss": name, **SETTINGS.get(name, {})} for name in ADVERSARIAL.names()}
    named = {" + ".join([fields["loss"], *fields.get("penalties", ())]): fields for fields in plain.values()}
    return {**named, " + ".join([CHAMPION["loss"], *CHAMPION["penalties"]]): CHAMPION}


def budget(distribution: str) -> dict[str, Any]:
    """What all losses share on a distribution."""
    return {**BUDGET, "steps": STEPS[distribution]}


def play(name: str, distribution: str, seed: int) -> dict[str, Any]:
    """One game to its end."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    fields = {**budget(distribution), **rows()[name], "distribution": distribution, "seed": seed}
    started = time.process_time()
    row: dict[str, Any] = {"name": name, "distribution": distribution, "seed": seed, "budget": budget(distribution)}
    match = Match(GameSettings().changed(**fields))
    try:
        while match.step < match.settings.steps:
            match.play()
    except NotFinite:
        return {**row, "diverged": match.step}
    seconds = time.process_time() - started
    return {**row, "cpu_seconds": round(seconds, 2), **Observer(match).look().facts}


def floor(distribution: str) -> float:
    """Wasserstein-1 of two samples of the data themselves, by the same pairing: the mean of ten pairs."""
    from belamy.game.measure import PAIRED, plane_wasserstein
    from belamy.seeds import Draws

    target = Match(GameSettings().changed(distribution=distribution)).distribution
    samples = [target.sample(PAIRED, Draws(seed, 0)) for seed in range(20)]
    return mean(plane_wasserstein(*pair) for pair in zip(samples[::2], samples[1::2], strict=True))


def table(results: list[dict[str, Any]]) -> str:
    """Mean ± standard deviation over the seeds, as Markdown."""
    lines = []
    for distribution, steps in STEPS.items():
        modes, least = {"ring": 8, "grid": 25}[distribution], floor(distribution)
        lines += [
            f"**{distribution}** ({modes} modes, {steps:,} steps; "
            f"W1 between two samples of the data: {least:.2f})", "",
            "| loss | modes covered | all modes | high quality | W1 | CPU s |", "| --- | --- | --- | --- | --- | --- |",
        ]  # fmt: skip
        for name in rows():
            found = [each for each in results if (each["name"], each["distribution"]) == (name, distribution)]
            whole = [each for each in found if "diverged" not in each]
            if not whole:
                lines.append(f"| {name} | {f'diverged in {len(found)} seeds' if found else 'not run'} | | | | |")
                continue
            all_modes = sum(each["modes_covered"] == modes for each in whole)
            lines.append(
                f"| {name} | {_spread(whole, 'modes_covered', 1, '.1f')} | {all_modes} of {len(found)} | "
                f"{_spread(whole, 'quality', 100, '.0f')} % | {_spread(whole, 'wasserstein_1', 1, '.2f')} | "
                f"{mean(each['cpu_seconds'] for each in whole):.0f} |"
            )
        lines.append("")
    return "\n".join(lines).rstrip()


def _spread(found: list[dict[str, Any]], key: str, factor: float, form: str) -> str:
    values = [factor * each[key] for each in found]
    return f"{mean(values):{form}} ± {stdev(values) if len(values) > 1 else 0:{form}}"


def write(text: str, path: Path) -> None:
    """Put the table between the marks of a page."""
    page = path.read_text(encoding="utf-8")
    before, _, rest = page.partition(START)
    after = rest.partition(END)[2]
    write_bytes(path, f"{before}{START}\n{text}\n{END}{after}".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--results", type=Path, default=Path("runs/game.jsonl"), help="kept here, one game a line")
    parser.add_argument("--only", default="", help="play only the losses whose name holds this")
    parser.add_argument("--write", type=Path, help="the page that gets the table")
    options = parser.parse_args()
    console = Console()
    results = [
        row
        for row in (read_jsonl(options.results, OBJECT) if options.results.exists() else [])
        if row["budget"] == BUDGET
    ]
    done = {(row["name"], row["distribution"], row["seed"]) for row in results}
    champion, names = list(rows())[-1], [name for name in rows() if options.only in name]
    games = [(name, where, seed) for seed in SEEDS for name in names for where in STEPS]
    games.sort(key=lambda game: game[0] != champion)  # the claim first; then seed by seed, so that a part is fair too
    with ProcessPoolExecutor(options.jobs) as pool:
        running = [pool.submit(play, *game) for game in games if game not in done]
        for future in track(as_completed(running), total=len(running), console=console):
            row = future.result()
            append_jsonl(options.results, row)
            results.append(row)
    console.print(table(results), markup=False, soft_wrap=True)
    if options.write:
        write(table(results), options.write)


if __name__ == "__main__":
    main()
