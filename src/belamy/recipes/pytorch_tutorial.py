"""The DCGAN tutorial of PyTorch."""

from belamy.methods import gan
from belamy.registry import Part


def dcgan_64() -> gan.Recipe:
    """Convolutional GAN of 64×64 colour images (PyTorch tutorial): Adam at 2e-4 with β₁ 0.5, batches of 128."""
    return gan.Recipe(
        data="avatars-64",
        generator=Part(name="dcgan-64"),
        discriminator=Part(name="dcgan-64"),
        latent=100,
        batch=128,
        train_samples=1_000_000,
    )
