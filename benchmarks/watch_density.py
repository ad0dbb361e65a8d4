"""The watch of density and diffusion models is itself measured: runs broken on purpose, and healthy ones.

As ``benchmarks/watch.py`` does it for GANs: a broken run counts as named if, after 40 % of the budget, the right name
is among the first two findings; a healthy one counts as alarmed if any of its looks has a severe finding. Every run
takes some seconds of one core, on digits of 16 pixels; what lies in the folder is not made again. Too strong a guidance
is no failure of a run: there samples of the healthy diffusion runs are judged, as ``belamy evaluate`` does it.

    python benchmarks/watch_density.py FOLDER [--seeds 0 1] [--only NAME …] [--write PAGE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor
from watch import Kind, table, train, where, write

from belamy.data import Dataset, open_data
from belamy.data.dataset import Memory
from belamy.evaluation.candidate import Drawn
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.evaluation.findings import BY_DEFAULT, Observations, faults
from belamy.evaluation.measures import measures
from belamy.evaluation.panel import Panel
from belamy.methods import autoregressive, boltzmann, diffusion, flow, iwae, made, vae, vq_vae
from belamy.methods.base import BaseRecipe
from belamy.networks.invertible import Coupling
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.training.trainer import Trainer

BEGIN, END = "<!-- density: begin -->", "<!-- density: end -->"
"""Between these lines a page holds the table."""
SIDE, COUNT = 16, 6600
"""Pixels of a digit's side; digits."""
SAMPLES, BATCH = 8000, 16
"""Budget of most runs in training samples, and their batches."""
DIFFUSION, GUIDANCE, JUDGED = ("edm", "v-prediction", "rectified flow"), (1.5, 15.0), 300
"""Healthy runs whose samples are guided, how much, and how many samples are judged."""


@cache
def digits() -> Dataset:
    """6,600 digits of 16 pixels, a tenth of which is held out."""
    data = open_data("mnist", size=SIDE)
    assert data.labels is not None
    some = data.splits["train"][:COUNT]
    return Dataset("digits", Memory(data.images(some)), labels=data.labels[some], classes=data.classes)


@cache
def points() -> Dataset:
    """Points of a ring with a breadth of its own."""
    return open_data("points:of=ring")


def adam(lr: float, beta1: float = 0.9) -> Part:
    """An optimiser at a rate."""
    return Part(name="adam", lr=lr, beta1=beta1)


# Recipes that go well


def denoising(**fields: Any) -> diffusion.Recipe:
    """A small diffusion model of digits by class."""
    network = Part(name="diffusion-u-net", width=16, multipliers=(1,))
    settings = {"network": network, "level_mean": -0.4, "batch": BATCH, "train_samples": SAMPLES,
                "ema_half_life": 2000, "optimizer": adam(2e-3)}  # fmt: skip
    return diffusion.Recipe(**{**settings, **fields})


def flowing(**fields: Any) -> flow.Recipe:
    """A small RealNVP."""
    network = Part(name="real-nvp", levels=1, width=8, blocks=1)
    settings = {"network": network, "batch": BATCH, "train_samples": SAMPLES, "ema_half_life": 2000,
                "optimizer": adam(2e-3)}  # fmt: skip
    return flow.Recipe(**{**settings, **fields})


def planar(**fields: Any) -> flow.Recipe:
    """A small MAF of points."""
    network = Part(name="maf", layers=4, hidden=(32, 32))
    settings = {"data": "points", "network": network, "batch": BATCH, "train_samples": SAMPLES, "ema_half_life": 2000,
                "optimizer": adam(2e-3)}  # fmt: skip
    return flow.Recipe(**{**settings, **fields})


def coded(**fields: Any) -> vq_vae.Recipe:
    """A small VQ-VAE."""
    settings = {"quantiser": Part(name="vector", codes=64, dimensions=16), "width": 16,
                "prior": Part(name="gated-pixel-cnn", width=16, depth=2, first=3), "batch": BATCH,
                "train_samples": SAMPLES, "ema_half_life": 2000}  # fmt: skip
    return vq_vae.Recipe(**{**settings, **fields})


