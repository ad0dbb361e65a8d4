"""Models with latent spaces to steer in: small variational autoencoders and a GAN of faces with known attributes."""

from belamy.methods import gan, vae
from belamy.recipes.house import SMALL
from belamy.registry import Part


def vae_digits() -> vae.Recipe:
    """Variational autoencoder of digits with 20 latent dimensions: small and quick, to steer and to edit with.

    Four CPU-minutes. A step along its thickness direction thickens every one of 500 test digits.
    """
    return vae.Recipe(
        encoder=Part(name="vae-digits"),
        decoder=Part(name="vae-digits"),
        latent=20,
        batch=128,
        train_samples=400_000,
        optimizer=Part(name="adam", lr=2e-3, beta1=0.9),
        schedule=Part(name="cosine"),
    )


def vae_avatars() -> vae.Recipe:
    """Variational autoencoder of small drawn faces whose attributes are known: glasses, hat, hair, smile, beard.

    Squared errors and little weight for the divergence, which is a normal distribution with a deviation of 6 levels for
    every pixel, and a linear path beside the layers: without it, mouths of three pixels were not learned in as many
    minutes. Two and a half CPU-minutes.
    """
    network = Part(name="vae-digits", width=24, hidden=384, direct=True)
    return vae_digits().changed(
        data="portraits",
        encoder=network,
        decoder=network,
        latent=128,
        reconstruction=Part(name="squared-error"),
        beta=0.001,
        batch=32,
        train_samples=200_000,
    )


def dfc_vae_avatars() -> vae.Recipe:
    """Deep feature-consistent variational autoencoder of drawn faces of 32 pixels: features are compared, not pixels.

    The embedded network's; --vgg FILE takes those of the paper.
    """
    return vae_avatars().changed(
        data="avatars-32",
        latent=64,
        reconstruction_weight=0.0,
        perceptual_weight=1.0,
        beta=0.05,
        train_samples=100_000,
    )


def gan_avatars() -> gan.Recipe:
    """GAN of the same faces without labels, so that every attribute must be found among its latents.

    Small batches: faces are good after many steps rather than many images. A quarter of an hour of one core.
    """
    unconditional = Part(name="unconditional")
    return SMALL.changed(
        data="portraits",
        generator=Part(name="dense-avatars"),
        discriminator=Part(name="digits", width=32, hidden=256),
        generator_condition=unconditional,
        discriminator_condition=unconditional,
        auxiliary=0.0,
        penalties=(Part(name="r1", weight=0.3, every=8),),
        batch=16,
        train_samples=960_000,
        schedule=Part(name="linear", end=0.05, warmup=0.02),
    )
