"""Parameter counts and layer lists of the documents (total and trainable, batch normalisation as Keras counts it)."""

import pytest
import torch
from torch import Tensor, nn

from belamy.networks import (
    classifier_mnist,
    dcgan_32,
    dcgan_cifar,
    dcgan_frog,
    dcgan_geron,
    dcgan_mnist,
    dense_fashion,
    functional_mlp,
    resnet_cifar,
    vae_mnist,
)
from belamy.networks.layers import BatchNorm, Dropout, KerasConv2d, KerasConvTranspose2d
from belamy.networks.summary import count, summarize

GREY, COLOUR = (1, 28, 28), (3, 32, 32)

COUNTS = {
    "frog generator": (lambda: dcgan_frog.Generator(32, COLOUR), 6_264_579, 6_264_579),
    "frog discriminator": (lambda: dcgan_frog.Discriminator(COLOUR), 790_913, 790_913),
    "32 generator": (lambda: dcgan_32.Generator(100, COLOUR), 1_651_843, 1_651_843),
    "32 discriminator": (lambda: dcgan_32.Discriminator(COLOUR), 42_817, 42_817),
    "mnist generator": (lambda: dcgan_mnist.Generator(100, GREY), 2_330_944, 2_305_472),
    "mnist discriminator": (lambda: dcgan_mnist.Discriminator(GREY), 212_865, 212_865),
    "geron generator": (lambda: dcgan_geron.Generator(100, GREY), 840_705, 840_321),
    "geron generator selu": (lambda: dcgan_geron.Generator(100, GREY, activation="selu"), 840_705, 840_321),
    "geron discriminator": (lambda: dcgan_geron.Discriminator(GREY), 212_865, 212_865),
    "fashion generator": (lambda: dense_fashion.Generator(30, GREY), 136_634, 136_634),
    "fashion discriminator": (lambda: dense_fashion.Discriminator(GREY), 132_951, 132_951),
    "cifar generator 100": (lambda: dcgan_cifar.Generator(100, COLOUR), 4_516_739, 4_514_819),
    "cifar generator 128": (lambda: dcgan_cifar.Generator(128, COLOUR), 4_574_083, 4_572_163),
    "cifar discriminator": (lambda: dcgan_cifar.Discriminator(COLOUR), 4_312_193, 4_310_401),
    "resnet generator": (lambda: resnet_cifar.Generator(128, COLOUR), 1_205_891, 1_204_099),
    "resnet generator printed": (
        lambda: resnet_cifar.Generator(128, COLOUR, printed_skip=True), 1_205_891, 1_204_099
    ),
    "resnet generator z100": (lambda: resnet_cifar.Generator(100, COLOUR), 1_148_547, 1_146_755),
    "resnet generator 64": (lambda: resnet_cifar.Generator(100, COLOUR, features=64), 340_803, 339_907),
    "resnet discriminator": (lambda: resnet_cifar.Discriminator(COLOUR), 1_089_537, 1_088_001),
    "resnet discriminator 64": (lambda: resnet_cifar.Discriminator(COLOUR, features=64), 274_433, 273_665),
    "resnet discriminator plain": (
        lambda: resnet_cifar.Discriminator(COLOUR, normalisation=False), 1_086_465, 1_086_465
    ),
    "resnet discriminator 64 plain": (
        lambda: resnet_cifar.Discriminator(COLOUR, features=64, normalisation=False), 272_897, 272_897
    ),
    "vae encoder": (lambda: vae_mnist.Encoder(GREY, 2), 494_244, 494_244),
    "vae decoder": (lambda: vae_mnist.Decoder(2, GREY), 56_385, 56_385),
    "vae": (lambda: nn.ModuleList([vae_mnist.Encoder(GREY, 2), vae_mnist.Decoder(2, GREY)]), 550_629, 550_629),
    "classifier": (lambda: classifier_mnist.Classifier(GREY, 10), 101_770, 101_770),
    "functional twin": (lambda: functional_mlp.Classifier((1, 8, 8), 10), 3_466, 3_466),
}  # fmt: skip

