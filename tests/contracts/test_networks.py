"""What every network in the registry promises, whatever paper it is from."""

import copy
import re
from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.methods.autoencoder import DECODERS, ENCODERS
from belamy.methods.classifier import CLASSIFIERS
from belamy.methods.colourisation import COLOURISERS
from belamy.methods.construction import DISCRIMINATORS, GENERATORS
from belamy.methods.inpainting import INPAINTERS
from belamy.methods.pix2pix import PATCH_DISCRIMINATORS, TRANSLATORS
from belamy.methods.single_style import STYLISTS
from belamy.methods.super_resolution import UPSCALERS
from belamy.modalities.sizes import parse_size
from belamy.networks.critic import HasFeatures
from belamy.networks.summary import count
from belamy.registry import Part, Registry

REGISTRIES = {
    registry.role: registry
    for registry in (
        GENERATORS, DISCRIMINATORS, ENCODERS, DECODERS, CLASSIFIERS, STYLISTS, TRANSLATORS, PATCH_DISCRIMINATORS,
        INPAINTERS, UPSCALERS, COLOURISERS,
    )
}  # fmt: skip
NETWORKS = [(role, name) for role, registry in REGISTRIES.items() for name in registry.names()]
MAKES_IMAGES = ("Generator", "Decoder")
SMALL = {"volume": (1, 16, 16, 16), "audio": (1, 2048), "music": (4, 32, 20)}
"""Shapes in place of published ones that would take minutes, by kind."""
NARROW = 16
"""Channels in place of more by default: the contract is the same, and takes a tenth of the time."""
CLASSES = 4
OUTPUTS = 2
SCALE = 3


def shelf_class(role: str, name: str) -> type:
    return REGISTRIES[role].load(name)


def latent_of(role: str, name: str) -> int:
    return getattr(shelf_class(role, name), "native_latent", 16)


def kind_of(role: str, name: str) -> str:
    """What a network makes or takes."""
    return getattr(shelf_class(role, name), "modality", "image")


def shape_of(role: str, name: str) -> tuple[int, ...]:
    return SMALL.get(kind_of(role, name), shelf_class(role, name).native_shape)


def build(role: str, name: str, shape: tuple[int, int, int] | None = None) -> nn.Module:
    registry: Registry = REGISTRIES[role]
    shape = shape or shape_of(role, name)
    defaults = {key: option.default for key, option in registry.options(name).items()}
    options = {key: NARROW for key in ("width", "features") if defaults.get(key, NARROW) > NARROW}
    given = {
        "latent": latent_of(role, name),
        "shape": shape,
        "classes": CLASSES,
        "outputs": OUTPUTS,
        "scale": SCALE,
        "bins": CLASSES,
    }
    return registry.build(Part(name=name, **options), **given)


def feed(role: str, name: str, count: int, shape: tuple[int, int, int] | None = None) -> Tensor:
    """Latents or images, as a method gives them."""
    if role in MAKES_IMAGES:
        return torch.randn(count, latent_of(role, name))
    return torch.rand(count, *(shape or shape_of(role, name)))


