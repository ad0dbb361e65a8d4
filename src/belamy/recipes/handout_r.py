"""The system of the R/Keras handout on convolutional GANs."""

from belamy.methods import gan
from belamy.registry import Part


def dcgan_32() -> gan.Recipe:
    """Convolutional GAN of 32-pixel colour images, 1,651,843 and 42,817 parameters.

    The handout gives networks, labels and loss only; optimiser, batch, length and data are ours.
    """
    return gan.Recipe(
        data="cifar10",
        generator=Part(name="dcgan-32"),
        discriminator=Part(name="dcgan-32"),
        latent=100,
        batch=64,
        train_samples=2_000_000,
        adversarial=Part(name="non-saturating", half=True),
        fresh_latents=True,
        generator_optimizer=Part(name="adam", lr=2e-4, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=2e-4, beta1=0.5),
    )