def variational(**fields: Any) -> vae.Recipe:
    """A small variational autoencoder."""
    settings = {"encoder": Part(name="vae-digits"), "decoder": Part(name="vae-digits"), "latent": 16, "batch": BATCH,
                "train_samples": SAMPLES}  # fmt: skip
    return vae.Recipe(**{**settings, **fields})


# What a recipe cannot say


def never_following(method: Any, trainer: Trainer | None) -> None:
    """Averages have their half-life from the first step on, however long it is, as many programs have it."""
    if trainer is not None:
        trainer.averages.rise = 1e-9


def other_way_back(method: Any, trainer: Trainer | None) -> None:
    """Couplings' networks lose a tenth of what they say, at random, in use as in training."""
    if trainer is None:
        for layer in couplings(method):
            layer.network.register_forward_hook(lambda _, given, said: said * (torch.rand_like(said) > 0.1))


def unbounded_scales(method: Any, trainer: Trainer | None) -> None:
    """Scales are what the networks say, times twenty, without a bound."""
    if trainer is None:
        for layer in couplings(method):
            layer.__class__ = UnboundedCoupling


class UnboundedCoupling(Coupling):
    """A coupling whose scale has no tanh."""

    def told(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Shift and log-scale."""
        shift, scale = self.network(x * self.mask).chunk(2, 1)
        free = 1 - self.mask
        return free * shift, free * 20 * scale


def couplings(method: Any) -> list[Any]:
    """The couplings of a flow."""
    return [layer for layer in method.network.modules() if isinstance(layer, Coupling)]


def without_noise(method: Any, trainer: Trainer | None) -> None:
    """Nothing is added to 8-bit pictures, and the density of their bare levels is learned."""
    if trainer is None:
        seen = method.seen
        method.seen = lambda main, draw: seen(main, Silent())


class Silent:
    """Draws that are all a half."""

    def uniform(self, stream: str, *shape: int) -> Tensor:
        """Halves, in place of uniform numbers."""
        return torch.full(shape, 0.5)


KINDS: dict[str, Kind] = {
    "diffusion: told a spread of 3": Kind(("data-scale",), lambda _: denoising(sigma_data=3.0), data=digits),
    "diffusion: high noise never drawn": Kind(
        ("unlearned-noise",), lambda _: denoising(level_mean=-3.0, level_spread=0.3), data=digits
    ),
    "diffusion: rate x500": Kind(
        ("unlearned-noise", "not-finite", "exploding-gradients"), lambda _: denoising(optimizer=adam(1.0)), data=digits
    ),
    "diffusion: average never follows": Kind(
        ("slow-average",), lambda _: denoising(ema_half_life=1_000_000), never_following, data=digits
    ),
    "vq-vae: codes die": Kind(
        ("dead-codes",),
        lambda _: coded(restart=False, patience=50, quantiser=Part(name="vector", codes=512, dimensions=16)),
        data=digits,
    ),
    "vae: beta 100": Kind(("posterior-collapse",), lambda _: variational(beta=100.0), data=digits),
    "flow: another way back": Kind(("not-invertible",), lambda _: flowing(), other_way_back, data=digits),
    "flow: scales without a bound": Kind(
        ("exploding-jacobian", "not-invertible", "not-finite"),
        lambda _: flowing(optimizer=adam(1e-2), clip_norm=None), unbounded_scales, data=digits,
    ),
    "flow: noise left out": Kind(
        ("impossible-likelihood", "exploding-jacobian"),
        lambda _: flowing(optimizer=adam(5e-3), train_samples=3 * SAMPLES), without_noise, data=digits,
    ),
}  # fmt: skip


def healthy() -> dict[str, Kind]:
    """Runs of the families, which go well."""

    def kind(recipe: Callable[[], BaseRecipe], data: Callable[[], Dataset] = digits) -> Kind:
        return Kind((), lambda _: recipe(), data=data)

    common: dict[str, Any] = {"batch": BATCH, "train_samples": SAMPLES, "ema_half_life": 2000}
    longer: dict[str, Any] = {"batch": 2 * BATCH, "train_samples": 3 * SAMPLES}
    return {
        "edm": kind(denoising),
        "v-prediction": kind(lambda: denoising(parametrization="v", noise="cosine", weighting="min-snr")),
        "rectified flow": kind(lambda: denoising(parametrization="flow", noise="flow", sampler="ddim")),
        "real-nvp": kind(flowing),
        "glow": kind(
            lambda: flowing(network=Part(name="glow", levels=2, steps=2, width=16), logit_alpha=0.0)
        ),
        "maf of points": kind(planar, points),
        "iwae": kind(
            lambda: iwae.Recipe(
                hidden=(100, 100), latent=16, importance=5, bound=20, optimizer=adam(1e-3), **{**common, **longer}
            )
        ),
        "vae": kind(lambda: variational(**longer)),
        "vq-vae": kind(lambda: coded(**longer)),
        "made": kind(lambda: made.Recipe(hidden=(300,), **common)),
        "gated-pixel-cnn": kind(
            lambda: autoregressive.Recipe(
                network=Part(name="gated-pixel-cnn", width=12, depth=3, first=5), **common
            )
        ),
        "rbm": kind(lambda: boltzmann.Recipe(hidden=(100,), optimizer=Part(name="sgd", lr=0.05), **common)),
    }  # fmt: skip


def guided(folder: Path, seed: int) -> str:
    """What is said of samples of the healthy diffusion runs with much guidance and with little, as a sentence."""
    data, found = digits(), dict.fromkeys(GUIDANCE, 0)
    panel = Panel(PixelFeatures(data.shape), data, "test", ("precision-recall", "saturation"))
    paths = [where(folder, name, seed + number) for number, name in enumerate(healthy()) if name in DIFFUSION]
    paths = [path for path in paths if path.exists()]
    for path in paths:
        method = Run.open(path).method()
        controls = {BY_DEFAULT: panel.judge_method(method, JUDGED)}
        for weight in GUIDANCE:
            chunks = Drawn(method, JUDGED, 0, True, {"guidance": weight}).chunks()
            told = {each.name: each for each in measures(panel.judge(chunks, detail=True), None, controls)}
            found[weight] += "options cost variety" in faults(Observations(JUDGED, told))
    counts = "; ".join(f"guidance {weight:g}: **{count} of {len(paths)}**" for weight, count in found.items())
    return f"Runs of which `evaluate` says that the sampler's options cost variety, by {JUDGED} samples: {counts}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", help="names of runs")
    parser.add_argument("--write", type=Path, help="the page to write the table into, when all is done")
    options = parser.parse_args()
    torch.set_num_threads(1)
    well = healthy()
    work = [(KINDS[name], name, seed) for name in KINDS for seed in options.seeds]
    work += [(kind, name, options.seeds[0] + number) for number, (name, kind) in enumerate(well.items())]
    costs = options.folder / "costs"
    costs.mkdir(parents=True, exist_ok=True)
    for kind, name, seed in [each for each in work if not options.only or each[1] in options.only]:
        path = where(options.folder, name, seed)
        if not path.exists():
            share = train(kind, kind.recipe(options.folder).changed(seed=seed), path)
            (costs / f"{path.name}.json").write_text(json.dumps(share), encoding="utf-8")
    if options.only:
        return
    shares = sorted(json.loads(path.read_text(encoding="utf-8")) for path in costs.glob("*.json"))
    cost = f"{shares[len(shares) // 2]:.1%} of the training time of these runs (median; at most {shares[-1]:.1%})"
    strong = guided(options.folder, options.seeds[0])
    found = f"{table(options.folder, options.seeds, KINDS, list(well))}\n\n{strong} Looks take {cost}."
    Console().print(found, soft_wrap=True, markup=False)
    if options.write:
        write(options.write, found, BEGIN, END)


if __name__ == "__main__":
    main()
