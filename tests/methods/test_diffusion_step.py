"""Diffusion: tables, a step in float64 by hand, losses at the start, samplers against closed forms, guidance."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import belamy
from belamy.data import Batch, open_data
from belamy.data.dataset import Dataset, Memory
from belamy.errors import DataError, UsageError
from belamy.methods.diffusion import Method, Recipe
from belamy.modalities.fields import DataSpec
from belamy.networks.denoising import SAMPLERS, Sampler, denoised
from belamy.networks.noise_schedules import alphas_bar, sampled_sigmas, trained_sigmas
from belamy.networks.preconditioning import Parametrization, Preconditioned, preconditioning
from belamy.sampling.draw import draw
from belamy.seeds import Draws

SHAPE = (1, 8, 8)
TRANSFORMER = {"name": "diffusion-transformer", "width": 8, "depth": 1, "heads": 2, "patch": 2}
DOUBLE = torch.float64


def model(classes: tuple[str, ...] = (), *, stirred: bool = True, **fields: Any) -> Method:
    torch.manual_seed(0)
    found = Method(Recipe.tiny().changed(**fields), DataSpec.pictures(SHAPE, classes)).double().eval()
    for parameter in found.parameters():
        parameter.data += 0.1 * stirred * torch.randn_like(parameter)
    return found


def shrink(x: Tensor, sigma: Tensor) -> Tensor:
    """The exact denoiser of N(0, 0.25)."""
    return 0.25 / (0.25 + sigma.square()) * x


def error(sampler: Sampler, steps: int) -> float:
    sigmas = torch.linspace(2.0, 0.1, steps + 1, dtype=DOUBLE)
    exact = math.sqrt((0.25 + 0.01) / (0.25 + 4.0))
    return abs(float(denoised(sampler, shrink, torch.ones(1, dtype=DOUBLE), sigmas)) - exact)


def test_tables() -> None:
    linear, cosine = alphas_bar("linear"), alphas_bar("cosine")
    assert float(linear[-1]) == pytest.approx(4.0358e-5, rel=1e-4)
    assert float(linear[-1].sqrt()) == pytest.approx(0.006353, rel=1e-4)
    assert float(linear[499]) == pytest.approx(0.078587, rel=1e-5)
    assert float(cosine[-1]) == pytest.approx(2.43e-9, rel=2e-3)
    assert float(cosine[499]) == pytest.approx(0.493844, rel=1e-6)
    edm = sampled_sigmas("edm", 18)
    assert len(edm) == 19 and edm[-1] == 0
    assert [round(float(edm[i]), 4) for i in (0, 8, 9)] == [80.0, 3.2568, 1.9233]
    assert [round(float(edm[i]), 3) for i in (1, 2)] == [57.586, 40.786]
    assert [round(float(edm[i]), 4) for i in (16, 17)] == [0.0075, 0.002]
    for kind in ("linear", "cosine", "edm", "flow"):
        assert (sampled_sigmas(kind, 50).diff() < 0).all() and len(sampled_sigmas(kind, 1)) == 2  # type: ignore[arg-type]


def test_levels_that_are_learned() -> None:
    normal, uniform = torch.randn(100_000, dtype=DOUBLE), torch.rand(100_000, dtype=DOUBLE)
    edm = trained_sigmas("edm", normal, uniform).log()
    assert float(edm.mean()) == pytest.approx(-1.2, abs=0.02) and float(edm.std()) == pytest.approx(1.2, abs=0.02)
    flow = trained_sigmas("flow", normal, uniform)
    torch.testing.assert_close(flow / (1 + flow), torch.sigmoid(normal))
    higher = trained_sigmas("edm", normal, uniform, -0.4, 0.5).log()
    torch.testing.assert_close(higher, 0.5 * normal - 0.4)
    edges = trained_sigmas("linear", normal[:2], torch.tensor([0.0, 1.0], dtype=DOUBLE))
    left = alphas_bar("linear")[[0, -1]]
    torch.testing.assert_close(1 / (1 + edges.square()), left)


def test_preconditioning() -> None:
    half, far = (preconditioning("edm", torch.tensor(s, dtype=DOUBLE)) for s in (0.5, 80.0))
    for found, wanted in zip(half, (0.5, 0.353553, 1.414214, -0.173287), strict=True):
        assert float(found) == pytest.approx(wanted, rel=1e-5)
    assert float(far.into) == pytest.approx(0.0124998, rel=1e-5)
    assert float(far.noise) == pytest.approx(1.095507, rel=1e-6)
    sigma = torch.tensor([0.001, 0.5, 3.0, 100.0], dtype=DOUBLE)
    weight = (sigma.square() + 0.25) / (sigma * 0.5).square()  # EDM's λ
    assert float(weight[1]) == 8
    torch.testing.assert_close(weight * preconditioning("edm", sigma).out.square(), torch.ones_like(sigma))


@pytest.mark.parametrize("kind", ["epsilon", "x0", "v", "edm", "flow"])
def test_a_network_that_answers_right_denoises(kind: Parametrization) -> None:
    """What each paper asks for, in its own state, is what the network is asked for here."""
    clean, noise = torch.randn(4, *SHAPE, dtype=DOUBLE), torch.randn(4, *SHAPE, dtype=DOUBLE)
    sigma = torch.tensor([0.01, 0.4, 1.0, 30.0], dtype=DOUBLE)
    s, alpha, time = sigma[:, None, None, None], (1 + sigma[:, None, None, None] ** 2).rsqrt(), sigma / (1 + sigma)
    t = time[:, None, None, None]
    c = preconditioning("edm", s)
    states = {"flow": (1 - t) * clean + t * noise, "edm": c.into * (clean + s * noise)}
    answers = {
        "epsilon": noise, "x0": clean, "v": alpha * noise - alpha * s * clean, "flow": noise - clean,
        "edm": (clean - c.skip * (clean + s * noise)) / c.out,
    }  # fmt: skip

    class Right(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = torch.nn.Parameter(torch.ones((), dtype=DOUBLE))

        def forward(self, state: Tensor, level: Tensor, labels: Tensor | None) -> Tensor:
            torch.testing.assert_close(state, states.get(kind, alpha * clean + alpha * s * noise))
            torch.testing.assert_close(level, time if kind == "flow" else sigma.log() / 4)
            return answers[kind]

    network = Preconditioned(Right(), kind, 0.0, 0.5)
    torch.testing.assert_close(network(clean + s * noise, sigma), clean)
    torch.testing.assert_close(network.error(clean, noise, sigma), torch.zeros(4, dtype=DOUBLE))
    snr = 1 / sigma.square() if kind != "edm" else 0.25 / sigma.square()
    weights = {  # of Hang et al. 2023, and of EDM in the square of the error of the picture
        "epsilon": snr.clamp(max=5) / snr, "x0": snr.clamp(max=5), "v": snr.clamp(max=5) / (snr + 1),
        "flow": snr.clamp(max=5) * time.square(), "edm": snr.clamp(max=5) / (snr + 1),
    }  # fmt: skip
    torch.testing.assert_close(network.min_snr(sigma), weights[kind], rtol=1e-6, atol=1e-12)


def test_one_step_by_hand(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    on = stage(Recipe.tiny().changed(label_dropout=0.5, weighting="min-snr", level_mean=-0.7))
    images, labels = on.batch()
    numbers, network = on.numbers(), on.method.network
    pixels = on.data.images(on.data.indices("train")).double() / 127.5 - 1
    mean, spread = float(pixels.mean()), float(pixels.std(correction=0))
    assert float(network.centre) == pytest.approx(mean, abs=1e-6)
    assert float(network.sigma_data) == pytest.approx(spread, abs=1e-6)
    count = len(images)
    sigma = (1.2 * numbers.normal("level", count) - 0.7).exp()[:, None, None, None]
    labels = torch.where(numbers.uniform("hidden", count) < 0.5, 3, labels)
    clean = images - network.centre
    noisy, total = clean + sigma * numbers.normal("noise", count, *images.shape[1:]), sigma**2 + network.sigma_data**2
    wide = total.sqrt()
    answer = network.inner(noisy / wide, sigma.flatten().log() / 4, labels)
    denoise = network.sigma_data**2 / total * noisy + sigma * network.sigma_data / wide * answer
    snr = (network.sigma_data / sigma).square().clamp(max=5) / network.sigma_data**2
    loss = (snr * (denoise - clean).square()).flatten(1).mean(1)
    check(next(on.turns()), "model", network, {"denoising": loss})


@pytest.mark.parametrize("sigma", [0.002, 0.05, 0.3, 1.0, 7.0, 80.0])
def test_the_loss_begins_at_one_at_every_level(sigma: float) -> None:
    network = model(stirred=False).network
    clean = torch.randn(2000, *SHAPE, dtype=DOUBLE)
    clean = network.sigma_data * (clean - clean.mean()) / clean.std(correction=0)
    level = torch.full((2000,), sigma, dtype=DOUBLE)
    with torch.no_grad():
        found = network.error(clean, torch.randn_like(clean), level)
    assert float(found.mean()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("sampler", "order"), [("ddim", 1), ("heun", 2), ("dpm-solver", 2)])
def test_samplers_converge_at_their_order(sampler: Sampler, order: int) -> None:
    assert math.log2(error(sampler, 200) / error(sampler, 400)) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samples_of_a_bell_are_spread_as_it_is(sampler: Sampler) -> None:
    """By the exact denoiser and all steps; DDIM with all of them is the ODE, whose end is known for each start."""
    sigmas, stream = sampled_sigmas("linear", 1000), torch.Generator().manual_seed(0)
    start = sigmas[0] * torch.randn(5_000, generator=stream, dtype=DOUBLE)
    ends = denoised(sampler, shrink, start, sigmas, noise=lambda i: torch.randn(5_000, generator=stream, dtype=DOUBLE))
    assert float(ends.std()) == pytest.approx(0.5, rel=0.03)
    if sampler != "ddpm":
        exact = start * (0.25 / (0.25 + sigmas[0].square())).sqrt()
        torch.testing.assert_close(ends, exact, rtol=0.02, atol=0)


def test_euler_is_the_straight_step_of_flows() -> None:
    sigmas = sampled_sigmas("flow", 7)
    x = sigmas[0] * torch.ones(1, dtype=DOUBLE)
    state, times = x / (1 + sigmas[0]), sigmas / (1 + sigmas)
    for now, after in pairwise(times):
        sigma = now / (1 - now)
        clean = shrink(state / (1 - now), sigma)
        state = state + (after - now) * (state - clean) / now
    torch.testing.assert_close(denoised("ddim", shrink, x, sigmas), state, rtol=1e-12, atol=1e-12)


def test_ddim_in_the_state_of_its_paper() -> None:
    left = alphas_bar("cosine")[[700, 400]]
    sigmas = torch.cat([((1 - left) / left).sqrt(), torch.zeros(1, dtype=DOUBLE)])
    x = torch.tensor([0.7], dtype=DOUBLE)  # of variance about 1
    noise = (x - left[0].sqrt() * shrink(x / left[0].sqrt(), sigmas[0])) / (1 - left[0]).sqrt()
    clean = (x - (1 - left[0]).sqrt() * noise) / left[0].sqrt()
    wanted = left[1].sqrt() * clean + (1 - left[1]).sqrt() * noise  # equation 12, σ = 0
    found = denoised("ddim", shrink, x / left[0].sqrt(), torch.cat([sigmas[:2]]))
    torch.testing.assert_close(found * left[1].sqrt(), wanted)


def test_ancestral_steps_have_the_mean_and_the_variance_of_the_posterior() -> None:
    left = alphas_bar("linear")
    now, after = left[600], left[599]
    sigmas = ((1 - torch.stack([now, after])) / torch.stack([now, after])).sqrt()
    x, clean, beta = torch.tensor([1.3], dtype=DOUBLE), torch.tensor([0.4], dtype=DOUBLE), 1 - now / after
    fresh = (torch.zeros_like(x), torch.ones_like(x))
    mean, above = (
        after.sqrt() * denoised("ddpm", lambda x, s: clean, x / now.sqrt(), sigmas, noise=(each,).__getitem__)
        for each in fresh
    )
    wanted = (after.sqrt() * beta * clean + (1 - beta).sqrt() * (1 - after) * x) / (1 - now)  # DDPM, equation 7
    torch.testing.assert_close(mean, wanted)
    torch.testing.assert_close((above - mean).square()[0], (1 - after) / (1 - now) * beta)


def test_heun_looks_twice_at_each_step_but_the_last() -> None:
    seen: list[float] = []

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        seen.append(float(sigma))
        return shrink(x, sigma)

    for sampler, evaluations in {"heun": 35, "dpm-solver": 18, "ddim": 18}.items():
        seen.clear()
        denoised(sampler, denoise, torch.ones(1, dtype=DOUBLE), sampled_sigmas("edm", 18))  # type: ignore[arg-type]
        assert len(seen) == evaluations


def test_guidance() -> None:
    method = model(("a", "b"))
    plain, guided, none = (draw(method, 4, options={"guidance": w}) for w in (1.0, 3.0, 0.0))
    assert torch.equal(plain, draw(method, 4)) and not torch.equal(plain, guided)
    assert torch.equal(plain, draw(method, 4, options={"guidance": 3.0, "guidance_above": 100.0}))
    assert torch.equal(none, draw(method, 4, options={"guidance": 0.0}, labels=1))
    x, sigma, labels = torch.randn(2, *SHAPE, dtype=DOUBLE), torch.tensor(1.0, dtype=DOUBLE), torch.tensor([0, 1])
    options = {"guidance": 2.5, "guidance_above": 0.0, "guidance_below": 9.0}
    of_class, without = method.network(x, sigma.expand(2), labels), method.network(x, sigma.expand(2))
    torch.testing.assert_close(method.guided(labels, options)(x, sigma), without + 2.5 * (of_class - without))
    torch.testing.assert_close(without, method.network(x, sigma.expand(2), torch.tensor([2, 2])))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sample_is_its_own_by_every_sampler(sampler: Sampler) -> None:
    method = model(("a", "b"))
    told: list[tuple[int, int]] = []
    whole = draw(method, 4, steps=3, options={"sampler": sampler}, report=lambda *done: told.append(done))
    again = draw(method, 2, start=2, steps=3, options={"sampler": sampler}, batch=1)
    assert torch.equal(whole[2:], again) and told[-1] == (12, 12) and len(told) == 3
    own = model(("a", "b"), sampler=sampler, sampling_steps=3)
    assert torch.equal(whole, draw(own, 4)) and torch.equal(whole, draw(own, 4, options={"sampler": "own"}))


def test_sampling_ends_when_it_is_told_to() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(model(), 2, report=stop)


def test_without_labels() -> None:
    assert model(("a", "b"), conditional=False).network.inner.label is None
    unlabelled = model()
    batch = Batch({"image": torch.rand(3, *SHAPE, dtype=DOUBLE)}, torch.arange(3))
    assert unlabelled.evaluate(batch, Draws(0, 0, dtype=DOUBLE))["loss"].shape == (3,)
    with pytest.raises(UsageError, match="without labels"):
        draw(unlabelled, 2, labels=1)


def test_what_was_learned_at_each_level_is_told_in_that_of_the_best_linear_guess() -> None:
    batch = Batch({"image": 0.5 * torch.randn(2000, *SHAPE, dtype=DOUBLE)}, torch.arange(2000))
    with torch.no_grad():
        nothing = model(stirred=False).evaluate(batch, Draws(0, 0, dtype=DOUBLE))
        noise = model(stirred=False, parametrization="epsilon").evaluate(batch, Draws(0, 0, dtype=DOUBLE))
    assert float(nothing["spread"].mean()) == pytest.approx(1.0, abs=0.02)
    for level in (0.1, 1.0, 10.0):
        assert float(nothing[f"error-at-{level:g}"].mean()) == pytest.approx(1.0, abs=0.02)
        as_it_is = level**2 / (level**2 * 0.25 / (level**2 + 0.25))  # the noisy picture itself
        assert float(noise[f"error-at-{level:g}"].mean()) == pytest.approx(as_it_is, rel=0.02)


def test_data_are_measured_unless_they_are_known() -> None:
    pixels = torch.randint(0, 256, (50, *SHAPE), dtype=torch.uint8)
    data = Dataset("noise", Memory(pixels))
    known = model(sigma_data=0.7, centre=0.2)
    known.measure_data(data)
    assert float(known.network.sigma_data) == pytest.approx(0.7) and float(known.network.centre) == pytest.approx(0.2)
    off = model(centre=1.0)
    off.measure_data(data)
    values = data.batch(data.indices("train")).main.double()
    assert float(off.network.sigma_data) == pytest.approx(float((values - 1).square().mean().sqrt()), rel=1e-6)
    bright = torch.where(torch.arange(10_000) % 2 == 0, 255, 0).to(torch.uint8)  # in turn, as classes may come
    halves = model()
    halves.measure_data(Dataset("halves", Memory(bright[:, None, None, None].expand(-1, *SHAPE))))
    assert float(halves.network.sigma_data) == pytest.approx(1.0, abs=2e-3)
    with pytest.raises(DataError, match="All pixels of blank are alike"):
        model().measure_data(Dataset("blank", Memory(torch.full((50, *SHAPE), 255, dtype=torch.uint8))))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"steps": 1001}, "takes 1 to 1,000"),
        ({"options": {"sampler": "heum"}}, "sampler is 'heum'. Did you mean 'heun'"),
        ({"options": {"sampler": 2}}, "sampler is 2"),
        ({"options": {"guidance": -1}}, "at least 0"),
        ({"options": {"guidance": "much"}}, "guidance is much"),
        ({"options": {"temperature": 1}}, "no option 'temperature'"),
    ],
)
def test_what_samplers_refuse(how: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        draw(model(), 1, **how)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"width": 10, "heads": 2}, "multiple of 4 and of its 2 heads"),
        ({"width": 8, "heads": 3}, "multiple of 4 and of its 3 heads"),
        ({"depth": 0}, "depth is 0"),
        ({"dropout": 1.0}, r"must be in \[0, 1\)"),
        ({"patch": 3}, "multiples of 3"),
    ],
)
def test_what_the_transformer_refuses(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Method(Recipe(network={"name": "diffusion-transformer", **options}), DataSpec.pictures(SHAPE, ()))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"width": 12}, "a multiple of 8"),
        ({"patch": 0}, "patch is 0"),
        ({"multipliers": ()}, "multipliers is 0"),
        ({"dropout": 1.0}, r"must be in \[0, 1\)"),
        ({"patch": 4, "multipliers": (1, 1, 1)}, "multiples of 16.*Type --size 16"),
    ],
)
def test_what_the_network_refuses(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Method(Recipe(network={"name": "diffusion-u-net", **options}), DataSpec.pictures(SHAPE, ()))


@pytest.mark.parametrize(
    "network",
    [
        {"name": "diffusion-u-net", "width": 8, "multipliers": (1, 2), "patch": 2},
        TRANSFORMER,
    ],
)
def test_the_network_sees_everything(network: dict[str, Any]) -> None:
    """Every pixel depends on every other, on the level of noise and on the class."""
    method = model(("a", "b"), network=network)
    x = torch.randn(1, *SHAPE, dtype=DOUBLE, requires_grad=True)
    level = torch.zeros(1, dtype=DOUBLE)
    inner: Any = method.network.inner
    (gradient,) = torch.autograd.grad(inner(x, level, torch.tensor([0]))[0, 0, 0, 0], x)
    assert gradient.all()
    found = [inner(x, at, torch.tensor([k])) for at, k in ((level, 0), (level + 0.1, 0), (level, 1), (level, 2))]
    assert all(not torch.allclose(found[0], other) for other in found[1:])


def test_blocks_of_the_transformer_begin_as_the_identity() -> None:
    """adaLN-zero: what a block is told lets nothing through; a row and a column of patches are told apart."""
    inner: Any = model(stirred=False, network=TRANSFORMER).network.inner
    x, told = torch.randn(2, 16, 8, dtype=DOUBLE), torch.randn(2, 8, dtype=DOUBLE)
    assert torch.equal(inner.blocks[0](x, told), x)
    assert inner.places.shape == (16, 8) and len(inner.places.unique(dim=0)) == 16
    torch.testing.assert_close(inner.places[0], torch.tensor([0.0, 0, 1, 1, 0, 0, 1, 1], dtype=DOUBLE))
    assert (inner.places[:4, :4] == inner.places[0, :4]).all()  # of one row


def test_a_block_of_the_transformer_by_hand() -> None:
    block: Any = model(network=TRANSFORMER).network.inner.blocks[0]
    x, told = torch.randn(1, 5, 8, dtype=DOUBLE), torch.randn(1, 8, dtype=DOUBLE)
    shift, scale, gate, again, scaled, gated = block.told(told)[0].chunk(6)

    def normal(values: Tensor) -> Tensor:
        return (values - values.mean(1, keepdim=True)) / (values.var(1, correction=0, keepdim=True) + 1e-6).sqrt()

    q, k, v = block.asked(normal(x[0]) * (1 + scale) + shift).chunk(3, 1)
    heads = [
        torch.softmax(q[:, part] @ k[:, part].T / 2, 1) @ v[:, part] for part in (slice(0, 4), slice(4, 8))
    ]  # of 4 numbers each
    wanted = x[0] + gate * block.out(torch.cat(heads, 1))
    inner = torch.nn.functional.gelu(block.expand(normal(wanted) * (1 + scaled) + again), approximate="tanh")
    torch.testing.assert_close(block(x, told)[0], wanted + gated * block.contract(inner))


@pytest.mark.parametrize("way", ["start_from", "resume_from"])
def test_a_run_that_starts_from_another_measures_its_own_data(way: str, tmp_path: Path) -> None:
    """The spread and the mean are those of the new pictures, or what the recipe says; the weights are the old ones."""
    for name, levels in {"old": 256, "new": 64}.items():
        pixels = torch.randint(0, levels, (40, 8, 8), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
        np.savez(tmp_path / f"{name}.npz", images=pixels.numpy())
    short: dict[str, Any] = {"progress": False, "snapshots": 1, "samples": 16, "device": "cpu"}
    recipe = Recipe.tiny().changed(data=str(tmp_path / "old.npz"))
    old = belamy.train(recipe, out=tmp_path / "old", **short).load_checkpoint()
    short |= {way: tmp_path / "old", "data": str(tmp_path / "new.npz"), "optimizer": {"name": "adam", "lr": 0}}
    short["samples"] = 16 if way == "start_from" else 32  # the clock goes on
    for own in (None, 0.9):
        run = belamy.train(out=tmp_path / f"new-{own}", sigma_data=own, **short)
        new, data = run.load_checkpoint(), open_data(str(tmp_path / "new.npz"))
        values = data.batch(data.indices("train")).main
        assert old is not None and new is not None
        for holder in ("method/network", "average/network"):
            where = f"{holder}/" if f"{holder}/centre" in new.tensors else f"{holder}."
            assert float(new.tensors[f"{where}centre"]) == pytest.approx(float(values.mean()), abs=1e-6)
            spread = own or float(values.std(correction=0))
            assert float(new.tensors[f"{where}sigma_data"]) == pytest.approx(spread, rel=1e-5)
            key = f"{where}inner.middle.conv.weight"
            torch.testing.assert_close(new.tensors[key], old.tensors[key], rtol=0, atol=1e-3)
