"""A student of a diffusion run: its step in float64 by hand, its teacher's steps, its samples, where it begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import belamy
from belamy.errors import UsageError
from belamy.methods import diffusion
from belamy.methods.base import Sampling
from belamy.methods.distillation import Method, Recipe
from belamy.modalities.fields import DataSpec
from belamy.networks.denoising import denoised
from belamy.networks.noise_schedules import sampled_sigmas
from belamy.sampling.draw import draw
from belamy.seeds import SampleDraws

DOUBLE = torch.float64
SHAPE = (1, 8, 8)
CLASSES = ("a", "b", "c")


def stirred(method: Method) -> Method:
    torch.manual_seed(0)
    for parameter in method.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return method


def student(**fields: Any) -> Method:
    return stirred(Method(Recipe.tiny().changed(**fields), DataSpec.pictures(SHAPE, CLASSES)).double().eval())


@pytest.mark.parametrize("taught", ["run", "data"])
def test_one_step_by_hand(stage: Callable[..., Any], check: Callable[..., None], taught: str) -> None:
    guidance = 2.5 if taught == "run" else 1.0
    on = stage(Recipe.tiny().changed(taught=taught, guidance=guidance, slope_weight=0.7))
    stirred(on.method)
    images, labels = on.batch()
    numbers, method, count = on.numbers(), on.method, 8
    network, judge = method.network, method.discriminator
    clean = images - network.centre
    stations = sampled_sigmas("edm", 3)[:2]
    sigma = stations[(numbers.uniform("station", count) * 2).long()]
    fake = network(clean + sigma[:, None, None, None] * numbers.normal("latents", *images.shape), sigma, labels)
    fake = fake + network.centre

    def slope(at: Tensor) -> Tensor:
        at = at.detach().requires_grad_()
        (found,) = torch.autograd.grad(judge(at, labels).sum(), at, create_graph=True)
        return found.square().flatten(1).sum(1) / 2

    played = on.turns()
    real, made = judge(images, labels), judge(fake.detach(), labels)
    terms = {"adversarial": torch.nn.functional.softplus(made - real), "r1": slope(images), "r2": slope(fake)}
    check(next(played), "discriminator", judge, terms, {"r1": 1.4, "r2": 1.4})
    second = next(played)  # the discriminator has learned
    real, made = judge(images, labels), judge(fake, labels)
    levels = sampled_sigmas("edm", 4)
    place = (numbers.uniform("level", count) * 4).long()
    assert {0, 3} <= set(place.tolist())
    high, low = levels[place][:, None, None, None], levels[place + 1][:, None, None, None]
    noise = numbers.normal("noise", *images.shape)

    def guided(x: Tensor, level: Tensor) -> Tensor:
        of_class, without = method.teacher(x, level, labels), method.teacher(x, level)
        return without + guidance * (of_class - without)

    x, wanted = clean + high * noise, torch.zeros_like(clean)
    for i in range(count):
        if taught == "data":
            ahead = (clean + low * noise)[i : i + 1]
        else:
            one = x[i : i + 1].expand(count, -1, -1, -1)  # labels are those of all
            pair = torch.stack([high[i].squeeze(), low[i].squeeze()])
            ahead = denoised("heun", lambda x, level: guided(x, level.expand(count)), one, pair)[i : i + 1]
        wanted[i] = ahead[0] if low[i] == 0 else network(ahead, low[i].flatten(), labels[i : i + 1])[0]
    apart = network(x, high.flatten(), labels) - wanted.detach()
    terms = {
        "consistency": (apart / network.sigma_data).square().flatten(1).mean(1),
        "adversarial": torch.nn.functional.softplus(real.detach() - made),
    }
    check(second, "student", network, terms, {"adversarial": 0.5})


def test_leaps_from_noise_and_from_what_came_of_it() -> None:
    method = student()
    told: list[tuple[int, int]] = []
    twice = draw(method, 4, seed=3, report=lambda *done: told.append(done))
    assert told == [(4, 8), (8, 8)]
    assert torch.equal(twice[2:], draw(method, 2, seed=3, start=2, batch=1, steps=2))
    once = draw(method, 4, seed=3, steps=1)
    assert not torch.equal(once, twice)
    labels = torch.arange(4) % 3
    noise = method.latents(3, range(4)).double().unflatten(1, SHAPE)
    wanted = method.network(80 * noise, torch.full((4,), 80.0, dtype=DOUBLE), labels) + method.network.centre
    assert method.stations(1).tolist() == [80.0] and method.stations(2)[1].item() == pytest.approx(2.5152, abs=1e-3)
    with torch.no_grad():
        found = method.generate(noise.flatten(1), labels, sampling=Sampling(SampleDraws(3, range(4)), 1))
        torch.testing.assert_close(found, wanted.clamp(-1, 1))
    for steps in (0, 1000):
        with pytest.raises(UsageError, match="takes 1 to 999"):
            draw(method, 1, steps=steps)


def test_guidance_is_the_teachers() -> None:
    with pytest.raises(UsageError, match="Leave --guidance out"):
        student(guidance=2.0)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short diffusion run on noise that is no longer spread as its data are."""
    path = tmp_path_factory.mktemp("teacher")
    pixels = torch.randint(0, 256, (40, 8, 8), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    np.savez(path / "set.npz", images=pixels.numpy(), labels=np.arange(40) % 2)
    recipe = diffusion.Recipe.tiny().changed(data=str(path / "set.npz"), sigma_data=0.9)
    belamy.train(recipe, samples=32, out=path / "run", snapshots=1, progress=False, device="cpu")
    return path


def test_it_begins_as_its_teachers_average(teacher: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"snapshots": 1, "progress": False, "device": "cpu"}
    recipe = Recipe.tiny().changed(
        data=str(teacher / "set.npz"), taught="run", optimizer={"name": "adam", "lr": 0.0}, train_samples=16
    )
    with pytest.raises(UsageError, match=r"trained run of 'diffusion', and none is named\. Type --start-from RUN"):
        belamy.train(recipe, out=tmp_path / "alone", **how)
    run = belamy.train(recipe, out=tmp_path / "run", start_from=teacher / "run", **how)
    old, new = belamy.open(teacher / "run").load_checkpoint(), run.load_checkpoint()
    assert old is not None and new is not None
    average = old.below("average/network")
    for holder in ("method", "average"):
        found = new.below(holder)
        for key, value in average.items():
            for name in ("network", *(["teacher"] if holder == "method" else [])):
                mine = next(found[each] for each in (f"{name}.{key}", f"{name}/{key}") if each in found)
                torch.testing.assert_close(mine, value)
    assert float(average["sigma_data"]) == pytest.approx(0.9)
    assert run.sample(2, steps=1).shape == (2, *SHAPE)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"network": {"name": "diffusion-u-net", "width": 16}}, "Type --network diffusion-u-net:width=8"),
        ({"parametrization": "v"}, "Type --parametrization edm"),
        ({"noise": "cosine"}, "Type --noise edm"),
        ({"conditional": False}, "Type --conditional"),
        ({"channels": 3}, "The network begins as that run's"),
    ],
)
def test_teachers_that_do_not_fit(teacher: Path, tmp_path: Path, fields: dict[str, Any], says: str) -> None:
    recipe = Recipe.tiny().changed(data=str(teacher / "set.npz"), taught="run", **fields)
    with pytest.raises(UsageError, match=says):
        belamy.train(recipe, out=tmp_path / "run", start_from=teacher / "run", progress=False, device="cpu")
    assert not (tmp_path / "run").exists()
