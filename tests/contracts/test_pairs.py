"""Every adversarial loss with every penalty, on each kind of network, with labels and without: nothing is left out."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from belamy.data.dataset import Dataset, Memory
from belamy.methods.construction import PENALTIES
from belamy.methods.gan import ADVERSARIAL, Recipe
from belamy.sampling.draw import draw
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

NETWORKS = {
    "dense": ("dense-fashion", "dense-fashion"),
    "dcgan": ("dcgan-cifar:features=2", "dcgan-cifar:features=2,normalisation=false"),
    "resnet": ("resnet-cifar:features=4", "resnet-cifar:features=4,normalisation=false"),
}
MAPS = "self-supervised"
"""The penalty that needs a discriminator which shows its maps; it meets no other."""
SHOWING = ("dense-fashion", "fastgan:width=2")
LOSSES, TERMS = ADVERSARIAL.names(), ["nothing", *PENALTIES.names()]


def quick(loss: str, penalty: str, network: str, labels: str) -> bool:
    """One of each pair, by turns: either meets both small networks with labels and without, and so do maps."""
    turn = (LOSSES.index(loss) + TERMS.index(penalty)) % 4
    if penalty == MAPS:
        return turn % 2 == (labels == "labels")
    return (network, labels) == [*product(["dense", "dcgan"], ["plain", "labels"])][turn]


PAIRS = [
    pytest.param(*pair, marks=[] if quick(*pair) else [pytest.mark.slow], id="-".join(pair))
    for pair in product(LOSSES, TERMS, NETWORKS, ["plain", "labels"])
    if pair[1] != MAPS or pair[2] == "dense"
]


@pytest.fixture(scope="module")
def noise() -> Dataset:
    """Random images of three classes."""
    pixels = torch.randint(0, 256, (24, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Dataset("noise", Memory(pixels), labels=torch.arange(24) % 3, classes=[*"abc"])


def has_term(penalty: str) -> bool:
    """Whether a penalty adds to a loss; pure constraints have neither weight nor interval."""
    return "every" in PENALTIES.options(penalty)


def recipe(loss: str, penalty: str, network: str, labels: str) -> Recipe:
    generator, discriminator = SHOWING if penalty == MAPS else NETWORKS[network]
    # InfoGAN's term reads a code of ten categories and two numbers from the latents
    prior = "coded" if penalty == "mutual-information" else "normal"
    conditions = {"generator_condition": "embedding", "discriminator_condition": "projection", "auxiliary": 0.3}
    return Recipe.parse(
        {
            "generator": generator,
            "discriminator": discriminator,
            "adversarial": loss,
            "penalties": [] if penalty == "nothing" else [f"{penalty}:every=2" if has_term(penalty) else penalty],
            "latent": 16,
            "prior": prior,
            "batch": 4,
            "samples": 64,
            "average": 16,
            **(conditions if labels == "labels" else {}),
        }
    )


def trainer(made: Recipe, data: Dataset) -> Trainer:
    return make_trainer(made, data.spec, data, Options(device="cpu", progress=False), World())


@pytest.mark.parametrize(("loss", "penalty", "network", "labels"), PAIRS)
def test_it_trains_resumes_and_samples(loss: str, penalty: str, network: str, labels: str, noise: Dataset) -> None:
    made = recipe(loss, penalty, network, labels)
    whole = trainer(made, noise)
    for _ in range(2):
        whole.step()
    state = whole.state()
    resumed = trainer(made, noise)
    resumed.load_state(
        type(state)(
            state.samples, state.step, state.position, state.seconds,
            {key: value.clone() for key, value in state.tensors.items()},
        )
    )  # fmt: skip
    for engine in (whole, resumed):
        engine.step()
        engine.check_finite()
    first, second = whole.state().tensors, resumed.state().tensors
    assert [key for key, value in first.items() if not torch.equal(value, second[key])] == []
    images = draw(resumed.method, 3, seed=0)
    assert images.shape == (3, 1, 16, 16) and images.dtype == torch.uint8
