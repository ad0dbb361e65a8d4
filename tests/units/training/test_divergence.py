"""A run that diverges stops, says where, and keeps what was good."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import belamy
from belamy.errors import NotFinite
from belamy.methods import gan
from belamy.methods.base import METHODS
from belamy.registry import Part
from belamy.runs.run import RECIPE_TYPES, Run


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """40 random images in colour, of four classes."""
    path = tmp_path / "set.npz"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 3), dtype=np.uint8)
    np.savez(path, images=pixels, labels=np.arange(40) % 4)
    return path


@pytest.mark.parametrize("name", METHODS.names())
def test_an_absurd_learning_rate(name: str, labelled: Path, tmp_path: Path) -> None:
    recipe = RECIPE_TYPES.load(name).tiny()
    fields = [field for field in type(recipe).model_fields if field.endswith("optimizer")]
    wrong = dict.fromkeys(fields, "adam:lr=1e38")
    out = tmp_path / "run"
    of_pictures = METHODS.load(name).requires(recipe) == {"main": "image"}
    data = str(labelled) if of_pictures else recipe.data
    with pytest.raises(NotFinite) as caught:
        belamy.train(recipe, data=data, out=out, progress=False, checkpoint_seconds=0, snapshots=2, **wrong)
    message = str(caught.value)
    assert re.search(r"Training stopped after [\d,]+ samples: ", message)
    assert re.search(r"the (loss|gradients?|weight) .* (is|not|overflow)", message), message
    assert re.search(rf"--({'|'.join(fields).replace('_', '-')})\.lr", message), message
    assert Run.open(out).journal()[-1]["event"] == "not-finite"
    kept = Run.open(out).load_checkpoint()
    if kept is None:
        assert "Nothing was saved" in message
        return
    assert f"The last good checkpoint, {kept.samples:,} samples, is kept" in message
    assert all(torch.isfinite(tensor).all() for key, tensor in kept.tensors.items() if key.startswith("method/"))


def test_the_network_and_its_first_bad_layer_are_named(labelled: Path, tmp_path: Path) -> None:
    """All weights are about 1e30 after a step, so the second product overflows and the first does not."""
    recipe = gan.Recipe(generator=Part(name="dense-fashion"), discriminator=Part(name="dense-fashion"), batch=8)
    wrong = dict.fromkeys(["generator_optimizer", "discriminator_optimizer"], "adam:lr=1e30")
    usual = {"data": str(labelled), "out": tmp_path / "run", "progress": False, "checkpoint_seconds": 0, "snapshots": 2}
    with pytest.raises(NotFinite, match=r"first layer with a bad output is discriminator\..*trunk\.3 \(Linear\)"):
        belamy.train(recipe, **wrong, **usual)


def test_a_run_that_diverged_goes_on_from_its_last_good_checkpoint(labelled: Path, tmp_path: Path) -> None:
    """It diverges again, since nothing has changed; the journal has the event once."""
    recipe, out = RECIPE_TYPES.load("gan").tiny(), tmp_path / "run"
    with pytest.raises(NotFinite):
        belamy.train(
            recipe, data=str(labelled), out=out, progress=False, checkpoint_seconds=0, snapshots=2,
            generator_optimizer="sgd:lr=1e30", discriminator_optimizer="sgd:lr=1e-3",
        )  # fmt: skip
    first = Run.open(out).journal()
    with pytest.raises(NotFinite):
        belamy.resume(out, progress=False, checkpoint_seconds=0)
    events = [[row["event"] for row in found] for found in (first, Run.open(out).journal())]
    assert events[0] == events[1]
    assert events[0].count("not-finite") == 1
