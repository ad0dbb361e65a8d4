"""DCGAN training as the popular PyTorch tutorials write it: the yardstick of ``benchmarks/training.py``.

A data set that decodes and transforms one image at a time, a ``DataLoader``, stock layers, the discriminator's weight
gradients computed on the generator's turn too. The networks are those of ``dcgan-mnist`` and ``dcgan-cifar``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset[Tensor]):
    """Images transformed one by one: PIL image, resized if a side is given, tensor in [0, 1], normalised to [-1, 1]."""

    def __init__(self, pixels: np.ndarray, side: int | None = None) -> None:
        self.pixels = pixels  # [N, C, H, W] uint8
        self.side = side

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Tensor:
        picture = Image.fromarray(self.pixels[index].transpose(1, 2, 0).squeeze())
        if self.side:
            picture = picture.resize((self.side, self.side), Image.Resampling.BILINEAR)
        array = np.asarray(picture)
        array = array[:, :, None] if array.ndim == 2 else array
        return (torch.from_numpy(array.transpose(2, 0, 1).copy()).float() / 255 - 0.5) / 0.5


class Crop(nn.Module):
    """Drops the last row and column, for Keras' ``same`` transposed convolution of stride 2."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., :-1, :-1]


def transposed(inputs: int, outputs: int, stride: int, bias: bool) -> list[nn.Module]:
    if stride == 1:
        return [nn.ConvTranspose2d(inputs, outputs, 5, 1, 2, bias=bias)]
    return [nn.ConvTranspose2d(inputs, outputs, 5, 2, 1, bias=bias), Crop()]


def convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(inputs, outputs, 5, 2)]


def mnist_networks() -> tuple[nn.Module, nn.Module]:
    generator = nn.Sequential(
        nn.Linear(100, 12544, bias=False), nn.BatchNorm1d(12544), nn.LeakyReLU(0.3), nn.Unflatten(1, (256, 7, 7)),
        *transposed(256, 128, 1, False), nn.BatchNorm2d(128), nn.LeakyReLU(0.3),
        *transposed(128, 64, 2, False), nn.BatchNorm2d(64), nn.LeakyReLU(0.3),
        *transposed(64, 1, 2, False), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        *convolution(1, 64), nn.LeakyReLU(0.3), nn.Dropout(0.3),
        *convolution(64, 128), nn.LeakyReLU(0.3), nn.Dropout(0.3), nn.Flatten(), nn.Linear(6272, 1),
    )  # fmt: skip
    return generator, discriminator


def cifar_networks() -> tuple[nn.Module, nn.Module]:
    up: list[nn.Module] = [nn.Linear(100, 2048), nn.Unflatten(1, (512, 2, 2)), nn.BatchNorm2d(512), nn.LeakyReLU(0.2)]
    for inputs, outputs in ((512, 256), (256, 128), (128, 64)):
        up += [*transposed(inputs, outputs, 2, True), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
    down: list[nn.Module] = [*convolution(3, 64), nn.LeakyReLU(0.2)]
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        down += [*convolution(inputs, outputs), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
    return (
        nn.Sequential(*up, *transposed(64, 3, 2, True), nn.Tanh()),
        nn.Sequential(*down, nn.Flatten(), nn.Linear(2048, 1)),
    )


def stepper(
    networks: tuple[nn.Module, nn.Module], pixels: np.ndarray, batch: int, lr: float, beta1: float, fresh: bool
) -> Callable[[], None]:
    """A function that makes one training step.

    Args:
        networks: Generator and discriminator.
        pixels: The images, uint8 ``[N, C, H, W]``.
        batch: Images in a step.
        lr: Adam's learning rate.
        beta1: Adam's decay of the gradient's average.
        fresh: Make new images for the generator's turn (two generator passes), as Keras' scripts do.
    """
    generator, discriminator = networks
    optimizer_g = torch.optim.Adam(generator.parameters(), lr, (beta1, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr, (beta1, 0.999))

    def endless() -> Iterator[Tensor]:
        while True:
            yield from DataLoader(Pictures(pixels), batch, shuffle=True, drop_last=True)

    batches = endless()

    def bce(scores: Tensor, target: float) -> Tensor:
        return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))

    def step() -> None:
        real = next(batches)
        discriminator.zero_grad()
        loss_real = bce(discriminator(real), 1.0)
        loss_real.backward()
        fake = generator(torch.randn(batch, 100))
        loss_fake = bce(discriminator(fake.detach()), 0.0)
        loss_fake.backward()
        optimizer_d.step()
        generator.zero_grad()
        if fresh:
            fake = generator(torch.randn(batch, 100))
        loss = bce(discriminator(fake), 1.0)
        loss.backward()
        optimizer_g.step()
        _ = loss_real.item() + loss_fake.item() + loss.item()

    return step
