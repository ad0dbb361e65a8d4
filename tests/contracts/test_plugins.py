"""A loss, a network, a method and a recipe of another package, one file each, trained with by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FILES = {
    "my_loss.py": '''
"""A loss that is a line through the scores."""
from torch import Tensor, nn

class Adversarial(nn.Module):
    """Scores are pushed apart, times a factor."""
    relativistic = False

    def __init__(self, *, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def on_real(self, real: Tensor) -> Tensor:
        return -self.factor * real

    def on_fake(self, fake: Tensor) -> Tensor:
        return self.factor * fake

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.on_real(real) + self.on_fake(fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -self.factor * fake
''',
    "my_network.py": '''
"""Two small dense networks."""
from math import prod
from torch import Tensor, nn

class Generator(nn.Module):
    """One layer."""
    native_shape = (1, 8, 8)
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, gain: float = 1.0) -> None:
        super().__init__()
        self.shape, self.gain = shape, gain
        self.layer = nn.Linear(latent, prod(shape))

    def forward(self, latents: Tensor) -> Tensor:
        return (self.gain * self.layer(latents)).tanh().unflatten(1, self.shape)

class Discriminator(nn.Module):
    """One layer."""
    native_shape = (1, 8, 8)

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.layer = nn.Linear(prod(shape), 1)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        pixels = images.flatten(1)
        return self.layer(pixels)[:, 0], pixels

    def forward(self, images: Tensor) -> Tensor:
        return self.scores_and_features(images)[0]
''',
    "my_method.py": '''
"""Learns the mean image; its learning rate is called otherwise than in the house."""
from collections.abc import Iterable, Iterator
from typing import Annotated

import torch
from torch import Tensor, nn

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.seeds import Draws
from belamy.registry import Part

class Recipe(base.BaseRecipe):
    """The mean image."""
    learning: Annotated[Part, OPTIMIZERS] = Part(name="sgd", lr=10.0)
    """How the mean learns."""

    @classmethod
    def tiny(cls) -> "Recipe":
        return cls(samples=64, batch=8)

class Mean(nn.Module):
    """A picture."""
    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.picture = nn.Parameter(torch.zeros(shape))

    def forward(self, images: Tensor) -> Tensor:
        return self.picture.expand(len(images), *self.picture.shape)

class Method(base.BaseMethod):
    """One player."""
    averaged = ("mean",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.mean = Mean(spec.shape)

    @property
    def players(self) -> dict[str, Player]:
        return {"mean": Player(self.mean, self.recipe.learning)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        images = next(data).images
        yield Turn("mean", {"distance": (self.mean(images) - images).square().flatten(1).mean(1)})

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        return base.normal_latents(seed, indices, 1)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.mean(latents)
''',
    "my_recipes.py": '''
"""A recipe of everything that the package adds."""
from belamy.methods import gan
from belamy.registry import Part

def all_mine() -> gan.Recipe:
    """Our loss and our networks."""
    return gan.Recipe(
        generator=Part(name="my-network", gain=2.0), discriminator=Part(name="my-network"), latent=4,
        adversarial=Part(name="my-loss", factor=0.5), batch=8, samples=64,
    )
''',
}
ENTRY_POINTS = """
[belamy.losses.adversarial]
my-loss = my_loss
[belamy.networks]
my_network = my_network
[belamy.methods]
my-method = my_method:Method
[belamy.recipes]
my-recipes = my_recipes
"""
SCRIPT = """
import json, sys
import torch
torch.set_num_threads(1)
import belamy
from belamy import recipes
from belamy.methods.base import METHODS
from belamy.runs.run import RECIPE_TYPES, Run
from belamy.registry import Part

data, out = sys.argv[1:]
usual = {"data": data, "samples": 64, "batch": 8, "progress": False, "snapshots": 2}
dense = Part(name="dense-fashion")
gan = RECIPE_TYPES.load("gan")(generator=dense, discriminator=dense, latent=8)
said = {
    "loss": belamy.train(gan, adversarial="my-loss:factor=2", out=out + "/loss", **usual),
    "network": belamy.train(gan, generator="my-network", out=out + "/network", **usual),
    "method": belamy.train(RECIPE_TYPES.load("my-method").tiny(), out=out + "/method", **usual),
    "recipe": belamy.train("all-mine", out=out + "/recipe", **usual),
}
assert "my-method" in METHODS.names() and "all-mine" in recipes.names()
print(json.dumps({name: list(Run.open(run.path).sample(2).shape) for name, run in said.items()}))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed package of four files, and data."""
    folder = tmp_path_factory.mktemp("package")
    for name, text in FILES.items():
        (folder / name).write_text(text.lstrip())
    info = folder / "extra-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    np.save(folder / "noise.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8))
    return folder


def python(package: Path, *words: str) -> subprocess.CompletedProcess[str]:
    source = Path(__file__).parents[2] / "src"
    environment = {**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{package}", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *words], env=environment, cwd=package, capture_output=True, text=True, check=False
    )


def test_each_is_trained_with_by_name(package: Path) -> None:
    made = python(package, "-c", SCRIPT, str(package / "noise.npy"), str(package / "runs"))
    assert made.returncode == 0, made.stderr[-3000:]
    shapes = json.loads(made.stdout.splitlines()[-1])
    assert shapes == {name: [2, 1, 8, 8] for name in ("loss", "network", "method", "recipe")}
    facts = json.loads((package / "runs" / "recipe" / "recipe.json").read_text())
    assert facts["recipe"] == "all-mine"
    assert facts["fields"]["adversarial"] == {"name": "my-loss", "factor": 0.5}
    logged = json.loads((package / "runs" / "method" / "metrics.jsonl").read_text().splitlines()[-1])
    assert "mean.distance" in logged["losses"]


def test_the_command_line_trains_with_them(package: Path) -> None:
    words = ["train", "all-mine", "--data", "noise.npy", "--samples", "32", "--out", "by-command"]
    made = python(package, "-m", "belamy", *words, "--adversarial", "my-loss:factor=3")
    assert made.returncode == 0, made.stderr[-3000:] + made.stdout[-3000:]
    facts = json.loads((package / "by-command" / "recipe.json").read_text())
    assert facts["fields"]["adversarial"] == {"name": "my-loss", "factor": 3.0}
    assert (package / "by-command" / "report.html").is_file()


def test_a_new_method_that_diverges_is_told_what_to_do(package: Path) -> None:
    """Its optimiser's field has a name of its own."""
    script = (
        "import sys, belamy\nfrom belamy.errors import NotFinite\nfrom belamy.runs.run import RECIPE_TYPES\n"
        "try:\n    belamy.train(RECIPE_TYPES.load('my-method').tiny(), data=sys.argv[1], out='diverged', samples=640,\n"
        "                 progress=False, learning='sgd:lr=1e30')\n"
        "except NotFinite as error:\n    print(error)\n"
    )
    made = python(package, "-c", script, "noise.npy")
    assert made.returncode == 0, made.stderr[-3000:]
    assert "mean.distance" in made.stdout and "--learning.lr 2.5e+29" in made.stdout
