"""What one of several processes does in ``test_distributed.py``: train a few steps and save all weights.

Usage: python world.py REQUEST.json OUT.safetensors, under torchrun.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from belamy.data import open_data
from belamy.runs.run import RECIPE_TYPES
from belamy.training.distribution import world
from belamy.training.setup import Options, make_trainer


def learn(request: dict[str, Any], out: Path) -> None:
    """Train each case for its steps and save its state."""
    with world("cpu") as team:
        for name, case in request.items():
            recipe = RECIPE_TYPES.load(case["method"]).parse(case["fields"])
            data = open_data(recipe.data)
            options = Options(device="cpu", precision=case["precision"], progress=False, micro_batch=case["micro"])
            trainer = make_trainer(recipe, data.spec, data, options, team)
            for _ in range(case["steps"]):
                trainer.step()
            if team.leads:
                save_file(
                    {f"{name}/{key}": value.clone().contiguous() for key, value in trainer.state().tensors.items()},
                    out.with_suffix(f".{name}"),
                )


def main() -> None:
    torch.set_num_threads(1)
    learn(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
    tasks = Path("/proc/self/task")
    names = [(task / "comm").read_text() for task in tasks.iterdir()] if tasks.is_dir() else []
    assert not any("gloo" in name for name in names), "the group's threads outlive it, and may abort the exit"


if __name__ == "__main__":
    main()
