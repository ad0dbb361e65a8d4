"""Networks with published weights: their layers, sizes and layouts, and how the weights come to them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.data.weights import Published, as_safetensors, find, read_tensors
from belamy.errors import DataError, UsageError
from belamy.networks import efficientnet_lite
from belamy.networks.efficientnet_lite import BLOCKS, EfficientNetLite, folded
from belamy.networks.embedded import embedded_weights
from belamy.networks.inception import Inception
from belamy.networks.vgg import VGG


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


# ---- EfficientNet-lite0 ----


@pytest.fixture(scope="module")
def lite() -> EfficientNetLite:
    return EfficientNetLite.pretrained()


def unfolded(images: Tensor) -> dict[str, Tensor]:
    """The published network in float64, convolution and batch normalisation apart, padded by hand."""
    weights = {name: tensor.double() for name, tensor in
               embedded_weights(efficientnet_lite.WEIGHTS, efficientnet_lite.SHA256).items()}  # fmt: skip

    def layer(x: Tensor, name: str, stride: int, groups: int = 1) -> Tensor:
        kernel = weights[f"{name}.weight"].shape[-1]
        total = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:]]
        x = F.pad(x, (total[1] // 2, -(-total[1] // 2), total[0] // 2, -(-total[0] // 2)))
        x = F.conv2d(x, weights[f"{name}.weight"], stride=stride, groups=groups)
        mean, variance, scale, shift = (weights[f"{name}.{kind}"] for kind in ("mean", "variance", "scale", "shift"))
        return F.batch_norm(x, mean, variance, scale, shift, eps=1e-3)

    found = {"stem": layer((images.double() * 255 - 127) / 128, "stem", 2).clamp(0, 6)}
    x = found["stem"]
    for index, (_, stride, expansion, _) in enumerate(BLOCKS[:8]):
        name = f"blocks.{index}"
        wide = layer(x, f"{name}.expansion", 1).clamp(0, 6) if expansion > 1 else x
        found[f"e{index}"] = wide
        narrow = layer(layer(wide, f"{name}.depthwise", stride, wide.shape[1]).clamp(0, 6), f"{name}.projection", 1)
        x = narrow + x if narrow.shape == x.shape else narrow
        found[f"b{index}"] = x
    return found


@pytest.mark.parametrize("size", [(64, 64), (45, 70)])
def test_lite_computes_what_the_published_layers_compute(lite: EfficientNetLite, size: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *size)
    expected, found = unfolded(images), lite.outputs(lite.prepare(images), lite.layers)
    assert tuple(found) == lite.layers and len(lite.layers) == 16
    for name in lite.layers:
        torch.testing.assert_close(found[name].double(), expected[name], rtol=1e-4, atol=1e-4)


def test_lite_knows_what_is_in_a_picture(lite: EfficientNetLite) -> None:
    """Trained eyes tell a picture from its pixels in disorder; random ones see little difference."""
    stripes = (torch.arange(64) // 8 % 2).float().expand(1, 3, 64, 64)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))

    def contrast(network: EfficientNetLite) -> float:
        means = [network(images).mean((2, 3)) for images in (stripes, stripes[..., order])]
        return float((means[0] - means[1]).norm() / means[0].norm())

    assert contrast(lite) > 0.7


def test_lite_stops_after_the_last_layer_asked_for(lite: EfficientNetLite, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = lite.prepare(torch.rand(1, 1, 32, 32))
    for index in (3, 4, 5, 6, 7):
        monkeypatch.setattr(lite.blocks[index], "project", lambda *_: pytest.fail("computed"))
    monkeypatch.setattr(lite.blocks[4], "expand", lambda *_: pytest.fail("computed"))
    assert list(lite.outputs(prepared, ["e3", "stem"])) == ["e3", "stem"]
    assert lite.outputs(prepared, []) == {}
    with pytest.raises(UsageError, match="no layer 'b8'"):
        lite.outputs(prepared, ["b8"])


def test_lite_sizes() -> None:
    assert parameters(EfficientNetLite(8)) == 249_888
    deeper = EfficientNetLite(11)
    assert deeper.layers[-2:] == ("e10", "b10") and deeper(torch.rand(1, 3, 32, 32)).shape == (1, 112, 2, 2)
    with pytest.raises(UsageError, match=r"after 12 blocks, but it must be 1\.\.11"):
        EfficientNetLite(12)


def test_gradients_reach_the_picture_but_not_the_weights(lite: EfficientNetLite) -> None:
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    lite(images).square().sum().backward()
    assert images.grad is not None and float(images.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in lite.parameters())


def test_folding_is_exact() -> None:
    tensors = {"a.weight": torch.randn(4, 2, 3, 3), "a.scale": torch.randn(4), "a.shift": torch.randn(4),
               "a.mean": torch.randn(4), "a.variance": torch.rand(4) + 0.1}  # fmt: skip
    images, state = torch.randn(2, 2, 5, 5), folded(tensors)
    plain = F.conv2d(images, tensors["a.weight"])
    expected = F.batch_norm(plain, tensors["a.mean"], tensors["a.variance"], tensors["a.scale"], tensors["a.shift"],
                            eps=1e-3)  # fmt: skip
    torch.testing.assert_close(F.conv2d(images, state["a.weight"], state["a.bias"]), expected, rtol=1e-4, atol=1e-5)


def test_other_embedded_weights_are_refused() -> None:
    with pytest.raises(DataError, match=r"SHA-256 0000000000000000….*is damaged.*force-reinstall"):
        embedded_weights(efficientnet_lite.WEIGHTS, "0" * 64)
    with pytest.raises(DataError, match="is missing"):
        embedded_weights("absent.safetensors", "0" * 64)


# ---- VGG ----


@pytest.fixture(scope="module")
def vgg() -> VGG:
    return VGG()


def test_vgg_has_the_published_layers_and_parameters(vgg: VGG) -> None:
    depths = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4}
    expected = [
        name
        for block, depth in depths.items()
        for name in (*(f"block{block}_conv{index + 1}" for index in range(depth)), f"block{block}_pool")
    ]
    assert list(vgg.layers) == expected and parameters(vgg) == 20_024_384


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_vgg_computes_torchvisions_sequence(pooling: str) -> None:
    vgg = VGG(pooling=pooling)
    layers: list[nn.Module] = []
    for name in vgg.layers:
        if "conv" in name:
            wide = vgg.convolutions[name].weight.shape
            layers += [nn.Conv2d(wide[1], wide[0], 3, padding=1), nn.ReLU()]
        else:
            layers.append(nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2))
    sequence = nn.Sequential(*layers)
    published = {f"features.{name}": tensor for name, tensor in sequence.state_dict().items()}
    vgg.load_published(published | {"classifier.0.weight": torch.zeros(1)})
    prepared = torch.randn(1, 3, 33, 40)
    found = vgg.outputs(prepared, ["block5_conv1", "block1_conv1"])
    torch.testing.assert_close(found["block5_conv1"], sequence[:30](prepared), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found["block1_conv1"], sequence[:2](prepared), rtol=1e-5, atol=1e-5)
    for spoilt in (
        {name: tensor for name, tensor in published.items() if name != "features.34.bias"},
        published | {"features.36.weight": torch.zeros(1)},
        published | {"features.0.bias": torch.zeros(3)},
    ):
        with pytest.raises(UsageError, match=r"not those of VGG-19.*vgg19-dcbb9e9d\.pth"):
            vgg.load_published(spoilt)


def test_vgg_prepares_as_keras_does(vgg: VGG) -> None:
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    assert vgg.prepare(red).flatten().tolist() == pytest.approx([-103.939, -116.779, 255 - 123.68], abs=1e-4)
    other = VGG(preparation="torchvision").prepare(red).flatten().tolist()
    assert other == pytest.approx([(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225], abs=1e-5)
    for network in (vgg, VGG(preparation="torchvision")):
        images = torch.rand(2, 3, 4, 4)
        torch.testing.assert_close(network.restore(network.prepare(images)), images, rtol=1e-5, atol=1e-6)


def test_vgg_stops_and_refuses(vgg: VGG, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = vgg.prepare(torch.rand(1, 1, 8, 8))
    monkeypatch.setattr(vgg.convolutions["block1_conv2"], "forward", lambda *_: pytest.fail("computed"))
    assert vgg.outputs(prepared, ["block1_conv1"])["block1_conv1"].shape == (1, 64, 8, 8)
    with pytest.raises(UsageError, match="Did you mean 'block4_conv2'"):
        vgg.outputs(prepared, ["block4conv2"])
    with pytest.raises(UsageError, match="no pooling 'mean'"):
        VGG(pooling="mean")


def test_rescaled_filters_are_one_on_average_and_else_the_same() -> None:
    vgg, images = VGG(pooling="average"), torch.rand(2, 3, 32, 32)
    names = tuple(vgg.convolutions)
    with torch.no_grad():
        before = vgg.outputs(vgg.prepare(images), names)
        vgg.rescale(images)
        after = vgg.outputs(vgg.prepare(images), names)
    for name in ("block1_conv1", "block3_conv2", "block5_conv4"):
        mean = before[name].mean((0, 2, 3), keepdim=True)
        alive = mean.flatten() > 0.1 * mean.mean()  # a filter that is all but dead is all rounding
        ones = torch.ones(int(alive.sum()))
        torch.testing.assert_close(after[name].mean((0, 2, 3))[alive], ones, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(after[name][:, alive], (before[name] / mean)[:, alive], rtol=1e-3, atol=1e-3)


# ---- Inception-v3 ----


@pytest.fixture(scope="module")
def inception() -> Inception:
    return Inception().eval()


def test_inception_has_the_published_layers_and_parameters(inception: Inception) -> None:
    """23,834,568 with 1,000 classes and no auxiliary head is what torchvision's network of the same layout has."""
    assert parameters(inception) == 23_834_568 + 8 * 2049
    shapes = {"Conv2d_1a_3x3": (32, 149), "Conv2d_2a_3x3": (32, 147), "Conv2d_2b_3x3": (64, 147), "pool1": (64, 73),
              "Conv2d_3b_1x1": (80, 73), "Conv2d_4a_3x3": (192, 71), "pool2": (192, 35), "Mixed_5b": (256, 35),
              "Mixed_5c": (288, 35), "Mixed_5d": (288, 35), "Mixed_6a": (768, 17), "Mixed_6b": (768, 17),
              "Mixed_6c": (768, 17), "Mixed_6d": (768, 17), "Mixed_6e": (768, 17), "Mixed_7a": (1280, 8),
              "Mixed_7b": (2048, 8), "Mixed_7c": (2048, 8)}  # fmt: skip
    with torch.no_grad():
        found = inception.outputs(torch.zeros(1, 3, 299, 299), inception.layers)
    assert {name: tuple(found[name].shape[1:3]) for name in shapes} == shapes
    assert found["pool3"].shape == (1, 2048) and found["logits"].shape == (1, 1008)
    torch.testing.assert_close(found["logits"], found["pool3"] @ inception.fc.weight.T)
    assert len(inception.state_dict()) == 94 * 6 + 2


