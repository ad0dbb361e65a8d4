"""Super-resolution, inpainting and codes by VGG's features: terms by hand, what is refused, what is remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.data import weights
from belamy.data.dataset import Dataset, Memory
from belamy.data.fetching import checksum
from belamy.data.weights import Published
from belamy.errors import DataError, UsageError
from belamy.methods import inpainting, perception, super_resolution, vae
from belamy.networks import vgg
from belamy.networks.vgg import VGG
from belamy.registry import Part
from belamy.seeds import SampleDraws

MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FILE = "vgg16.pth"


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> VGG:
    """VGG-16 with few channels."""
    monkeypatch.setattr(vgg, "CHANNELS", (4, 5, 6, 7, 8))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return VGG(16, preparation="torchvision").eval().requires_grad_(False)


@pytest.fixture
def given(network: VGG, monkeypatch: pytest.MonkeyPatch) -> VGG:
    """VGG-16 with random weights, as if a file held it."""

    def read(file: Path, *_: Any) -> VGG:
        assert file.name == FILE
        made = VGG(16, preparation="torchvision")
        made.load_state_dict(network.state_dict())
        return made.eval().requires_grad_(False)

    monkeypatch.setattr(perception, "published_network", read)
    monkeypatch.setattr(perception, "checksum", lambda file: f"sum of {file.name}")
    return network


@pytest.fixture
def pictures() -> Dataset:
    numbers = torch.rand(24, 3, 4, 6, generator=torch.Generator().manual_seed(2))
    return Dataset("smooth", Memory((F.interpolate(numbers, (16, 24), mode="bilinear") * 255).to(torch.uint8)))


def blocks(network: VGG, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """What the last convolution of each block gives for pictures in [-1, 1], and what its pooling leaves."""
    colours = [((images[:, c] + 1) / 2 - MEANS[c]) / DEVIATIONS[c] for c in range(3)]
    x, last, pooled = torch.stack(colours, 1), [], []
    convolutions = iter(network.convolutions.values())
    for count in (2, 2, 3, 3, 3):
        for _ in range(count):
            layer = next(convolutions)
            x = F.conv2d(x, layer.weight.double(), layer.bias.double(), padding=1).clamp(min=0)
        last.append(x)
        x = F.max_pool2d(x, 2) if min(x.shape[2:]) > 1 else x
        pooled.append(x)
    return last, pooled


def small_recipe(**fields: Any) -> super_resolution.Recipe:
    usual = {
        "generator": Part(name="srresnet", width=4, blocks=1), "scale": 2, "batch": 3, "train_samples": 60,
        "discriminator": Part(name="patch-gan", width=3, receptive_field=16), "symmetries": False,
        "adversarial": Part(name="non-saturating"), "first_stage": 0.0, "vgg": FILE,
    }  # fmt: skip
    return super_resolution.Recipe(**{**usual, **fields})


def hole_recipe(**fields: Any) -> inpainting.Recipe:
    generator = Part(name="partial-conv", width=4, depth=2)
    return inpainting.Recipe(**{"generator": generator, "batch": 3, "train_samples": 60, "mirror": False,
                                "vgg": FILE, **fields})  # fmt: skip


def code_recipe(**fields: Any) -> vae.Recipe:
    """DFC-VAE in the layers that Hou et al. 2016 call VAE-123."""
    network = Part(name="vae-digits", width=2, hidden=8)
    layers = ("block1_conv1", "block2_conv1", "block3_conv1")
    usual = {"encoder": network, "decoder": network, "latent": 3, "batch": 3, "train_samples": 60, "vgg": FILE}
    dfc = {"reconstruction_weight": 0.0, "perceptual_weight": 0.5, "perceptual_layers": layers}
    return vae.Recipe(**{**usual, **dfc, **fields})


def relative(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared differences over what is wanted's own variation, at least a thousandth of its energy."""
    spread = (wanted - wanted.mean((2, 3), keepdim=True)).square().sum((1, 2, 3))
    floor = 1e-3 * wanted.square().sum((1, 2, 3)) + 1e-12
    return (found - wanted).square().sum((1, 2, 3)) / torch.maximum(spread, floor)


def test_a_variational_autoencoder_compares_the_layers_that_are_named(
    stage: Any, check: Any, given: VGG, pictures: Dataset
) -> None:
    """Hou et al. 2016, arXiv 1610.00291, equations 2 to 4; each layer's squares over its own variation."""
    made = stage(code_recipe(), pictures)
    x, method = next(made.batches).main.double(), made.method
    mean, log_variance = method.encoder((x + 1) / 2)
    decoded = method.decoder(mean + (log_variance / 2).exp() * made.numbers().normal("code", 3, 3))
    network = given.double()
    layers = made.recipe.perceptual_layers
    mine, wanted = (network.outputs(network.prepare(images), layers) for images in (decoded, (x + 1) / 2))
    terms = {
        "perceptual": torch.stack([relative(mine[name], wanted[name]) for name in layers]).mean(0),
        "kl": -0.5 / x[0].numel() * (1 + log_variance - mean**2 - log_variance.exp()).sum(1),
    }
    turns = made.turns()
    check(next(turns), "model", method, terms, {"perceptual": 0.5})
    assert next(turns, None) is None and method.objective_terms == ("model.perceptual", "model.kl")
    assert not any("convolutions" in name for name in method.state_dict())


def directions_apart(found: Tensor, wanted: Tensor) -> Tensor:
    """Of each place: |a|^2 + |b|^2 - 2 cos for directions a and b, of which that of a vector of zeros is zero."""
    lengths = [each.square().sum(1).sqrt() for each in (found, wanted)]
    cosines = (found * wanted).sum(1) / (lengths[0] * lengths[1]).clamp_min(1e-20)
    return (lengths[0] > 0).double() + (lengths[1] > 0).double() - 2 * cosines