BLOCK = [512, 147_584, 512, 147_584, 16_384]
DOWN_BLOCK = [512, 147_456, 512, 147_584, 16_512]
LISTS = {
    "vae encoder": (
        lambda: summarize(vae_mnist.Encoder(GREY, 2), GREY), [320, 18_496, 36_928, 36_928, 401_440, 66, 66]
    ),
    "vae decoder": (lambda: summarize(vae_mnist.Decoder(2, GREY), (2,)), [37_632, 18_464, 289]),
    "resnet generator": (
        lambda: summarize(resnet_cifar.Generator(128, COLOUR), (128,)), [264_192, *BLOCK * 3, 512, 3_459]
    ),
    "resnet discriminator": (
        lambda: summarize(resnet_cifar.Discriminator(COLOUR), COLOUR),
        [3_584, 147_584, 512, *DOWN_BLOCK * 3, 129],
    ),
    "frog generator": (
        lambda: summarize(dcgan_frog.Generator(32, COLOUR), (32,)),
        [1_081_344, 819_456, 1_048_832, 1_638_656, 1_638_656, 37_635],
    ),
    "frog discriminator": (
        lambda: summarize(dcgan_frog.Discriminator(COLOUR), COLOUR), [3_584, *[262_272] * 3, 513]
    ),
    "mnist generator": (
        lambda: summarize(dcgan_mnist.Generator(100, GREY), (100,)),
        [1_254_400, 50_176, 819_200, 512, 204_800, 256, 1_600],
    ),
    "mnist discriminator": (lambda: summarize(dcgan_mnist.Discriminator(GREY), GREY), [1_664, 204_928, 6_273]),
    "geron generator": (
        lambda: summarize(dcgan_geron.Generator(100, GREY), (100,)), [633_472, 512, 204_864, 256, 1_601]
    ),
    "32 generator": (
        lambda: summarize(dcgan_32.Generator(100, COLOUR), (100,)), [827_392, 262_272, 524_544, 37_635]
    ),
    "32 discriminator": (lambda: summarize(dcgan_32.Discriminator(COLOUR), COLOUR), [1_792, 36_928, 4_097]),
    "cifar generator": (
        lambda: summarize(dcgan_cifar.Generator(100, COLOUR), (100,)),
        [206_848, 2_048, 3_277_056, 1_024, 819_328, 512, 204_864, 256, 4_803],
    ),
    "cifar discriminator": (
        lambda: summarize(dcgan_cifar.Discriminator(COLOUR), COLOUR),
        [4_864, 204_928, 512, 819_456, 1_024, 3_277_312, 2_048, 2_049],
    ),
    "functional twin": (
        lambda: summarize(functional_mlp.Classifier((1, 8, 8), 10), (1, 8, 8)), [2_080, 1_056, 330]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    build, total, trainable = COUNTS[name]
    network = build()
    counted = count(network)
    assert (counted.total, counted.trainable) == (total, trainable)
    assert sum(p.numel() for p in network.parameters()) == trainable


@pytest.mark.parametrize("name", LISTS)
def test_layer_lists(name: str) -> None:
    build, weights = LISTS[name]
    table = build()
    assert [row.total for row in table.rows if row.total] == weights
    assert table.total == sum(weights)


@pytest.mark.parametrize(
    ("network", "slope", "dropout"),
    [
        (dcgan_frog.Generator(32, COLOUR), 0.3, set()),
        (dcgan_frog.Discriminator(COLOUR), 0.3, {0.4}),
        (dcgan_mnist.Generator(100, GREY), 0.3, set()),
        (dcgan_mnist.Discriminator(GREY), 0.3, {0.3}),
        (dcgan_geron.Discriminator(GREY), 0.2, {0.4}),
        (dcgan_32.Discriminator(COLOUR), 0.2, {0.4}),
        (dcgan_cifar.Generator(100, COLOUR), 0.2, set()),
        (resnet_cifar.Discriminator(COLOUR, features=8), 0.2, set()),
    ],
    ids=lambda value: type(value).__module__ if isinstance(value, nn.Module) else None,
)
def test_constants(network: nn.Module, slope: float, dropout: set[float]) -> None:
    parts = list(network.modules())
    assert {part.negative_slope for part in parts if isinstance(part, nn.LeakyReLU)} == {slope}
    assert {part.rate for part in parts if isinstance(part, Dropout)} == dropout
    assert {(part.eps, part.momentum) for part in parts if isinstance(part, BatchNorm)} <= {(1e-3, 0.01)}


@pytest.mark.parametrize("deviation", [0.02, 0.05])
def test_dcgan_cifar_starts_from_gaussian_weights(deviation: float) -> None:
    for network in (
        dcgan_cifar.Generator(100, COLOUR, deviation=deviation),
        dcgan_cifar.Discriminator(COLOUR, deviation=deviation),
    ):
        for part in network.modules():
            if isinstance(part, nn.Linear | KerasConv2d | KerasConvTranspose2d):
                assert part.weight.std().item() == pytest.approx(deviation, rel=0.06)
                assert not part.bias.any()


def steady(network: nn.Module, seen: list[Tensor]) -> nn.Module:
    """Main paths that give the constant 1 and shortcuts that only resize, so that the sum tells the wiring."""
    for block in network.blocks:
        last = block.main[-1]
        nn.init.zeros_(last.weight)
        nn.init.ones_(last.bias)
        with torch.no_grad():
            block.mix.weight.copy_(torch.eye(len(block.mix.weight))[:, :, None, None])
    after = network.pool if isinstance(network, resnet_cifar.Discriminator) else network.head
    after.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    return network


@pytest.mark.parametrize(("printed_skip", "ones"), [(False, 3), (True, 1)])
def test_residual_shortcuts(printed_skip: bool, ones: int) -> None:
    """Mended, three blocks add 1 each to what came before; printed, each block forgets the ones before it."""
    seen: list[Tensor] = []
    generator = steady(resnet_cifar.Generator(5, (3, 16, 16), features=4, printed_skip=printed_skip), seen)
    latents = torch.randn(2, 5)
    generator(latents)
    stem = generator.stem(latents).repeat_interleave(8, 2).repeat_interleave(8, 3)
    torch.testing.assert_close(seen[0], stem + ones)

    discriminator = steady(resnet_cifar.Discriminator((3, 32, 16), features=4, printed_skip=printed_skip), seen)
    images = torch.randn(2, 3, 32, 16)
    discriminator(images)
    torch.testing.assert_close(seen[1], nn.functional.avg_pool2d(discriminator.stem(images), 8) + ones)


def test_residual_stem_pools_after_both_convolutions() -> None:
    stem = resnet_cifar.Discriminator((3, 16, 16), features=4).stem.double()
    first, activation, second = stem.main
    x = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    main = nn.functional.conv2d(activation(first(x)), second.weight, second.bias, padding=1)
    expected = nn.functional.avg_pool2d(main, 2) + nn.functional.avg_pool2d(stem.mix(x), 2)
    torch.testing.assert_close(stem(x), expected)


def test_normalisation_is_where_the_documents_have_it() -> None:
    """TensorFlow's normalises 12,544 features before the reshape; Géron's follow the reshape and the activation."""
    kinds = [type(part).__name__ for part in dcgan_geron.Generator(100, GREY).layers]
    assert kinds == [
        "Linear", "Reshape", "BatchNorm", "KerasConvTranspose2d", "ReLU", "BatchNorm", "KerasConvTranspose2d", "Tanh"
    ]  # fmt: skip
    generator = dcgan_mnist.Generator(100, GREY)
    assert generator.layers[1].num_features == 12_544
    assert all(part.bias is None for part in generator.layers if isinstance(part, nn.Linear | KerasConvTranspose2d))
