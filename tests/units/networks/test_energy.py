"""Discriminators that are autoencoders: their score is minus a reconstruction error, their features the code."""

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks import began, ebgan_mnist
from belamy.networks.layers import KerasConv2d
from belamy.networks.summary import count

MODULES = {"began": began, "ebgan-mnist": ebgan_mnist}


def error(name: str, network: nn.Module, images: Tensor) -> Tensor:
    """The reconstruction error of each image, as the papers write it."""
    made = network.decoder(network.encoder(images)).view_as(images)
    flat = (made - images).flatten(1)
    return flat.abs().mean(1) if name == "began" else flat.norm(dim=1)


@pytest.mark.parametrize("name", MODULES)
class TestEnergy:
    @pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (2, 8, 12)])
    def test_the_score_is_minus_the_error_and_the_features_are_the_code(
        self, name: str, shape: tuple[int, int, int]
    ) -> None:
        network, images = MODULES[name].Discriminator(shape).double(), torch.randn(3, *shape, dtype=torch.float64)
        scores, codes = network.scores_and_features(images)
        torch.testing.assert_close(scores, -error(name, network, images), rtol=1e-6, atol=1e-6)
        assert torch.equal(codes, network.encoder(images))
        assert codes.dim() == 2
        assert torch.equal(network(images), scores)

    def test_slopes_are_finite_at_a_perfect_reconstruction(self, name: str) -> None:
        network = MODULES[name].Discriminator((1, 8, 8)).double()
        with torch.no_grad():
            for parameter in network.decoder.parameters():
                parameter.zero_()
        images = torch.zeros(2, 1, 8, 8, dtype=torch.float64, requires_grad=True)
        score = network(images)
        assert (score.abs() < 2e-3).all()
        (slope,) = torch.autograd.grad(score.sum(), images, create_graph=True)
        gradients = torch.autograd.grad(slope.square().sum() + score.sum(), list(network.decoder.parameters()))
        assert all(torch.isfinite(gradient).all() for gradient in gradients)

    def test_it_learns_to_reconstruct(self, name: str) -> None:
        """The error of the images learned falls by more than half, and that of noise stays larger."""
        network = MODULES[name].Discriminator((1, 8, 8), width=8 if name == "began" else 16)
        angles = torch.linspace(0, 6, 64).view(64, 1, 1, 1)
        columns = torch.arange(8.0).view(1, 1, 1, 8)
        images = torch.sin(columns / 2 + angles).expand(64, 1, 8, 8)
        optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
        errors = []
        for _ in range(40):
            optimizer.zero_grad()
            error = -network(images).mean()
            error.backward()
            optimizer.step()
            errors.append(float(error.detach()))
        with torch.no_grad():
            of_noise = float(-network(torch.rand(64, 1, 8, 8) * 2 - 1).mean())
        assert errors[-1] < min(errors[0] / 2, of_noise / 2)

    def test_published_sizes(self, name: str) -> None:
        module = MODULES[name]
        sizes = [count(module.Generator(module.Generator.native_latent, (1, 28, 28))).trainable]
        sizes.append(count(module.Discriminator((1, 28, 28))).trainable)
        for number, part in zip(sizes, (module.Generator, module.Discriminator), strict=True):
            assert f"{number:,}" in (part.__doc__ or "") + (module.Generator.__doc__ or "")


@pytest.mark.parametrize(("side", "halvings"), [(8, 2), (28, 2), (32, 2), (56, 3), (64, 3), (128, 4)])
def test_began_halves_down_to_about_8_pixels(side: int, halvings: int) -> None:
    network = began.Discriminator((1, side, side), width=2)
    strides = [layer.stride for layer in network.encoder if isinstance(layer, KerasConv2d)]
    doublings = [
        layer for layer in began.Generator(4, (1, side, side), width=2).layers if isinstance(layer, nn.Upsample)
    ]
    assert strides.count(2) == len(doublings) == halvings
    widths = [layer.out_channels for layer in network.encoder if isinstance(layer, KerasConv2d)]
    assert max(widths) == 2 * (halvings + 1)


@pytest.mark.parametrize("repeats", [1, 2, 3])
def test_began_repeats_its_convolutions(repeats: int) -> None:
    pair = began.Generator(4, (1, 8, 8), width=2, repeats=repeats), began.Discriminator((1, 8, 8), repeats=repeats)
    parts = [pair[0].layers, pair[1].encoder, pair[1].decoder]
    made = [sum(isinstance(layer, KerasConv2d) for layer in part) for part in parts]
    assert made == [3 * repeats + 1, 3 * repeats, 3 * repeats + 1]
    assert pair[1](torch.zeros(2, 1, 8, 8)).shape == (2,)


def test_began_enlarges_by_the_nearest_neighbour() -> None:
    layers = began.Generator(4, (1, 8, 8), width=2).layers
    (enlarge,) = {type(layer) for layer in layers if isinstance(layer, nn.Upsample)}
    found = next(layer for layer in layers if isinstance(layer, enlarge))(torch.arange(4.0).view(1, 1, 2, 2))
    assert torch.equal(
        found, torch.arange(4.0).view(2, 2).repeat_interleave(2, 0).repeat_interleave(2, 1).view(1, 1, 4, 4)
    )


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_depth_of_the_dense_generator(layers: int) -> None:
    network = ebgan_mnist.Generator(7, (1, 6, 5), width=9, layers=layers)
    assert [tuple(layer.weight.shape) for layer in network.layers if isinstance(layer, nn.Linear)] == (
        [(30, 7)] if layers == 1 else [(9, 7), *[(9, 9)] * (layers - 2), (30, 9)]
    )


def test_sizes_that_do_not_fit_are_refused() -> None:
    for part in (lambda: began.Discriminator((1, 30, 28)), lambda: began.Generator(4, (1, 28, 30))):
        with pytest.raises(UsageError, match="multiples of 4"):
            part()
    for part, name in [
        (lambda: began.Discriminator((1, 28, 28), code=0), "code is 0"),
        (lambda: began.Generator(4, (1, 28, 28), width=0), "width is 0"),
        (lambda: ebgan_mnist.Generator(4, (1, 28, 28), layers=0), "layers is 0"),
        (lambda: ebgan_mnist.Discriminator((1, 28, 28), width=-1), "width is -1"),
    ]:
        with pytest.raises(UsageError, match=name):
            part()
