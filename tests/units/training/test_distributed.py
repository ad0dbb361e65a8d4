"""Two processes under torchrun learn what one learns from the same global batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from units.training.world import learn

STEPS = 10
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
CASES: dict[str, dict[str, Any]] = {
    "gradient-penalty": {
        "method": "gan",
        "rate": 0.2,
        "fields": {
            "generator": "dense-fashion",
            "discriminator": "dense-fashion",
            "penalties": ["gradient-penalty:weight=10", "r1:weight=2,every=4"],
            "critic_steps": 2,
            "average": 64,
            "clip_norm": 0.5,
        },
    },
    "batch-normalisation": {
        "method": "gan",
        "rate": 0.02,
        "fields": {
            "generator": "resnet-cifar:features=6",
            "discriminator": "resnet-cifar:features=6",
            "turns": "simultaneous",
            "average": 64,
        },
    },
    "both": {
        "method": "gan",
        "rate": 0.02,
        "fields": {
            "generator": "resnet-cifar:features=6",
            "discriminator": "resnet-cifar:features=6",
            "penalties": ["gradient-penalty:weight=1"],
            "average": 64,
        },
    },
    "micro-batches": {
        "method": "gan",
        "rate": 0.2,
        "micro": 2,
        "fields": {
            "generator": "dense-fashion",
            "discriminator": "dense-fashion",
            "penalties": ["gradient-penalty:weight=10"],
            "views": ["instance-noise"],
            "critic_steps": 2,
            "average": 64,
        },
    },
    "growing": {  # not to the end: what rests has no state in any number of processes
        "method": "gan",
        "rate": 0.2,
        "fields": {
            "generator": "progan:base=16,widest=4",
            "discriminator": "dense-fashion",
            "growth": "progressive:training=32,transition=32",
            "average": 64,
        },
    },
    "autoencoder": {"method": "autoencoder", "rate": 20, "fields": {"noise": 0.2, "sparsity": 0.001, "average": 64}},
}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, dict[str, Tensor]]]:
    """State after all steps of every case in both precisions, by the number of processes."""
    folder = tmp_path_factory.mktemp("world")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), dtype=np.uint8)
    np.save(folder / "noise.npy", pixels)
    request = {
        f"{name}-{precision}": {
            "method": case["method"],
            "fields": {"batch": 8, "latent": 8, **fields(case, precision), "data": str(folder / "noise.npy")},
            "precision": precision,
            "micro": case.get("micro"),
            "steps": STEPS,
        }
        for name, case in CASES.items()
        for precision in precisions(name)
    }
    (folder / "request.json").write_text(json.dumps(request))
    script, source = Path(__file__).with_name("world.py"), Path(__file__).parents[3] / "src"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    command += [str(folder / "request.json"), str(folder / "state2")]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert made.returncode == 0, made.stderr[-3000:]
    learn(request, folder / "state1")
    return {name: {size: load_file(folder / f"state{size}.{name}") for size in (1, 2)} for name in request}


def precisions(name: str) -> list[str]:
    """A penalty on a normalised critic amplifies rounding a thousandfold: there only double precision can tell."""
    return list(TOLERANCE) if name in ("gradient-penalty", "autoencoder") else ["float64"]


RUNS = [(name, precision) for name in CASES for precision in precisions(name)]


def fields(case: dict[str, Any], precision: str) -> dict[str, Any]:
    """The case's own fields with Adam in double precision and gradient descent in single.

    Adam divides a gradient by its own size, so that where a gradient is near zero, a rounding error of 1e-7 becomes a
    whole step: measured, 3e-3 after 20 steps of the same mathematics.
    """
    game = case["method"] == "gan"
    optimizer = "adam:lr=1e-3,beta1=0.5" if precision == "float64" else f"sgd:lr={case['rate']}"
    names = ("generator_optimizer", "discriminator_optimizer") if game else ("optimizer",)
    return {**case["fields"], **dict.fromkeys(names, optimizer)}


@pytest.mark.parametrize(("name", "precision"), RUNS)
def test_two_processes_equal_one(learned: dict[str, dict[int, dict[str, Tensor]]], name: str, precision: str) -> None:
    one, two = (learned[f"{name}-{precision}"][size] for size in (1, 2))
    assert one.keys() == two.keys()
    compared = [key for key in one if "/method/" in key or "/average/" in key]
    assert any(one[key].dtype == getattr(torch, precision) for key in compared)
    differences = {key: float((one[key].double() - two[key].double()).abs().max()) for key in compared}
    worst = max(differences, key=lambda key: differences[key])
    assert differences[worst] < TOLERANCE[precision], worst


@pytest.mark.parametrize("name", ["batch-normalisation", "both"])
def test_the_statistics_of_normalisation_moved(learned: dict[str, dict[int, dict[str, Tensor]]], name: str) -> None:
    """Else the comparison above would not have looked at batch normalisation."""
    moved = [value for key, value in learned[f"{name}-float64"][2].items() if key.endswith("running_var")]
    assert moved
    assert all(not torch.allclose(value, torch.ones_like(value), atol=1e-3) for value in moved)


@pytest.mark.parametrize(("name", "precision"), RUNS)
def test_every_network_learned(learned: dict[str, dict[int, dict[str, Tensor]]], name: str, precision: str) -> None:
    """The averages lag behind the weights by far more than the tolerance, so an error in a gradient would show."""
    state = learned[f"{name}-{precision}"][2]
    lag = {}
    for key in [key for key in state if "/average/" in key and state[key].dim() > 1]:
        run, _, path = key.partition("/average/")
        lag[key] = float((state[key] - state[f"{run}/method/{path.replace('/', '.', 1)}"]).abs().max())
    if name == "growing":  # the last size's blocks rest
        lag = {key: value for key, value in lag.items() if value}
        parts = {".".join(key.split("/generator/network.")[1].split(".")[:2]).removesuffix(".weight") for key in lag}
        assert {part.partition(".")[0] for part in parts} == {"first", "blocks", "images"}
        assert {part for part in parts if not part.startswith("first")} == {"blocks.0", "images.0", "images.1"}
    assert lag
    assert min(lag.values()) > 2 * TOLERANCE[precision], lag
    assert max(lag.values()) > 50 * TOLERANCE[precision], lag