def test_inception_pools_as_the_original_graph(inception: Inception) -> None:
    """At a corner, a mean that counts padding would be 4/9 of this; the last block takes maxima."""
    ones = torch.ones(1, 4, 5, 5)
    block = inception.Mixed_5b
    assert torch.equal(block._follow(("average",), ones), ones)
    ramp = torch.arange(25.0).view(1, 1, 5, 5)
    assert float(block._follow(("max",), ramp)[0, 0, 0, 0]) == 6
    assert inception.Mixed_7b.branches[3][0] == "average" and inception.Mixed_7c.branches[3][0] == "max"


def test_inception_reads_its_state_dict_strictly(inception: Inception) -> None:
    state = inception.state_dict()
    old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    for published in (state, old):
        network = Inception.published(published)
        assert not network.training and not any(each.requires_grad for each in network.parameters())
        assert torch.equal(network.Mixed_6e.branch7x7_2.bn.running_var, state["Mixed_6e.branch7x7_2.bn.running_var"])
    for spoilt in (
        {name: tensor for name, tensor in old.items() if name != "fc.bias"},
        old | {"AuxLogits.fc.bias": torch.zeros(1)},
        old | {"fc.bias": torch.zeros(1000)},
    ):
        with pytest.raises(UsageError, match=r"not those of FID's Inception-v3: .*Give pt_inception"):
            Inception.published(spoilt)


