"""Style transfer: settings as printed, losses against float64, tiles against the whole, colours, masks, bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.editing.style import SETTINGS, Hooked, StyleSettings, stylize
from belamy.editing.style.backbone import strides
from belamy.editing.style.colours import luminance, with_colours_of, with_luminance_of
from belamy.editing.style.images import load, size_for
from belamy.editing.style.objective import Style, StyleLoss
from belamy.editing.style.tiles import spans, tiles
from belamy.errors import DataError, NotFinite, UsageError
from belamy.losses.perceptual import gram
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.networks.vgg import VGG

DOCUMENTS, GATYS, OFFLINE = (SETTINGS[name] for name in ("documents", "gatys", "offline"))


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with some noise."""
    source = np.random.default_rng(seed)
    coarse = Image.fromarray(source.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return (smooth + source.integers(-12, 13, smooth.shape)).clip(0, 255).astype(np.uint8)


def values(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(picture(height, width, seed)).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def lite() -> EfficientNetLite:
    return EfficientNetLite.pretrained()


@pytest.fixture(scope="module")
def vgg() -> VGG:
    torch.manual_seed(5)
    return VGG().eval().requires_grad_(False)


# ---- the documents' form ----


def test_the_decay_is_continuous() -> None:
    rates = [DOCUMENTS.learning_rate(step) for step in (0, 50, 100, 1000, 4000)]
    assert rates == pytest.approx([100, 97.97959, 96, 66.483, 19.537], abs=5e-4)


def test_sgd_takes_that_rate(vgg: VGG) -> None:
    """Two steps of the documents' descent, by hand."""
    content, style = picture(32, 40), picture(32, 40, seed=1)
    found = stylize(content, style, settings=DOCUMENTS, network=vgg, size=32, steps=2, lr=3.0, decay=0.5, decay_steps=1)
    objective = StyleLoss(vgg, DOCUMENTS, values(32, 40), [Style(values(32, 40, seed=1))])
    levels = values(32, 40) * 255
    for rate in (3.0, 1.5):
        levels = levels - rate * objective.gradient(levels / 255)[1] / 255
    expected = levels[0].clamp(0, 255).round().byte().permute(1, 2, 0).numpy()
    assert np.abs(found.pixels.astype(int) - expected).max() <= 1
    assert found.pixels.shape == (32, 40, 3) and len(found.losses["total"]) == 2


def by_hand(vgg: VGG, content: Tensor, style: Tensor, image: Tensor) -> float:
    """The documents' loss as they write it: three images through the whole network, in float64, on BGR levels."""
    means = torch.tensor([103.939, 116.779, 123.68], dtype=torch.float64).view(3, 1, 1)
    batch = torch.cat([content, style, image]).double().flip(1) * 255 - means
    maps, features = {}, batch
    for name in vgg.layers:
        if "conv" in name:
            layer = vgg.convolutions[name]
            features = F.relu(F.conv2d(features, layer.weight.double(), layer.bias.double(), padding=1))
        else:
            features = F.max_pool2d(features, 2)
        maps[name] = features
    height, width = content.shape[2:]
    loss = 2.5e-8 * float(((maps["block5_conv2"][2] - maps["block5_conv2"][0]) ** 2).sum())
    for block in range(1, 6):
        own, wanted = (maps[f"block{block}_conv1"][place].flatten(1) for place in (2, 1))
        term = ((wanted @ wanted.T - own @ own.T) ** 2).sum() / (4.0 * 3**2 * (height * width) ** 2)
        loss += 1e-6 / 5 * float(term)
    x = batch[2]
    squares = (x[:, :-1, :-1] - x[:, 1:, :-1]) ** 2 + (x[:, :-1, :-1] - x[:, :-1, 1:]) ** 2
    return loss + 1e-6 * float(squares.pow(1.25).sum())


def test_the_documents_loss_on_random_weights(vgg: VGG) -> None:
    content, style, image = values(48, 64), values(48, 64, seed=1), values(48, 64, seed=2)
    terms, _ = StyleLoss(vgg, DOCUMENTS, content, [Style(style)]).gradient(image)
    expected = by_hand(vgg, content, style, image)
    assert terms.total == pytest.approx(expected, rel=1e-4)
    assert min(terms) > 0


def test_the_gradient_is_that_of_the_loss(vgg: VGG) -> None:
    content, style, image = values(32, 32), values(32, 32, seed=1), values(32, 32, seed=2)
    double = VGG().double().eval().requires_grad_(False)
    double.load_state_dict({name: tensor.double() for name, tensor in vgg.state_dict().items()})
    objective = StyleLoss(Hooked(double.float()), OFFLINE.changed(
        content_layers={"convolutions.block2_conv2": 1.0}, style_layers={"convolutions.block1_conv1": 1.0},
        smoothness_exponent=1.25), content, [Style(style)])  # fmt: skip
    _, gradient = objective.gradient(image)
    direction = torch.randn(image.shape)
    direction /= direction.norm()
    ends = [objective.gradient(image + step * direction)[0].total for step in (-1e-2, 1e-2)]
    assert (ends[1] - ends[0]) / 2e-2 == pytest.approx(float((gradient * direction).sum()), rel=2e-2)


def test_gatys_sizes_are_the_layers_own(vgg: VGG) -> None:
    """Of pictures of one size his fourth equation, term by term."""
    content, style, image = values(32, 48), values(32, 48, seed=1), values(32, 48, seed=2)
    network = VGG(pooling="average").eval().requires_grad_(False)
    network.load_state_dict(vgg.state_dict())
    terms, _ = StyleLoss(network, GATYS, content, [Style(style)]).gradient(image)
    names = [*GATYS.style_layers, "block4_conv2"]
    found, wanted, kept = (network.outputs(network.prepare(each), names) for each in (image, style, content))
    expected = 0.0
    for name in GATYS.style_layers:
        channels, positions = found[name].shape[1], found[name].shape[2] * found[name].shape[3]
        term = gram.difference(gram.gram(found[name]).double(), gram.gram(wanted[name]).double(), channels, positions)
        expected += float(term) / 5
    assert terms.style == pytest.approx(expected, rel=1e-4)
    assert terms.content == pytest.approx(1e-3 * 0.5 * float(
        (found["block4_conv2"] - kept["block4_conv2"]).double().square().sum()), rel=1e-4)  # fmt: skip


def test_the_network_passes_once_and_stops_early(vgg: VGG, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    whole = vgg.outputs
    monkeypatch.setattr(vgg, "outputs", lambda prepared, names: passes.append(len(prepared)) or whole(prepared, names))
    monkeypatch.setattr(vgg.convolutions["block5_conv3"], "forward", lambda *_: pytest.fail("computed"))
    stylize(picture(32, 32), picture(32, 32, 1), settings=DOCUMENTS, network=vgg, size=32, steps=5, lr=1e-6)
    assert passes == [1] * (1 + 2 + 5)  # strides, style and content, and then one a step


# ---- tiles ----


def test_tiles_cover_each_pixel_once() -> None:
    covered = torch.zeros(208, 336)
    for tile in tiles(208, 336, side=160, margin=20, multiple=16):
        assert max(tile.rows.stop - tile.rows.start, tile.columns.stop - tile.columns.start) <= 160
        assert {edge % 16 for span in (tile.rows, tile.columns) for edge in (span.start, span.core_start)} == {0}
        covered[tile.rows.core_start : tile.rows.core_stop, tile.columns.core_start : tile.columns.core_stop] += 1
    assert bool((covered == 1).all())
    assert len(tiles(100, 160, side=160, margin=20, multiple=16)) == 1
    with pytest.raises(UsageError, match=r"Tiles of 100 pixels with margins of 48 have no core.*--tile"):
        spans(300, 100, 40, 16)


@pytest.mark.parametrize("masked", [False, True])
def test_the_gradient_in_tiles_is_that_of_the_whole(lite: EfficientNetLite, masked: bool) -> None:
    content, style, image = values(256, 192), values(100, 90, seed=1), values(256, 192, seed=2)
    mask = torch.linspace(0, 1, 192).expand(1, 1, 256, 192) if masked else None
    shallow = OFFLINE.changed(content_layers={"b3": 1.0}, style_layers={"stem": 1.0, "b1": 1.0, "b4": 1.0}, margin=40)
    whole = StyleLoss(lite, shallow.changed(tile=256), content, [Style(style, 1.0, mask)])
    tiled = StyleLoss(lite, shallow.changed(tile=144), content, [Style(style, 1.0, mask)])
    assert (len(whole.tiles), len(tiled.tiles)) == (1, 12)
    for offset in ((0, 0), (3, 1)):
        (terms, gradient), (other, pieced) = (each.gradient(image, offset) for each in (whole, tiled))
        assert tuple(other) == pytest.approx(tuple(terms), rel=1e-4)
        assert float((pieced - gradient).abs().max()) <= 2e-4 * float(gradient.abs().max())


def test_too_small_a_margin_is_seen_at_the_seams(lite: EfficientNetLite) -> None:
    content, style, image = values(256, 192), values(100, 90, seed=1), values(256, 192, seed=2)
    whole, tiled = (
        StyleLoss(lite, OFFLINE.changed(tile=tile, margin=0), content, [Style(style)]) for tile in (256, 144)
    )
    gradient, pieced = whole.gradient(image)[1], tiled.gradient(image)[1]
    assert float((pieced - gradient).abs().max()) > 0.01 * float(gradient.abs().max())


def test_large_pictures_come_in_tiles(lite: EfficientNetLite) -> None:
    found = stylize(picture(150, 220), picture(64, 64, 1), network=lite, size=150, tile=128, margin=16, steps=2)
    assert found.pixels.shape == (150, 220, 3)


# ---- what can be asked for ----


def test_style_comes_and_content_stays(lite: EfficientNetLite) -> None:
    options = {"network": lite, "size": 64, "coarsest": 64, "start": "content"}
    found = stylize(picture(64, 80), picture(64, 64, 1), steps=25, frames=5, **options)
    assert found.losses["style"][-1] < 0.85 * found.losses["style"][0]
    assert len(found.losses["total"]) == 25 and len(found.frames) == 5
    assert found.frames[-1].shape == found.pixels.shape and found.image.size == (80, 64)
    assert found._repr_png_()[1:4] == b"PNG" and found.step_seconds > 0


def test_the_same_seed_paints_the_same(lite: EfficientNetLite) -> None:
    first, second, third = (
        stylize(picture(40, 40), picture(40, 40, 1), network=lite, size=40, steps=3, start="noise", seed=seed).pixels
        for seed in (1, 1, 2)
    )
    assert (first == second).all() and (first != third).any()


def test_without_strength_nothing_changes(lite: EfficientNetLite) -> None:
    content = picture(64, 64)
    objective = StyleLoss(lite, OFFLINE, values(64, 64), [Style(values(64, 64, seed=1))], strength=0)
    assert objective.gradient(values(64, 64), (2, 2))[0].style == pytest.approx(0, abs=1e-6)  # not moved
    weak, full = (
        stylize(content, picture(64, 64, 1), network=lite, size=64, coarsest=64, steps=12, strength=strength).pixels
        for strength in (0.2, 1.0)
    )
    assert np.abs(weak.astype(int) - content).mean() < 0.8 * np.abs(full.astype(int) - content).mean()


def test_a_mask_leaves_the_rest_alone(lite: EfficientNetLite) -> None:
    content, mask = picture(96, 160), np.zeros((96, 160), dtype=np.uint8)
    mask[:, :64] = 255
    found = stylize(content, picture(64, 64, 1), network=lite, size=96, coarsest=96, steps=5, masks=[mask])
    changed = np.abs(found.pixels.astype(int) - content).mean(axis=(0, 2))
    assert changed[:60].min() > 1 and changed[66:].max() == 0
    everywhere = stylize(content, picture(64, 64, 1), network=lite, size=96, coarsest=96, steps=5, masks=[mask | 255])
    unmasked = stylize(content, picture(64, 64, 1), network=lite, size=96, coarsest=96, steps=5, start="content")
    assert np.abs(everywhere.pixels.astype(int) - unmasked.pixels).mean() < 0.5  # Adam follows even rounding


def test_a_share_of_nothing_is_no_style(lite: EfficientNetLite) -> None:
    one, other = picture(48, 48, 1), picture(48, 48, 2)
    options = {"network": lite, "size": 48, "coarsest": 48, "steps": 3}
    alone = stylize(picture(48, 48), one, **options).pixels
    assert (stylize(picture(48, 48), [one, other], shares=[2, 0], **options).pixels == alone).all()
    assert (stylize(picture(48, 48), [one, other], **options).pixels != alone).any()


def test_any_network_by_the_names_of_its_layers() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, 2, 1), nn.Flatten(),
                            nn.Linear(1, 1))  # fmt: skip
    good = {"content_layers": {"2": 1.0}, "style_layers": {"0": 1.0, "2": 1.0}}
    found = stylize(picture(32, 32), picture(32, 32, 1), network=network, size=32, steps=3, shift=0, **good)
    assert found.losses["style"][-1] < found.losses["style"][0]
    hooked = Hooked(network)
    assert strides(hooked, ["0", "2"]) == {"0": 2, "2": 4}
    assert float(hooked.outputs(torch.rand(1, 3, 16, 16), ["0"])["0"].min()) < 0  # before the ReLU in place
    assert not network[0]._forward_hooks
    for layers, says in (({"block1": 1.0}, "has no layer 'block1'"), ({"3": 1.0}, "'3' does not give feature maps")):
        with pytest.raises(UsageError, match=says):
            stylize(picture(32, 32), picture(32, 32), network=network, size=32, **(good | {"style_layers": layers}))
    with pytest.raises(UsageError, match=r"str is no network"):
        stylize(picture(32, 32), picture(32, 32), network="resnet")  # type: ignore[arg-type]


def test_quasi_newton_needs_fewer_evaluations(vgg: VGG) -> None:
    objective = {"settings": GATYS, "network": vgg, "size": 32, "start": "content", "seed": 1}
    quick = stylize(picture(32, 32), picture(32, 32, 1), steps=20, **objective)
    assert len(quick.losses["total"]) <= 25 and quick.losses["total"][-1] < 0.3 * quick.losses["total"][0]


def test_too_long_steps_are_named(lite: EfficientNetLite) -> None:
    with pytest.raises(NotFinite, match=r"The loss is (nan|inf) at step \d+.*Give a smaller --lr than 1e\+30"):
        stylize(picture(32, 32), picture(32, 32, 1), network=lite, size=32, pixels="levels", optimiser="sgd", lr=1e30)


# ---- colours ----


def test_colours_of_the_content() -> None:
    content, style = picture(40, 50), (picture(40, 40, 1) // 2 + 60).astype(np.uint8)
    found = with_colours_of(style, content).reshape(-1, 3).astype(float)
    wanted = content.reshape(-1, 3).astype(float)
    assert found.mean(0) == pytest.approx(wanted.mean(0), abs=3)
    assert np.cov(found.T) == pytest.approx(np.cov(wanted.T), rel=0.15, abs=60)
    flat = np.full((20, 20, 3), 90, dtype=np.uint8)
    assert np.ptp(with_colours_of(flat, content).reshape(-1, 3), axis=0).max() == 0


def test_luminance_and_colours_apart() -> None:
    content, painted = picture(30, 30), picture(30, 30, 1) // 4 + 100
    mixed = with_luminance_of(content, painted).astype(float)
    bright = np.array([0.299, 0.587, 0.114])
    inside = ((mixed > 0) & (mixed < 255)).all(2)
    assert np.abs(mixed @ bright - painted @ bright)[inside].max() < 1.5
    assert np.abs(with_luminance_of(content, content).astype(int) - content).max() <= 1
    grey = luminance(painted, like=content)
    assert (grey[..., 0] == grey[..., 2]).all()
    assert grey[..., 0].mean() == pytest.approx((content @ bright).mean(), abs=3)


def test_kept_colours(lite: EfficientNetLite) -> None:
    content, style = picture(48, 48), picture(48, 48, 1)
    options = {"network": lite, "size": 48, "coarsest": 48, "steps": 3}
    found = stylize(content, style, colours="histogram", **options).pixels
    assert (found == stylize(content, with_colours_of(style, content), **options).pixels).all()
    found = stylize(content, style, colours="luminance", **options).pixels
    grey = stylize(luminance(content), luminance(style, like=content), **options).pixels
    assert (found == with_luminance_of(content, grey)).all()


# ---- pictures in ----


def write(path: Path, kind: str) -> Path:
    pixels = picture(40, 50)
    if kind == "grey16":
        Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(path)
    elif kind == "rgba":
        Image.fromarray(np.dstack([pixels, np.zeros((40, 50), dtype=np.uint8)]), "RGBA").save(path)
    else:
        Image.fromarray(pixels[..., 0]).save(path)
    return path


def test_pictures_of_any_kind(tmp_path: Path) -> None:
    grey = load(write(tmp_path / "grey.png", "grey"), "content")
    assert grey.shape == (40, 50, 3) and (grey[..., 0] == picture(40, 50)[..., 0]).all()
    assert (load(write(tmp_path / "deep.png", "grey16"), "content") == grey).all()
    assert (load(write(tmp_path / "clear.png", "rgba"), "content") == 255).all()
    assert (load(Image.open(tmp_path / "clear.png"), "content") == 255).all()
    assert (load(picture(40, 50)[..., 0], "content") == grey).all()
    assert size_for(picture(40, 50), 400) == (400, 500)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (np.zeros((8, 40, 3), dtype=np.uint8), r"The style has 40x8 pixels, but each side must be at least 16"),
        (np.zeros((40, 40, 3)), r"The style is float64 \[40, 40, 3\], but an array must be uint8"),
        (np.zeros((40, 40, 2), dtype=np.uint8), r"The style is uint8 \[40, 40, 2\]"),
        ("absent.png", r"There is no file absent.png for the style"),
    ],
)
def test_what_is_no_picture(source: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        stylize(picture(40, 40), source)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"settings": "ofline"}, "There are no settings 'ofline'.*Did you mean 'offline'"),
        ({"stile_weight": 3}, "has no setting 'stile_weight'.*Did you mean 'style_weight'"),
        ({"steps": 0}, "steps = 0 is not allowed"),
        ({"size": 16}, "size = 16 is not allowed"),
        ({"strength": 1.5}, r"The strength is 1.5, but it must be in 0\.\.1"),
        ({"colours": "lumen"}, "There are no colours 'lumen'"),
        ({"shares": [1, 1]}, r"shares are \[1, 1\], but 1 are needed"),
        ({"shares": [0]}, "not all 0"),
        ({"masks": [None, None]}, "There are 2 masks for 1 styles"),
        ({"style_layers": {"b9": 1.0}}, "EfficientNet-lite0 has no layer 'b9'"),
        ({"weights": "vgg.pth"}, "comes with its weights"),
        ({"size": 8000}, "at most 40 million"),
    ],
)
def test_wrong_wishes(options: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        stylize(picture(40, 40), picture(40, 40, 1), **options)  # type: ignore[arg-type]


def test_no_styles_or_too_many() -> None:
    for count in (0, 17):
        with pytest.raises(UsageError, match=rf"There are {count} styles, but there must be 1\.\.16"):
            stylize(picture(40, 40), [picture(40, 40)] * count)


def test_settings_are_checked_and_frozen() -> None:
    assert {name: settings.network for name, settings in SETTINGS.items()} == {
        "offline": "efficientnet-lite0", "documents": "vgg19", "gatys": "vgg19"}  # fmt: skip
    assert DOCUMENTS.content_layers == {"block5_conv2": 1} and DOCUMENTS.content_weight == 2.5e-8
    assert [*DOCUMENTS.style_layers] == [f"block{block}_conv1" for block in range(1, 6)]
    assert sum(weight * DOCUMENTS.style_weight for weight in DOCUMENTS.style_layers.values()) == pytest.approx(1e-6)
    assert (DOCUMENTS.lr, DOCUMENTS.decay, DOCUMENTS.steps, DOCUMENTS.size) == (100, 0.96, 4000, 400)
    assert (GATYS.pooling, GATYS.rescaled, GATYS.optimiser) == ("average", True, "lbfgs")
    with pytest.raises(UsageError, match="network = 'resnet' is not allowed"):
        StyleSettings().changed(network="resnet")


def test_steps_that_lead_away_from_a_good_beginning_are_taken_back() -> None:
    """Noise in the style of noise begins near its end, where Adam's steps of 0.08 are far too long."""
    from belamy.editing.style.stylize import WORSE, _minimise

    variable = torch.full((100,), 1e-3, requires_grad=True)
    losses: list[float] = []

    def evaluate() -> Tensor:
        loss = 1e-4 + variable.square().sum()
        (variable.grad,) = torch.autograd.grad(loss, variable)
        losses.append(float(loss.detach()))
        return loss.detach()

    _minimise(variable, evaluate, StyleSettings(steps=60))
    assert losses[1] > WORSE * losses[0], "the first step is too long"
    assert losses[-1] <= losses[0] and len(losses) == 60


def test_a_painting_says_which_losses_are_of_its_final_size(lite: EfficientNetLite) -> None:
    painted = stylize(picture(70, 70), picture(70, 70, 1), size=70, coarsest=40, steps=2, network=lite)
    assert painted.final_steps == 2 and len(painted.losses["total"]) == 4
