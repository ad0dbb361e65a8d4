"""The systems of the slides "Advances in GANs" (SYS 6016)."""

from belamy.methods import gan
from belamy.recipes.lecture_12 import dcgan_geron
from belamy.registry import Part


def dense_fashion() -> gan.Recipe:
    """Dense GAN of Fashion-MNIST, 136,634 and 132,951 parameters, trained by RMSprop in two phases.

    RMSprop has ε outside the root, as in the Keras of the slides' years.
    """
    return gan.Recipe(
        data="fashion-mnist",
        generator=Part(name="dense-fashion"),
        discriminator=Part(name="dense-fashion"),
        latent=30,
        batch=32,
        train_samples=3_000_000,
        adversarial=Part(name="non-saturating", half=True),
        fresh_latents=True,
        generator_optimizer=Part(name="rmsprop", lr=1e-3),
        discriminator_optimizer=Part(name="rmsprop", lr=1e-3),
    )


def dcgan_geron_selu() -> gan.Recipe:
    """Convolutional GAN after A. Géron with a SELU generator, on Fashion-MNIST."""
    return dcgan_geron().changed(data="fashion-mnist", generator=Part(name="dcgan-geron", activation="selu"))