def test_inception_prepares_as_the_graph_does(inception: Inception) -> None:
    assert inception.prepare(torch.tensor([0, 128 / 255, 1]).view(1, 1, 1, 3))[0, 0, 0].tolist() == pytest.approx(
        [-1, 0, 127 / 128], abs=1e-6
    )
    with pytest.raises(UsageError, match="Did you mean 'Mixed_6e'"):
        inception.outputs(torch.zeros(1, 3, 299, 299), ["mixed_6e"])


# ---- how weights come ----

CONTENT = BytesIO()
torch.save({"a": torch.arange(3.0)}, CONTENT, _use_new_zipfile_serialization=False)
DIGEST = hashlib.sha256(CONTENT.getvalue()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        good = self.path == "/small.pth"
        self.send_response(200 if good else 404)
        self.end_headers()
        self.wfile.write(CONTENT.getvalue() if good else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[Published]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Handler.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Published("small.pth", DIGEST, "nobody", f"http://127.0.0.1:{server.server_port}/small.pth")
        server.shutdown()
        thread.join()


def test_weights_are_fetched_once_and_then_at_hand_offline(published: Published, tmp_path: Path) -> None:
    path = find(published, cache=tmp_path)
    assert path == tmp_path / "weights" / "small.pth" and read_tensors(path)["a"].tolist() == [0, 1, 2]
    assert find(published, cache=tmp_path, offline=True) == path == find(published, cache=tmp_path)
    assert Handler.asked == 1


def test_missing_weights_name_the_file_the_hash_and_the_place(published: Published, tmp_path: Path) -> None:
    place = tmp_path / "weights" / "small.pth"
    expected = (
        rf"--offline forbids.*small\.pth of nobody, SHA-256 {DIGEST}: put it at {place}, or give it with --weights"
    )
    with pytest.raises(DataError, match=expected):
        find(published, cache=tmp_path, offline=True, option="--weights")
    assert Handler.asked == 0 and not place.parent.exists()
    by_hand = Published("small.pth", DIGEST, "nobody")
    with pytest.raises(DataError, match=rf"small\.pth are not at hand.*SHA-256 {DIGEST}: put it at {place}"):
        find(by_hand, cache=tmp_path)
    place.parent.mkdir()
    place.write_bytes(CONTENT.getvalue())
    assert find(by_hand, cache=tmp_path) == place
    assert find(Published("small.pth", DIGEST[:8], "nobody"), cache=tmp_path) == place


def test_other_weights_are_refused_and_a_damaged_cache_is_mended(published: Published, tmp_path: Path) -> None:
    mine = tmp_path / "mine.pth"
    mine.write_bytes(b"other")
    with pytest.raises(DataError, match=rf"mine\.pth has the SHA-256 d9298a10d1b07358….*SHA-256 {DIGEST}"):
        find(published, file=mine, cache=tmp_path)
    with pytest.raises(DataError, match=r"There is no file .*absent\.pth.*The file is small\.pth"):
        find(published, file=tmp_path / "absent.pth", cache=tmp_path)
    mine.write_bytes(CONTENT.getvalue())
    assert find(published, file=mine, cache=tmp_path) == mine and Handler.asked == 0
    damaged = tmp_path / "weights" / "small.pth"
    damaged.parent.mkdir()
    damaged.write_bytes(b"cut")
    with pytest.raises(DataError, match="damaged or another"):
        find(published, cache=tmp_path, offline=True)
    assert find(published, cache=tmp_path).read_bytes() == CONTENT.getvalue()


def test_a_wrong_answer_is_thrown_away(published: Published, tmp_path: Path) -> None:
    other = Published("small.pth", "0" * 64, "nobody", published.url)
    with pytest.raises(DataError, match=r"thrown away.*SHA-256 0{64}: put it at"):
        find(other, cache=tmp_path)
    gone = Published("gone.pth", "0" * 64, "nobody", f"{published.url}.gone")
    with pytest.raises(DataError, match=r"answered 404.*The file is gone\.pth of nobody"):
        find(gone, cache=tmp_path)
    assert list((tmp_path / "weights").iterdir()) == []


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("code was run",))


def test_no_code_in_weights_is_run(tmp_path: Path) -> None:
    for name, value in (("evil.pth", {"a": Evil()}), ("list.pth", [torch.zeros(1)]), ("mixed.pth", {"a": 1})):
        torch.save(value, tmp_path / name)
        with pytest.raises(DataError, match=rf"{name} is no file of weights"):
            read_tensors(tmp_path / name)
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("hello")
        with pytest.raises(DataError, match=rf"{name} is no file of weights"):
            read_tensors(tmp_path / name)
    with pytest.raises(DataError, match="others could run code"):
        as_safetensors(tmp_path / "text.pth")


def test_vgg_16_has_the_published_layers_and_parameters() -> None:
    vgg = VGG(16)
    last = {f"block{block}_conv{count}" for block, count in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))}
    found = [name for name, after in zip(vgg.layers, vgg.layers[1:], strict=False) if after.endswith("pool")]
    assert set(found) == last and parameters(vgg) == 14_714_688
    assert vgg._places() == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    with pytest.raises(UsageError, match=r"not those of VGG-16 .*features\.28\.bias\. Give vgg16-397923af\.pth"):
        vgg.load_published({})
    with pytest.raises(UsageError, match="no VGG-11: it must be 16 or 19"):
        VGG(11)
