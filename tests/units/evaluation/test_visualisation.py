"""Pictures of networks: filters and ascents whose answers are known, and every method there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.evaluation.visualisation import Ascent, Sheet, Subject, VisualisationOptions, subjects, visualise
from belamy.evaluation.visualisation.activations import drawn, spread
from belamy.evaluation.visualisation.filters import filters, looked_for, painted, unfolded
from belamy.evaluation.visualisation.maximisation import Goal, climb, goals_of_output, maximised, roughness_slope
from belamy.evaluation.visualisation.picture import signed
from belamy.evaluation.visualisation.subject import OUTPUT, SCORE
from belamy.methods import classifier, gan, vae
from belamy.methods.base import METHODS, BaseMethod, DataSpec
from belamy.methods.requirements import check_fields
from belamy.networks.layers import KerasConv2d, KerasConvTranspose2d
from belamy.pages import page as render
from belamy.registry import Part
from belamy.runs.run import RECIPE_TYPES
from belamy.training.setup import open_recipe_data

SHAPE = (1, 8, 8)
QUICK = VisualisationOptions(units=3, ascent=Ascent(steps=2))


def classifying(network: nn.Module | None = None, shape: tuple[int, int, int] = SHAPE) -> classifier.Method:
    method = classifier.Method(classifier.Recipe.tiny(), DataSpec.pictures(shape, ("a", "b", "c")))
    if network is not None:
        method.classifier = network
    return method.eval()


def subject(method: BaseMethod, name: str) -> Subject:
    return next(each for each in subjects(method) if each.name == name)


def linear() -> tuple[Subject, Tensor]:
    """A classifier that is one dense layer, and its weights."""
    layer = nn.Linear(64, 3)
    return subject(classifying(nn.Sequential(nn.Flatten(), layer)), "classifier"), layer.weight.detach()


class TestFilters:
    def test_of_a_dense_layer_they_are_its_weights(self) -> None:
        found, weight = linear()
        (picture,) = filters(found)
        assert picture.kind == "filters" and picture.facts == {"filters": 3, "size": [8, 8]}
        looked = looked_for(found.layers["1"], found)
        assert looked is not None and torch.equal(looked.flatten(1), weight)

    @pytest.mark.parametrize("channels", [1, 3])
    def test_folded_pixels_are_unfolded(self, channels: int) -> None:
        """A convolution of the folded image is one of the image with the unfolded filters."""
        weight, image = torch.randn(5, 4 * channels, 4, 4), torch.randn(2, channels, 16, 16)
        wide = unfolded(weight, channels)
        assert wide is not None and wide.shape == (5, channels, 8, 8)
        folded = F.conv2d(F.pixel_unshuffle(image, 2), weight)
        torch.testing.assert_close(F.conv2d(image, wide, stride=2), folded, rtol=1e-4, atol=1e-4)

    def test_a_label_plane_is_left_out_and_other_channels_are_no_pixels(self) -> None:
        weight = torch.randn(5, 4, 3, 3)
        assert torch.equal(unfolded(weight, 3), weight[:, :3])  # type: ignore[arg-type]
        assert unfolded(torch.randn(5, 7, 3, 3), 3) is None

    @pytest.mark.parametrize("kind", ["transposed", "convolution", "shuffled"])
    def test_what_a_channel_paints_is_its_impulse_response(self, kind: str) -> None:
        last: nn.Module = {
            "transposed": KerasConvTranspose2d(4, 1, 4, 2, bias=False),
            "convolution": KerasConv2d(4, 1, 3, bias=False),
            "shuffled": nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.PixelShuffle(2)),
        }[kind]
        method = vae.Method(vae.Recipe.tiny(), DataSpec.pictures(SHAPE)).eval()
        side = 8 if kind == "convolution" else 4
        start = nn.Linear(2, 4 * side * side)
        method.decoder = nn.Sequential(start, nn.Unflatten(1, (4, side, side)), last)
        found = subject(method, "decoder")
        layer = list(found.layers.values())[-1]
        strokes = painted(layer, found)
        assert strokes is not None and len(strokes) == 4
        impulse = torch.zeros(1, 4, side, side)
        impulse[0, 2, side // 2, side // 2] = 1
        with torch.no_grad():
            response = last(impulse)[0, 0]
        rows, columns = response.nonzero().T
        cut = response[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        torch.testing.assert_close(cut, strokes[2, 0], rtol=1e-5, atol=1e-6)

    def test_grey_is_0(self) -> None:
        weights = torch.tensor([[-2.0, 0.0, 1.0, 2.0], [0.0] * 4]).view(2, 1, 2, 2)
        assert signed(weights).flatten(1).tolist() == [[0, 128, 191, 255], [128] * 4]


class TestActivations:
    def test_maps_are_those_of_the_image_at_the_end_of_a_layer(self) -> None:
        network = nn.Sequential(KerasConv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3))
        image = torch.randn(SHAPE)
        found = [each for each in visualise(classifying(network), image, request=QUICK) if each.kind == "activations"]
        with torch.no_grad():
            maps = network[:2](image.unsqueeze(0))[0]
        assert [each.layer for each in found] == ["input", "0", "3"]
        assert "to ReLU: 3 of 4 maps of 8 × 8" in found[1].title
        assert found[1].facts["most"] == pytest.approx(float(maps.max())) and found[1].facts["least"] == 0

    def test_the_liveliest_maps_come_first_and_the_scale_is_the_layers(self) -> None:
        maps = torch.zeros(3, 2, 2)
        maps[1, 0, 0], maps[2, 0, 0] = 1, 4
        sheet = drawn(maps, 2)
        brightest = [int(sheet[:, :66].max()), int(sheet[:, 68:].max())]
        assert brightest[0] == 255 and 60 <= brightest[1] <= 70  # 1 of 4

    def test_few_layers_of_many(self) -> None:
        layers: Any = list(range(100))
        assert spread(layers, 4) == [0, 33, 66, 99] and spread(layers[:3], 4) == [0, 1, 2]


class TestMaximisation:
    def test_of_a_dense_unit_it_is_the_sign_of_its_weights(self) -> None:
        found, weight = linear()
        free = Ascent(steps=400, rate=0.1, smoothness=0, pull=0, jitter=0)
        goals = [Goal("a", 0), Goal("b", 1, -1.0)]
        x, before, after = climb(found, OUTPUT, goals, torch.zeros(SHAPE), 0, free)
        signs = torch.stack([weight[0].sign(), -weight[1].sign()])
        heavy = weight[:2].abs() > 0.1 * weight[:2].abs().mean()
        assert torch.equal(x.flatten(1)[heavy], signs[heavy]) and (after > before).all()

    def test_the_pull_alone_leads_to_the_background(self) -> None:
        network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
        nn.init.zeros_(network[1].weight)
        background = torch.linspace(-0.8, 0.8, 64).view(SHAPE)
        calm = Ascent(steps=300, smoothness=0, pull=1.0)
        x, _, _ = climb(subject(classifying(network), "classifier"), OUTPUT, [Goal("a", 0)], background, 0, calm)
        torch.testing.assert_close(x[0], background, rtol=0, atol=1e-4)

    def test_the_prior_smooths(self) -> None:
        found, _ = linear()
        rough, smooth = (
            climb(found, OUTPUT, [Goal("a", 0)], torch.zeros(SHAPE), 0, Ascent(smoothness=weight))[0]
            for weight in (0.0, 3.0)
        )
        assert smooth.diff(dim=3).square().sum() < 0.2 * rough.diff(dim=3).square().sum()

    def test_the_slope_of_roughness_is_its_gradient(self) -> None:
        x = torch.randn(2, 3, 5, 4, requires_grad=True)
        roughness = 0.5 * sum(x.diff(dim=axis).square().sum() for axis in (2, 3))
        (expected,) = torch.autograd.grad(roughness, x)  # type: ignore[call-overload]
        torch.testing.assert_close(roughness_slope(x.detach()), expected)

    def test_latents_keep_their_length(self) -> None:
        method = gan.Method(gan.Recipe.tiny(), DataSpec.pictures((1, 8, 8), ("a", "b"))).eval()
        found = subject(method, "generator")
        layer = next(name for name, each in found.layers.items() if len(each.shape) == 3)
        z, before, after = climb(found, layer, [Goal("0", 0), Goal("1", 1)], torch.zeros(SHAPE), 0, Ascent(steps=40))
        torch.testing.assert_close(z.norm(dim=1), found.inputs(2, 0).norm(dim=1))
        assert (after > before).all()

    def test_what_the_output_is_called(self) -> None:
        labelled = gan.Method(gan.Recipe.tiny(), DataSpec.pictures((1, 8, 8), ("a", "b"))).eval()
        titles = [goal.title for goal in goals_of_output(subject(labelled, "discriminator"), SCORE, 1, 16)]
        assert titles == ["a: real", "b: real"]
        recipe = gan.Recipe.tiny().changed(discriminator_condition="unconditional", auxiliary=0.0,
                                           generator_condition="unconditional")  # fmt: skip
        bare = gan.Method(recipe, DataSpec.pictures((1, 8, 8))).eval()
        goals = goals_of_output(subject(bare, "discriminator"), SCORE, 1, 16)
        assert [goal.sign for goal in goals] == [1.0] * 4 + [-1.0] * 4
        encoder = subject(vae.Method(vae.Recipe.tiny(), DataSpec.pictures((1, 8, 8), ("a", "b"))).eval(), "encoder")
        assert [goal.title for goal in goals_of_output(encoder, OUTPUT, 2, 16)] == ["0 +", "0 -", "1 +", "1 -"]

    def test_weights_and_modes_are_as_before(self) -> None:
        method = classifying()
        before = {name: value.clone() for name, value in method.state_dict().items()}
        list(visualise(method, torch.zeros(SHAPE), request=QUICK))
        assert all(torch.equal(before[name], value) for name, value in method.state_dict().items())
        assert all(parameter.grad is None for parameter in method.parameters())
        assert not [part for part in method.modules() if part._forward_hooks]

    @pytest.mark.parametrize("option", [{"steps": 0}, {"rate": 0.0}, {"smoothness": -1.0}, {"jitter": -1}])
    def test_what_is_no_ascent(self, option: dict[str, Any]) -> None:
        with pytest.raises(UsageError, match="there must be a step of some size, and nothing negative"):
            Ascent(**option)


MASKED = {"made": {"network"}}
"""Networks whose layers are never called, as their weights are multiplied by masks first; they have no pictures."""


def of_pictures(name: str) -> bool:
    """Whether a method learns from pictures alone; the others have no pictures of their networks."""
    recipe = RECIPE_TYPES.load(name).tiny()  # type: ignore[attr-defined]
    return METHODS.load(name).requires(recipe).get("main") == "image"  # type: ignore[attr-defined]


class TestEveryMethod:
    @pytest.mark.parametrize("name", [*filter(of_pictures, METHODS.names())])
    @pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)], ids=["grey", "colour"])
    def test_each_network_has_pictures(self, name: str, shape: tuple[int, int, int]) -> None:
        recipe = RECIPE_TYPES.load(name).tiny()  # type: ignore[attr-defined]
        spec = DataSpec.pictures(shape, tuple("0123456789"))
        try:
            check_fields(METHODS.load(name), name, recipe, spec)
            method: BaseMethod = METHODS.build(Part(name=name), recipe=recipe, spec=spec).eval()
        except UsageError:  # it needs a second side, or colours
            own = open_recipe_data(recipe, offline=True).spec
            method, shape = METHODS.build(Part(name=name), recipe=recipe, spec=own).eval(), own.shape
        found = list(visualise(method, torch.zeros(shape), 3, request=QUICK))
        fed_by_several = {
            network
            for network, given in method.inputs().items()
            if not all(isinstance(each, torch.Tensor) and each.dim() == 1 for each in given[1:])
        }
        reading = {
            network
            for network, (first, *_) in method.inputs().items()
            if isinstance(first, torch.Tensor) and not first.is_floating_point()
        }
        assert {picture.network for picture in found} == set(method.networks()) - fed_by_several - reading - MASKED.get(
            name, set()
        )
        assert len({picture.name for picture in found}) == len(found)
        for picture in found:
            assert picture.pixels.dtype == np.uint8 and picture.pixels.shape[2] == 3 and picture.title
        seeing = {each.name for each in subjects(method) if each.sees}
        assert seeing <= {picture.network for picture in found if picture.kind == "maximisation"}

    def test_the_seed_decides(self) -> None:
        method = gan.Method(gan.Recipe.tiny(), DataSpec.pictures((1, 8, 8), ("a", "b"))).eval()

        def sheets(seed: int) -> list[bytes]:
            request = VisualisationOptions(units=3, seed=seed, ascent=Ascent(steps=2))
            return [picture.pixels.tobytes() for picture in visualise(method, torch.zeros(SHAPE), request=request)]

        assert sheets(1) == sheets(1) != sheets(2)

    def test_one_layer_alone(self) -> None:
        (picture,) = visualise(
            classifying(), torch.zeros(SHAPE), request=VisualisationOptions(layer="head", ascent=Ascent(steps=1))
        )
        assert (picture.layer, picture.kind, picture.network) == ("head", "maximisation", "classifier")

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"network": "clasifier"}, "no network 'clasifier'. Did you mean 'classifier'"),
            ({"layer": "heat"}, "no layer 'heat' with units. Did you mean 'head'"),
        ],
    )
    def test_wrong_names(self, options: dict[str, str], says: str) -> None:
        with pytest.raises(UsageError, match=says):
            list(visualise(classifying(), torch.zeros(SHAPE), request=VisualisationOptions(**options)))

    def test_units_out_of_range(self) -> None:
        with pytest.raises(UsageError, match=r"units is 0, but it must be in 1\.\.256"):
            VisualisationOptions(units=0)


def test_the_page_is_safe_and_whole() -> None:
    pictures = [Sheet("gene<b>rator", kind, "layer", "a <i> title", np.zeros((4, 4, 3), np.uint8))
                for kind in ("filters", "activations", "maximisation")]  # fmt: skip
    page = render("visualisation", "<script>", lead_text="lead & more", pictures=pictures)
    assert "<i>" not in page and "<b>rator" not in page and page.count("<script>") == 1  # its own
    assert page.count("data:image/") == 3 and "default-src 'none'" in page
    assert not [mark for mark in ("http://", "https://") if mark in page.replace("http://www.w3.org", "")]


def test_a_sheet_of_nothing_is_none() -> None:
    found, _ = linear()
    assert list(maximised(found, "nowhere", 3, torch.zeros(SHAPE))) == []
