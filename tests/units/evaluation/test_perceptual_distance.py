"""Perceptual distances: LPIPS by hand in float64, against the published implementation, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate
from torchmetrics.functional.image import lpips as published

from belamy.data import open_data, weights
from belamy.data.fetching import checksum
from belamy.data.weights import Published
from belamy.errors import DataError, UsageError
from belamy.evaluation.pairs import measure, perceptual
from belamy.losses.perceptual.lpips import lpips
from belamy.networks.alexnet import AlexNet
from belamy.networks.vgg import VGG


def by_hand(features: dict[str, Tensor], target: dict[str, Tensor], factors: dict[str, Tensor]) -> Tensor:
    """The sum over layers of weighted squares of unit vectors, place by place."""
    totals = torch.zeros(len(next(iter(features.values()))), dtype=torch.float64)
    for name, maps in features.items():
        count, _, height, width = maps.shape
        for sample in range(count):
            for row in range(height):
                for column in range(width):
                    one, other = maps[sample, :, row, column], target[name][sample, :, row, column]
                    apart = one / one.norm() - other / other.norm()
                    totals[sample] += (factors[name] * apart**2).sum() / (height * width)
    return totals


class TestLpips:
    def features(self, seed: int) -> dict[str, Tensor]:
        source = torch.Generator().manual_seed(seed)
        return {"a": torch.randn(2, 3, 4, 5, generator=source).double(),
                "b": torch.randn(2, 7, 2, 1, generator=source).double()}  # fmt: skip

    def test_the_formula(self) -> None:
        one, other = self.features(0), self.features(1)
        factors = {"a": torch.rand(3).double(), "b": torch.rand(7).double()}
        torch.testing.assert_close(lpips(one, other, factors), by_hand(one, other, factors), rtol=1e-12, atol=1e-12)
        ones = {name: torch.ones_like(each) for name, each in factors.items()}
        torch.testing.assert_close(lpips(one, other), by_hand(one, other, ones), rtol=1e-12, atol=1e-12)

    def test_without_weights_it_is_twice_the_cosine_distance(self) -> None:
        one, other = self.features(0), self.features(1)
        cosines = [torch.cosine_similarity(one[name], other[name], dim=1).mean((1, 2)) for name in one]
        torch.testing.assert_close(lpips(one, other), 2 * sum(1 - each for each in cosines))

    def test_lengths_do_not_matter_and_nothing_has_no_direction(self) -> None:
        one, other = self.features(0), self.features(1)
        longer = {name: 5 * each for name, each in one.items()}
        torch.testing.assert_close(lpips(longer, other), lpips(one, other))
        nothing = {"a": torch.zeros(1, 3, 2, 2).double().requires_grad_()}
        found = lpips(nothing, {"a": one["a"][:1, :, :2, :2]})
        assert found.item() == pytest.approx(1)
        assert torch.autograd.grad(found.sum(), nothing["a"])[0].isfinite().all()


def photographs(count: int = 3) -> Tensor:
    """In [-1, 1]."""
    return open_data("dead-leaves:count=10", size=64).images(torch.arange(count)).double() / 127.5 - 1


def test_the_embedded_network_ranks_what_is_done_to_pictures() -> None:
    """A picture and itself are 0 apart; the more is done to it, the farther it is."""
    x, source = photographs(), torch.Generator().manual_seed(0)
    apart = measure("perceptual:data_range=2,low=-1")
    noise = torch.randn(x.shape, generator=source)
    assert apart(x, x.clone()).tolist() == [0, 0, 0]
    for made in (
        [(x + level * noise).clamp(-1, 1) for level in (0.02, 0.1, 0.4)],
        [interpolate(avg_pool2d(x, side), x.shape[2:], mode="bilinear") for side in (2, 4, 8)],
    ):
        near, nearer, far = (apart(x, each) for each in made)
        assert (near > 0).all() and (near < nearer).all() and (nearer < far).all()


def test_bytes_and_floats_colour_and_grey_and_opacity() -> None:
    x = open_data("dead-leaves:count=10", size=32).images(torch.arange(2))
    y = 255 - x
    of_bytes = measure("perceptual:data_range=255")
    found = of_bytes(x, y)
    torch.testing.assert_close(measure("perceptual:data_range=2,low=-1")(x / 127.5 - 1, y / 127.5 - 1), found,
                               rtol=1e-4, atol=1e-6)  # fmt: skip
    opaque = torch.full_like(x[:, :1], 255)
    torch.testing.assert_close(of_bytes(torch.cat([x, opaque], 1), torch.cat([y, opaque], 1)), found)
    clear = torch.zeros_like(opaque)
    assert of_bytes(torch.cat([x, clear], 1), torch.cat([y, clear], 1)).tolist() == [0, 0]  # white alike
    grey = x[:, :1]
    thrice = [each.expand(-1, 3, -1, -1) for each in (grey, 255 - grey)]
    torch.testing.assert_close(of_bytes(grey, 255 - grey), of_bytes(*thrice))


def layout(network: Any) -> dict[str, Tensor]:
    """The tensors of a network of ours in torchvision's layout."""
    if isinstance(network, AlexNet):
        places: list[int] = [0, 3, 6, 8, 10]
    else:
        places = network._places()
    pairs = zip(places, network.convolutions.values(), strict=True)
    return {f"features.{place}.{kind}": tensor for place, layer in pairs for kind, tensor in layer.state_dict().items()}