def outputs(result: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


def rounding(result: Tensor) -> float:
    """What single precision may lose of small values beside large ones; linear last layers have both."""
    return 1e-5 * max(1.0, float(result.detach().abs().max()))


def check_shapes(role: str, result: tuple[Tensor, ...], count: int, latent: int, shape: tuple[int, int, int]) -> None:
    one = {
        "Generator": shape,
        "Decoder": shape,
        "Stylist": shape,
        "Inpainter": shape,
        "Colouriser": (CLASSES, *result[0].shape[2:]),
        "Discriminator": (),
        "Encoder": (latent,),
        "Classifier": (CLASSES,),
        "Translator": (OUTPUTS, *shape[1:]),
        "Upscaler": (shape[0], *(SCALE * side for side in shape[1:])),
        "PatchDiscriminator": (1, *result[0].shape[2:]),
    }
    assert [tuple(value.shape) for value in result] == [(count, *one[role])] * len(result)
    assert len(result) == 1 or role == "Encoder"


def refusal(role: str, name: str, shape: tuple[int, int, int]) -> str:
    """Why a network does not take images of this shape; empty if it does."""
    try:
        build(role, name, shape)
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("role", "name"), NETWORKS)
class TestNetwork:
    def test_shape_and_type(self, role: str, name: str) -> None:
        shape = shape_of(role, name)
        network = build(role, name)
        result = outputs(network(feed(role, name, 3)))
        check_shapes(role, result, 3, latent_of(role, name), shape)
        assert all(value.dtype == torch.float32 and torch.isfinite(value).all() for value in result)

    def test_double_precision_agrees(self, role: str, name: str) -> None:
        network = build(role, name).eval()
        given = feed(role, name, 2)
        single = outputs(network(given))
        double = outputs(network.double()(given.double()))
        for a, b in zip(single, double, strict=True):
            assert b.dtype == torch.float64
            torch.testing.assert_close(a.double(), b, rtol=1e-4, atol=rounding(b))

    @pytest.mark.parametrize("channels", [1, 2, 6])
    def test_other_channels_and_sizes(self, role: str, name: str, channels: int) -> None:
        if kind_of(role, name) != "image":
            return
        shape = (channels, 48, 32)
        network = build(role, name, shape)
        check_shapes(role, outputs(network(feed(role, name, 2, shape))), 2, latent_of(role, name), shape)

    @pytest.mark.parametrize("sides", [(24, 40), (32, 16), (1, 1), (30, 31), (5, 64)])
    def test_other_sizes_work_or_say_what_to_type(self, role: str, name: str, sides: tuple[int, int]) -> None:
        if kind_of(role, name) != "image":
            return
        shape = (shelf_class(role, name).native_shape[0], *sides)
        complaint = refusal(role, name, shape)
        if complaint:
            height, width = sides
            assert f"{width} wide and {height} high" in complaint
            sizes = re.findall(r"--size ([0-9x]+)", complaint)
            assert sizes, complaint
            assert not [size for size in sizes if refusal(role, name, (shape[0], *parse_size(size)))]
            return
        network = build(role, name, shape)
        result = outputs(network(feed(role, name, 2, shape)))
        check_shapes(role, result, 2, latent_of(role, name), shape)
        sum(value.square().sum() + value.sum() for value in result).backward()
        assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)

    def test_a_sample_does_not_depend_on_its_batch_in_evaluation(self, role: str, name: str) -> None:
        network = build(role, name)
        given = feed(role, name, 3)
        network(given)  # batch statistics that differ from the initial ones
        network.eval()
        with torch.no_grad():
            whole = outputs(network(given))
            for i in range(3):
                single = outputs(network(given[i : i + 1]))
                for a, b in zip(whole, single, strict=True):
                    torch.testing.assert_close(a[i : i + 1], b, rtol=1e-4, atol=rounding(a))

    def test_every_parameter_learns(self, role: str, name: str) -> None:
        network = build(role, name)
        with torch.no_grad():
            for parameter in network.parameters():  # zeros at the start hold others back (Fix-up, attention)
                parameter.add_(0 if parameter.any() else 0.1 * torch.randn_like(parameter))
        results: list[Tensor] = []
        for level in range(getattr(network, "halvings", 0) + 1):  # one that grows learns at one size or another
            if level:
                network.grow(level)
            results += outputs(network(feed(role, name, 4)))
        sum(value.square().sum() + value.sum() for value in results).backward()
        for key, parameter in network.named_parameters():
            assert parameter.grad is not None, key
            assert torch.isfinite(parameter.grad).all(), key
            # an offset before a batch normalisation has no effect; every weight has one
            assert parameter.dim() == 1 or parameter.grad.any(), key

    def test_copies_are_independent_and_weights_are_stored_once(self, role: str, name: str) -> None:
        network = build(role, name).eval()
        given = feed(role, name, 2)
        # safetensors refuses weights that share memory; making them contiguous does not part those that do
        stored = save({key: value.contiguous() for key, value in network.state_dict().items()})
        expected = outputs(network(given))
        other = copy.deepcopy(network)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.zero_()
        assert all(torch.equal(a, b) for a, b in zip(outputs(other(given)), expected, strict=True))
        network.load_state_dict(load(stored))
        assert all(torch.equal(a, b) for a, b in zip(outputs(network(given)), expected, strict=True))

    def test_the_same_seed_gives_the_same_weights(self, role: str, name: str) -> None:
        states = []
        for seed in (5, 5, 6):
            torch.manual_seed(seed)
            states.append(build(role, name).state_dict())
        assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
        assert any(not torch.equal(value, states[2][key]) for key, value in states[0].items())

    def test_weights_are_counted(self, role: str, name: str) -> None:
        network = build(role, name)
        assert count(network).trainable == sum(parameter.numel() for parameter in network.parameters())
        assert count(network).total >= count(network).trainable > 0

    def test_options_have_defaults_and_types(self, role: str, name: str) -> None:
        for option, parameter in REGISTRIES[role].options(name).items():
            known = parameter.annotation in (bool, int, float, str)
            assert known or any(word in str(parameter.annotation) for word in ("tuple", "Literal")), option
            assert parameter.default is not parameter.empty, option

    def test_a_silly_size_of_the_latents_is_refused(self, role: str, name: str) -> None:
        if role in (
            "Discriminator", "Classifier", "Stylist", "Translator", "PatchDiscriminator", "Inpainter", "Upscaler",
            "Colouriser",
        ):  # fmt: skip
            return
        shape = shape_of(role, name)
        with pytest.raises(UsageError, match="latent size is 0"):
            REGISTRIES[role].build(Part(name=name), latent=0, shape=shape, classes=CLASSES, outputs=OUTPUTS)


