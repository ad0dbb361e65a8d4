"""The systems of the slides "Lecture 12, Generative Adversarial Networks" (Harvard CSCI E-89)."""

from belamy.methods import gan
from belamy.registry import Part


def dcgan_mnist() -> gan.Recipe:
    """Convolutional GAN of digits from the TensorFlow tutorial; both players move at once.

    *Departs from the tutorial*: batches straddle passes, where it ends each pass with a batch of 96 images.
    """
    return gan.Recipe(
        generator=Part(name="dcgan-mnist"),
        discriminator=Part(name="dcgan-mnist"),
        latent=100,
        batch=256,
        train_samples=3_000_000,
        turns="simultaneous",
        generator_optimizer=Part(name="adam", lr=1e-4, beta1=0.9, eps=1e-7, keras=True),
        discriminator_optimizer=Part(name="adam", lr=1e-4, beta1=0.9, eps=1e-7, keras=True),
    )


def dcgan_geron() -> gan.Recipe:
    """Convolutional GAN of digits after A. Géron, ReLU generator, trained by RMSprop in two phases.

    RMSprop has ε outside the root, as in the Keras of the slides' years.
    """
    return gan.Recipe(
        generator=Part(name="dcgan-geron"),
        discriminator=Part(name="dcgan-geron"),
        latent=100,
        batch=32,
        train_samples=3_000_000,
        adversarial=Part(name="non-saturating", half=True),
        fresh_latents=True,
        generator_optimizer=Part(name="rmsprop", lr=1e-3),
        discriminator_optimizer=Part(name="rmsprop", lr=1e-3),
    )
