"""The systems of the book "Hands-On Generative Adversarial Networks with Keras" (R. Valle, 2019)."""

from belamy.methods import classifier, gan
from belamy.shelf import Part


def classifier_mnist() -> classifier.Recipe:
    """Dense classifier of digits, 101,770 parameters (chapter 1); ``--printed-test`` repeats the book's defect."""
    return classifier.Recipe(
        classifier=Part(name="classifier-mnist"),
        batch=128,
        samples=600_000,
        optimizer=Part(name="sgd", lr=1e-3),
    )


def dcgan_cifar() -> gan.Recipe:
    """Convolutional GAN of CIFAR-10 (chapter 3): uniform latents, the discriminator's two updates apart.

    The book makes the discriminator's fakes in inference mode (``--fakes eval``) and never shuffles.
    """
    return gan.Recipe(
        data="cifar10",
        generator=Part(name="dcgan-cifar"),
        discriminator=Part(name="dcgan-cifar"),
        latent=100,
        latent_law="uniform",
        batch=128,
        samples=4_992_000,
        turns="separate",
        generator_optimizer=Part(name="adam", lr=2e-4, beta1=0.5, eps=1e-7, keras=True),
        discriminator_optimizer=Part(name="adam", lr=2e-4, beta1=0.5, eps=1e-7, keras=True),
    )


def resnet_cifar() -> gan.Recipe:
    """Residual GAN of CIFAR-10 (chapter 5's networks, 128 features) with the skip connections mended.

    The book's code chains its skips from the stem (``--discriminator.printed-skip``). It trains these networks with
    losses of its own; here it is the non-saturating loss with the settings of its relativistic GAN.
    """
    return gan.Recipe(
        data="cifar10",
        generator=Part(name="resnet-cifar"),
        discriminator=Part(name="resnet-cifar"),
        latent=128,
        batch=128,
        samples=5_000_000,
        generator_optimizer=Part(name="adam", lr=1e-4, beta1=0.5, beta2=0.9),
        discriminator_optimizer=Part(name="adam", lr=1e-4, beta1=0.5, beta2=0.9),
    )