@pytest.mark.parametrize(("role", "name"), [pair for pair in NETWORKS if pair[0] in MAKES_IMAGES])
def test_images_lie_in_their_range(role: str, name: str) -> None:
    network = build(role, name)
    low, high = network.value_range
    images = network(feed(role, name, 4) * 50)
    inside = low <= images.min() < images.max() <= high
    assert inside or not getattr(network, "bounded", True)


@pytest.mark.parametrize("name", sorted(set(GENERATORS.names()) & set(DISCRIMINATORS.names())))
def test_opponents_fit(name: str) -> None:
    generator, discriminator = build("Generator", name), build("Discriminator", name)
    assert generator.native_shape == discriminator.native_shape
    images = generator(feed("Generator", name, 3))
    (slope,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    slope.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in generator.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", DISCRIMINATORS.names())
def test_discriminators_tell_the_features_behind_their_scores(name: str) -> None:
    discriminator = build("Discriminator", name).eval()
    assert isinstance(discriminator, HasFeatures)
    images = feed("Discriminator", name, 3)
    scores, features = discriminator.scores_and_features(images)
    assert torch.equal(scores, discriminator(images))
    assert features.dim() == 2 and len(features) == 3


@pytest.mark.parametrize("name", CLASSIFIERS.names())
def test_classifiers_show_what_their_last_layer_sees(name: str) -> None:
    network = build("Classifier", name).eval()
    features: Callable[[Tensor], Tensor] | None = getattr(network, "features", None)
    if features is not None:
        assert features(feed("Classifier", name, 3)).dim() == 2


@pytest.mark.parametrize(
    ("role", "text", "message"),
    [
        ("Generator", "dcgan-geron:activation=rellu", "Did you mean 'relu'"),
        ("Generator", "dense-fashion:init=lecum", "Did you mean 'lecun'"),
        ("Encoder", "autoencoder-mnist:form=dens", "Did you mean 'dense'"),
        ("Decoder", "autoencoder-mnist:form=dens", "Did you mean 'dense'"),
        ("Generator", "dcgan-cifar:features=0", "features is 0"),
        ("Discriminator", "dcgan-cifar:features=-3", "features is -3"),
        ("Discriminator", "dcgan-mnist:dropout=1.0", "dropout is 1.0"),
        ("Generator", "resnet-cifar:features=0", "features is 0"),
        ("Classifier", "convnet:width=0", "width is 0"),
        ("Generator", "dcgan-mist", "Did you mean 'dcgan-mnist'"),
    ],
)
def test_wrong_options_are_named(role: str, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        REGISTRIES[role].build(Part.parse(text), latent=8, shape=(1, 32, 32), classes=CLASSES)