def test_super_resolution_compares_the_last_layer_of_each_block(stage: Any, given: VGG, pictures: Dataset) -> None:
    made = stage(small_recipe(), pictures)
    y = next(made.batches).main.double()
    x = (y + 0.2 * torch.randn(y.shape, generator=torch.Generator().manual_seed(1))).clamp(-1, 1).requires_grad_()
    mine, wanted = blocks(given, x)[0], blocks(given, y)[0]
    terms = [directions_apart(f, p).mean((1, 2)) for f, p in zip(mine, wanted, strict=True)]
    expected = torch.stack(terms).sum(0)
    assert len(terms) == 5
    found = made.method.perceptual(x, y)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)
    slopes = [torch.autograd.grad(each.sum(), x, retain_graph=True)[0] for each in (found, expected)]
    torch.testing.assert_close(*slopes, rtol=1e-7, atol=1e-10)
    assert not any("convolutions" in name for name in made.method.state_dict())


def test_inpainting_compares_the_first_three_poolings(stage: Any, check: Any, given: VGG, pictures: Dataset) -> None:
    """Equations 2 to 5 of Liu et al. 2018 with the paper's network."""
    made = stage(hole_recipe(roughness_weight=0.0), pictures)
    x, m = made.method.drawn(next(made.batches).map(lambda values: values.double()), made.numbers())
    y = made.method.generator(x * m, m)
    z = m * x + (1 - m) * y

    def mean(values: Tensor) -> Tensor:
        return values.flatten(1).mean(1)

    def gram(u: Tensor) -> Tensor:
        return torch.einsum("nchw,ndhw->ncd", u, u) / u[0].numel()

    seen, of_y, of_z = (blocks(given, each)[1][:3] for each in (x, y, z))
    apart = [pair for of in (of_y, of_z) for pair in zip(of, seen, strict=True)]
    terms = {
        "hole": mean(((y - x) * (1 - m)).abs()),
        "valid": mean(((y - x) * m).abs()),
        "perceptual": torch.stack([mean((u - s).abs()) for u, s in apart]).sum(0),
        "style": torch.stack([mean((gram(u) - gram(s)).abs()) for u, s in apart]).sum(0),
    }
    weights = {"hole": 6.0, "valid": 1.0, "perceptual": 0.05, "style": 120.0}
    check(next(made.turns()), "generator", made.method.generator, terms, weights)
    assert not any("convolutions" in name for name in made.method.state_dict())


@pytest.mark.parametrize(
    "recipe", [small_recipe(), hole_recipe(), code_recipe()], ids=["super-resolution", "inpainting", "vae"]
)
def test_the_weights_are_a_part_of_what_is_learned_from(stage: Any, given: VGG, pictures: Dataset, recipe: Any) -> None:
    assert stage(recipe, pictures).method.fingerprint == f"sum of {FILE}"
    other = {"perceptual_layers": ("b0",)} if isinstance(recipe, vae.Recipe) else {}
    assert stage(recipe.changed(vgg=None, **other), pictures).method.fingerprint == ""


def test_weights_that_do_not_count_are_not_read(stage: Any, pictures: Dataset) -> None:
    assert stage(small_recipe(first_stage=1.0), pictures).method.fingerprint == ""
    assert stage(hole_recipe(perceptual_weight=0.0, style_weight=0.0), pictures).method.fingerprint == ""
    assert stage(code_recipe(perceptual_weight=0.0, reconstruction_weight=1.0), pictures).method.fingerprint == ""


@pytest.mark.parametrize(
    "recipe", [small_recipe(), hole_recipe(), code_recipe()], ids=["super-resolution", "inpainting", "vae"]
)
def test_what_cannot_be_seen_is_refused(stage: Any, pictures: Dataset, recipe: Any, tmp_path: Path) -> None:
    small = Dataset("small", Memory(pictures.images(torch.arange(24))[:, :, :8]))
    with pytest.raises(UsageError, match=rf"sides of 16 pixels or more, but it is shown 24x8.*leave --vgg {FILE} out"):
        stage(recipe, small)
    with pytest.raises(DataError, match=r"There is no file .*vgg16\.pth\. Give vgg19-d01eb7cb\.pth .* with --vgg FILE"):
        stage(recipe, pictures)
    other = tmp_path / "other.pth"
    other.write_bytes(b"other")
    with pytest.raises(DataError, match=r"it is damaged or another\. Give"):
        stage(recipe.changed(vgg=str(other)), pictures)


def test_a_run_translates_without_the_file(pictures: Dataset) -> None:
    """It is needed to learn, not to use what was learned."""
    method = super_resolution.Method(small_recipe(), pictures.spec).eval()
    assert method.translate(torch.zeros(1, 3, 8, 12), SampleDraws(0, [0])).shape == (1, 3, 16, 24)


def test_a_file_is_read(stage: Any, network: VGG, pictures: Dataset, tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / FILE
    places = zip(network._places(), network.convolutions.values(), strict=True)
    torch.save({f"features.{place}.{name}": each for place, layer in places for name, each in
                layer.state_dict().items()}, file)  # fmt: skip
    monkeypatch.setattr(weights, "VGG16_TORCHVISION", Published(FILE, checksum(file)[:8], "nobody"))
    made = stage(small_recipe(vgg=str(file)), pictures)
    list(made.turns())
    assert made.method.fingerprint == checksum(file)
