"""The systems of the slides "Generative Deep Learning" (after F. Chollet, Deep Learning with Python, chapter 8)."""

from belamy.methods import autoencoder, gan, vae
from belamy.registry import Part


def vae_mnist() -> vae.Recipe:
    """Variational autoencoder of digits with two latent dimensions, 550,629 parameters.

    The slides sample with the variance in place of the standard deviation and weigh the divergence by 0.392 of its
    value; that form is ``--printed``. RMSprop has ε outside the root, as in the Keras of 2018.
    """
    return vae.Recipe(
        encoder=Part(name="vae-mnist"),
        decoder=Part(name="vae-mnist"),
        latent=2,
        batch=16,
        train_samples=600_000,
        optimizer=Part(name="rmsprop", lr=1e-3),
    )


def autoencoder_mnist() -> autoencoder.Recipe:
    """Autoencoder of digits with a code of 32 numbers; ``--noise`` makes it denoising, ``--sparsity`` sparse.

    The slides give the idea only; sizes and settings are ours.
    """
    return autoencoder.Recipe(
        encoder=Part(name="autoencoder-mnist"),
        decoder=Part(name="autoencoder-mnist"),
        latent=32,
        batch=128,
        train_samples=600_000,
        optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
    )


def dcgan_frog() -> gan.Recipe:
    """Convolutional GAN of CIFAR-10's frogs, 6.3 million generator parameters.

    The slides show real images in [0, 1] to a discriminator whose generator makes [-1, 1] (``--real-range 0..1``),
    make its fakes in inference mode (``--fakes eval``) and never shuffle. RMSprop has ε outside the root, as in the
    Keras of 2018.
    """
    return gan.Recipe(
        data="cifar10",
        only="frog",
        generator=Part(name="dcgan-frog"),
        discriminator=Part(name="dcgan-frog"),
        latent=32,
        batch=20,
        train_samples=200_000,
        adversarial=Part(name="non-saturating", half=True),
        targets=(Part(name="noise", amount=0.05),),
        fresh_latents=True,
        generator_optimizer=Part(name="rmsprop", lr=4e-4),
        discriminator_optimizer=Part(name="rmsprop", lr=8e-4),
        schedule=Part(name="inverse-time", decay=1e-8),
        clip_value=1.0,
    )
