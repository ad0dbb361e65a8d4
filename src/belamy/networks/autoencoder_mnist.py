"""A small autoencoder for MNIST, convolutional or dense."""

from math import prod

from torch import Tensor, nn

from belamy.networks.layers import KerasConv2d, KerasConvTranspose2d, Reshape, dense
from belamy.networks.sizes import check_choice, check_divisible, check_positive

_STRIDE = 4
_FORMS = ("convolutional", "dense")


class Encoder(nn.Module):
    """Image → 16 → 32 channels at a quarter of the size → 128 → code; or pixels → 128 → 64 → code.

    *Departs from the slides*, which give the idea but no sizes: these are ours.

    References:
        Hinton & Salakhutdinov 2006, Science 313.

    Args:
        shape: (channels, height, width) of the images; height and width multiples of 4 for the convolutional form.
        latent: Size of the code.
        form: ``convolutional`` or ``dense``.

    Raises:
        UsageError: A size that is not a multiple of 4, or an unknown form.

    Example:
        >>> Encoder((1, 28, 28), 32)(torch.rand(5, 1, 28, 28)).shape
        torch.Size([5, 32])
    """

    native_shape = (1, 28, 28)
    native_latent = 32
    value_range = (0.0, 1.0)

    def __init__(self, shape: tuple[int, int, int], latent: int, *, form: str = "convolutional") -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        if check_choice(form, _FORMS, "form") == "dense":
            self.layers = nn.Sequential(
                nn.Flatten(), dense(prod(shape), 128), nn.ReLU(), dense(128, 64), nn.ReLU(), dense(64, latent)
            )
            return
        check_divisible(shape, _STRIDE, "autoencoder-mnist")
        self.layers = nn.Sequential(
            KerasConv2d(shape[0], 16, 3, 2),
            nn.ReLU(),
            KerasConv2d(16, 32, 3, 2),
            nn.ReLU(),
            nn.Flatten(),
            dense(32 * (shape[1] // _STRIDE) * (shape[2] // _STRIDE), 128),
            nn.ReLU(),
            dense(128, latent),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Codes ``[N, latent]`` of images ``[N, C, H, W]`` in [0, 1]."""
        return self.layers(images)


class Decoder(nn.Module):
    """Code → image, the encoder's mirror image with a sigmoid at the end.

    Args:
        latent: Size of the code.
        shape: (channels, height, width) of the images; height and width multiples of 4 for the convolutional form.
        form: ``convolutional`` or ``dense``.

    Raises:
        UsageError: A size that is not a multiple of 4, or an unknown form.
    """

    native_shape = (1, 28, 28)
    native_latent = 32
    value_range = (0.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, form: str = "convolutional") -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        if check_choice(form, _FORMS, "form") == "dense":
            layers = [dense(latent, 64), nn.ReLU(), dense(64, 128), nn.ReLU(), dense(128, prod(shape))]
            self.layers = nn.Sequential(*layers, nn.Sigmoid(), Reshape(*shape))
            return
        check_divisible(shape, _STRIDE, "autoencoder-mnist")
        height, width = shape[1] // _STRIDE, shape[2] // _STRIDE
        self.layers = nn.Sequential(
            dense(latent, 128),
            nn.ReLU(),
            dense(128, 32 * height * width),
            nn.ReLU(),
            Reshape(32, height, width),
            KerasConvTranspose2d(32, 16, 3, 2),
            nn.ReLU(),
            KerasConvTranspose2d(16, shape[0], 3, 2),
            nn.Sigmoid(),
        )

    def forward(self, codes: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [0, 1] from codes ``[N, latent]``."""
        return self.layers(codes)
