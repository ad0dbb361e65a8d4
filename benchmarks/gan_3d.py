"""What a GAN of volumes has learned: pieces, symmetry, variety and fullness of its samples against the data's.

A run is trained beforehand, for instance in about 20 CPU-minutes of one thread, by the settings of the paper or not:

    belamy train gan-3d --data shapes:side=16 --generator gan-3d:width=16 --discriminator gan-3d:width=16 \\
        --train-samples 100000 --out RUN

    python benchmarks/gan_3d.py RUN [--count 1000] [--seed 0] [--sheet FILE.png]

Full is what has a density of at least one half. A volume is in one piece if all its full voxels hang together by their
faces; mirrored if left and right are the same in every voxel, and its asymmetry is the share of its full voxels without
a full counterpart; distinct ones are counted once. The distance to the nearest training volume is one minus the
intersection over the union, beside the same of held-out volumes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from belamy.data import Dataset
from belamy.modalities import modality
from belamy.modalities.volume import mirrored, pieces
from belamy.runs.files import save_png
from belamy.runs.run import Run
from belamy.sampling.draw import draw
from belamy.sampling.sheets import sheet_of
from belamy.training.setup import open_recipe_data

SHOWN = 8
"""Samples of each class on the sheet."""


def facts(volumes: Tensor) -> dict[str, float]:
    """Shares of volumes.  # bool [n, 1, D, H, W]"""
    solid = volumes[:, 0].numpy()
    counts = np.array([pieces(each) for each in solid])
    full = solid.reshape(len(solid), -1).sum(1)
    odd = (solid & ~solid[..., ::-1]).reshape(len(solid), -1).sum(1)
    return {
        "one piece": float((counts == 1).mean()),
        "pieces": float(counts.mean()),
        "mirrored": float(mirrored(solid).mean()),
        "asymmetry": float((odd / np.maximum(full, 1)).mean()),
        "distinct": len({each.tobytes() for each in solid}) / len(solid),
        "occupancy": float(solid.mean()),
        "occupancy sd": float(solid.reshape(len(solid), -1).mean(1).std()),
        "empty": float((full == 0).mean()),
    }


def nearest(volumes: Tensor, data: Dataset) -> float:
    """Mean distance to the nearest training volume."""
    train = data.store.read(data.indices("train"))
    kind = modality("volume")
    found = [kind.distances(some, train, data.field).amin(1) for some in volumes.split(50)]
    return float(torch.cat(found).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=1000, help="samples, and volumes of the data, of each class")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path)
    chosen = parser.parse_args()
    run = Run.open(chosen.run)
    data, method = open_recipe_data(run.recipe), run.method()
    recipe: Any = run.recipe
    heeds = recipe.generator_condition.name != "unconditional"
    names = [*data.classes] if heeds else ["all"]
    labels = data.labels if data.labels is not None else torch.zeros(len(data))
    report, shown = {}, []
    for number, name in enumerate(names):
        held = torch.arange(len(data)) if not heeds else torch.nonzero(torch.eq(labels, number)).flatten()
        real = data.store.read(held[: chosen.count])
        made = draw(method, chosen.count, seed=chosen.seed, labels=number if heeds else None)
        test = data.indices("test")
        kept = data.store.read(test[torch.isin(test, held)])
        report[name] = {
            "data": {**facts(real), "nearest": nearest(kept, data)},
            "samples": {**facts(made), "nearest": nearest(made[:200], data)},
        }
        shown += [real[:SHOWN], made[:SHOWN]]
    Console().print_json(
        json.dumps({"run": str(chosen.run), "seconds": max(row.get("seconds", 0.0) for row in run.metrics()), **report})
    )
    if chosen.sheet:
        save_png(sheet_of(torch.cat(shown), data.field, SHOWN), chosen.sheet)


if __name__ == "__main__":
    main()
