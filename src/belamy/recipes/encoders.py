"""Encoders that learn in a game."""

from belamy.methods import adversarial_autoencoder, ali, vae_gan
from belamy.registry import Part

QUICK = Part(name="adam", lr=2e-3, beta1=0.0, beta2=0.99)


def vae_gan_mnist() -> vae_gan.Recipe:
    """VAE-GAN of digits: reconstructions are compared by what a discriminator sees in them."""
    return vae_gan.Recipe(
        discriminator=Part(name="digits", width=32, hidden=256),
        latent=32,
        adversarial=Part(name="relativistic-pairing"),
        slope_weight=0.3,
        encoder_optimizer=QUICK,
        generator_optimizer=QUICK,
        discriminator_optimizer=QUICK,
        schedule=Part(name="linear", end=0.1, warmup=0.02),
        train_samples=200_000,
        ema_half_life=10_000,
    )


def adversarial_autoencoder_mnist() -> adversarial_autoencoder.Recipe:
    """Adversarial autoencoder of digits, whose codes a discriminator makes normal; any other prior by --prior."""
    return adversarial_autoencoder.Recipe(
        encoder=Part(name="vae-digits"),
        decoder=Part(name="vae-digits"),
        batch=128,
        train_samples=400_000,
        schedule=Part(name="cosine"),
        optimizer=Part(name="adam", lr=2e-3, beta1=0.9),
    )


def ali_mnist() -> ali.Recipe:
    """ALI of digits: encoder and generator learn to invert each other from a game of pairs alone; --cycle for ALICE.

    Pairs of both kinds are compared with each other, and the slopes of their scores are held small.
    """
    return ali.Recipe(
        discriminator=Part(name="digits", width=32, hidden=256),
        latent=16,
        adversarial=Part(name="relativistic-pairing"),
        slope_weight=0.3,
        encoder_optimizer=QUICK,
        generator_optimizer=QUICK,
        discriminator_optimizer=QUICK,
        schedule=Part(name="linear", end=0.1, warmup=0.02),
        train_samples=200_000,
        ema_half_life=10_000,
    )
