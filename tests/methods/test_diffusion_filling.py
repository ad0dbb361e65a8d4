"""Filling by a diffusion model: what is known stays, a step by hand, redrawing, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import belamy
from belamy.errors import UsageError
from belamy.methods.base import Fills, Redraws, Translates
from belamy.methods.diffusion import Method, Recipe
from belamy.methods.diffusion_filling import DiffusionFilling
from belamy.modalities.fields import DataSpec
from belamy.networks.noise_schedules import sampled_sigmas
from belamy.seeds import SampleDraws

DOUBLE = torch.float64
SHAPE = (1, 8, 8)
DRAWS = SampleDraws(3, range(4))


def filling(**fields: Any) -> DiffusionFilling:
    torch.manual_seed(0)
    found = Method(Recipe.tiny().changed(**fields), DataSpec.pictures(SHAPE, ("a", "b"))).double().eval()
    for parameter in found.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return DiffusionFilling(found)


def holed() -> Tensor:
    """Four pictures, the left half known."""
    source = torch.rand(4, 2, 8, 8, dtype=DOUBLE, generator=torch.Generator().manual_seed(1)) * 2 - 1
    source[:, 1] = torch.where(torch.arange(8) < 4, 1.0, -1.0)
    return source


@torch.no_grad()
@pytest.mark.parametrize("noise", ["edm", "flow", "cosine"])
def test_what_is_known_stays_bit_for_bit(noise: str) -> None:
    method, source = filling(noise=noise), holed()
    assert isinstance(method, Fills) and isinstance(method, Redraws) and not isinstance(method.model, Translates)
    made = method.translate(source, DRAWS, {"steps": 3, "rounds": 2})
    assert torch.equal(made[..., :4], source[:, :1, :, :4]) and made.isfinite().all()
    assert not torch.equal(made[..., 4:], source[:, :1, :, 4:]) and made[..., 4:].abs().max() <= 1
    some = method.translate(source[2:], SampleDraws(3, [2, 3]), {"steps": 3, "rounds": 2})
    torch.testing.assert_close(some, made[2:], rtol=0, atol=1e-12)
    assert not torch.equal(made, method.translate(source, SampleDraws(4, range(4)), {"steps": 3, "rounds": 2}))


@torch.no_grad()
def test_two_steps_by_hand() -> None:
    """RePaint, algorithm 1, in the state of data plus noise: two rounds of the first step, one of the last."""
    method, source, network = filling(), holed(), None
    network = method.model.network
    y, known = source[:, :1] - network.centre, (source[:, 1:] > 0).double()
    high, low = sampled_sigmas("edm", 2)[:2]
    labels = torch.ones(4, dtype=torch.long)

    def noise(name: str) -> Tensor:
        return DRAWS.normal(name, 4, *SHAPE).double()

    x = high * noise("latents")
    for again in range(2):
        if again:
            x = x + (high**2 - low**2).sqrt() * noise("back-0-1")
        x = known * (y + high * noise(f"known-0-{again}")) + (1 - known) * x
        clean = network(x, high.expand(4), labels)
        x = clean + low**2 / high**2 * (x - clean) + low / high * (high**2 - low**2).sqrt() * noise(f"step-0-{again}")
    x = known * (y + low * noise("known-1-0")) + (1 - known) * x
    wanted = (network(x, low.expand(4), labels) + network.centre).clamp(-1, 1)
    found = method.translate(source, DRAWS, {"steps": 2, "rounds": 2, "label": 1})
    torch.testing.assert_close(found[..., 4:], wanted[..., 4:])


@torch.no_grad()
def test_the_less_strength_the_nearer_to_what_was_there() -> None:
    method, source = filling(), holed()
    source[:, 1] = 1.0
    found = [method.translate(source, DRAWS, {"steps": 20, "rounds": 1, "strength": s}) for s in (0.05, 0.5, 0.9)]
    apart = [float((each - source[:, :1]).abs().mean()) for each in found]
    assert apart[0] < 0.02 < apart[1] < apart[2]


def test_what_is_refused() -> None:
    method = filling()
    with pytest.raises(UsageError, match="classes of this run are 0 to 1"):
        method.translate(holed(), DRAWS, {"label": 2})
    with pytest.raises(UsageError, match="classes of this run are none"):
        filling(conditional=False).translate(holed(), DRAWS, {"label": 0})
    with pytest.raises(UsageError, match="Leave --feather out"):
        method.fill(holed(), 2)
    with pytest.raises(UsageError, match="these have 4 channels"):
        DiffusionFilling(Method(Recipe.tiny(), DataSpec.pictures((4, 8, 8), ())))


def test_a_run_fills_and_redraws_files(tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (40, 8, 8), generator=torch.Generator().manual_seed(1)).to(torch.uint8).numpy()
    np.savez(tmp_path / "set.npz", images=pixels)
    recipe = Recipe.tiny().changed(data=str(tmp_path / "set.npz"))
    run = belamy.train(recipe, samples=32, out=tmp_path / "run", snapshots=1, progress=False, device="cpu")
    Image.fromarray(pixels[0]).save(tmp_path / "whole.png")
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 5:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    how: dict[str, Any] = {"options": {"steps": 2, "rounds": 1}, "device": "cpu"}
    filled = belamy.translate(run, tmp_path / "whole.png", mask=tmp_path / "mask.png", **how).items[0].made
    assert np.array_equal(filled[0, :, :5], pixels[0, :, :5]) and not np.array_equal(filled[0], pixels[0])
    with pytest.raises(UsageError, match="has no hole"):
        belamy.translate(run, tmp_path / "whole.png", **how)
    how["options"] |= {"strength": 0.5}
    assert not np.array_equal(belamy.translate(run, tmp_path / "whole.png", **how).items[0].made[0], pixels[0])
    Image.fromarray(np.zeros((12, 9), np.uint8)).save(tmp_path / "other.png")
    with pytest.raises(UsageError, match=r"is 9 wide and 12 high, .* pictures of 8x8"):
        belamy.translate(run, tmp_path / "other.png", **how)
    with pytest.raises(UsageError, match="no option 'strenth'"):
        belamy.translate(run, tmp_path / "whole.png", options={"strenth": 1.0})