def sequence(name: str) -> nn.Sequential:
    """The features of torchvision's network."""
    if name == "alex":
        plan = [(3, 64, 11, 4, 2), "pool", (64, 192, 5, 1, 2), "pool", (192, 384, 3, 1, 1), (384, 256, 3, 1, 1),
                (256, 256, 3, 1, 1), "pool"]  # fmt: skip
        pool: nn.Module = nn.MaxPool2d(3, 2)
    else:
        widths = [64, 64, "pool", 128, 128, "pool", *[256] * 3, "pool", *[512] * 3, "pool", *[512] * 3, "pool"]
        plan, before, pool = [], 3, nn.MaxPool2d(2)
        for width in widths:
            plan.append("pool" if width == "pool" else (before, width, 3, 1, 1))
            before = before if width == "pool" else int(width)
    layers: list[nn.Module] = []
    for each in plan:
        layers += [pool] if each == "pool" else [nn.Conv2d(*each), nn.ReLU(inplace=False)]  # type: ignore[arg-type]
    return nn.Sequential(*layers)


@pytest.mark.parametrize("name", ["alex", pytest.param("vgg", marks=pytest.mark.slow)])
def test_it_is_the_published_lpips(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With random networks, but the published weights of channels."""
    torch.manual_seed(3)
    network: Any = AlexNet() if name == "alex" else VGG(16, preparation="torchvision")
    tensors = layout(network) | {"classifier.1.weight": torch.zeros(2)}
    features = sequence(name)
    features.load_state_dict({key.removeprefix("features."): each for key, each in layout(network).items()})
    monkeypatch.setattr(published, "_get_tv_model_features", lambda *_: features)
    judge = published._LPIPS(pretrained=True, net=name, pnet_rand=True).eval()
    file = tmp_path / "weights.pth"
    torch.save(tensors, file)
    constant = "ALEXNET" if name == "alex" else "VGG16_TORCHVISION"
    monkeypatch.setattr(weights, constant, Published("weights.pth", checksum(file), "nobody"))
    x, source = photographs(2), torch.Generator().manual_seed(0)
    y = (x + 0.3 * torch.randn(x.shape, generator=source)).clamp(-1, 1)
    found = measure(f"perceptual:data_range=2,low=-1,weights={file}")(x, y)
    with torch.no_grad():
        torch.testing.assert_close(found, judge(x.float(), y.float()).flatten().double(), rtol=2e-5, atol=1e-7)


def test_alexnet_has_the_published_size_and_refuses_other_tensors() -> None:
    network = AlexNet()
    assert sum(each.numel() for each in network.parameters()) == 2_469_696
    tensors = layout(network)
    with pytest.raises(UsageError, match=r"not those of AlexNet.*alexnet-owt-7be5be79\.pth"):
        network.load_published({name: each for name, each in tensors.items() if name != "features.10.bias"})
    with pytest.raises(UsageError, match="no layer 'conv6'"):
        network.outputs(torch.zeros(1, 3, 64, 64), ["conv6"])


@pytest.mark.parametrize(
    ("what", "shape", "says"),
    [
        ("perceptual", (1, 3, 8, 8), "perceptual needs data_range, which is not guessed"),
        ("perceptual:data_range=2", (1, 3, 8, 8), r"lie from -1 to 1, but low is 0 .*data_range=2,low=-1 for values"),
        ("perceptual:data_range=2,low=-1", (1, 5, 8, 8), "see grey or colour, but these pictures have 5 channels"),
        ("perceptual:data_range=2,low=-1", (3, 8, 8), r"but they must be \[pairs, channels, rows, columns\]"),
    ],
)
def test_what_cannot_be_compared(what: str, shape: tuple[int, ...], says: str) -> None:
    values = torch.linspace(-1, 1, torch.Size(shape).numel()).view(shape)
    with pytest.raises(UsageError, match=says):
        measure(what)(values, values)


def test_small_pictures_are_too_small_for_vgg(monkeypatch: pytest.MonkeyPatch) -> None:
    network = VGG(16)
    monkeypatch.setattr(perceptual, "picture_network", lambda *_: network)
    with pytest.raises(UsageError, match=r"are 15×40, but VGG-16 needs sides of 16 pixels or more"):
        measure("perceptual:data_range=1")(torch.zeros(1, 3, 15, 40), torch.zeros(1, 3, 15, 40))


def test_files_that_hold_no_known_weights(tmp_path: Path) -> None:
    file = tmp_path / "some.pth"
    with pytest.raises(DataError, match=r"There is no file .*some\.pth\. Give vgg19-d01eb7cb\.pth of .* or alexnet"):
        measure(f"perceptual:data_range=1,weights={file}")
    file.write_bytes(b"some")
    with pytest.raises(
        DataError, match=r"has the SHA-256 a6b46dd0d1ae5e86….*it is damaged or another\. Give vgg19-d01eb7cb"
    ):
        measure(f"perceptual:data_range=1,weights={file}")
