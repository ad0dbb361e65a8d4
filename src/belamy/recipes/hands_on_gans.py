"""The systems of the book "Hands-On Generative Adversarial Networks with Keras" (R. Valle, 2019)."""

from belamy.methods import classifier, gan, pix2pix, text_gan, text_to_image
from belamy.registry import Part


def classifier_mnist() -> classifier.Recipe:
    """Dense classifier of digits, 101,770 parameters (chapter 1); ``--printed-test`` repeats the book's defect."""
    return classifier.Recipe(
        classifier=Part(name="classifier-mnist"),
        batch=128,
        train_samples=600_000,
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
        prior=Part(name="uniform"),
        batch=128,
        train_samples=4_992_000,
        turns="separate",
        generator_optimizer=Part(name="adam", lr=2e-4, beta1=0.5, eps=1e-7, keras=True),
        discriminator_optimizer=Part(name="adam", lr=2e-4, beta1=0.5, eps=1e-7, keras=True),
    )


def resnet_cifar() -> gan.Recipe:
    """Residual GAN of CIFAR-10 (chapter 5's networks, 128 features) with the skip connections mended.

    The book's code chains its skips from the stem (``--discriminator.printed-skip``). It trains these networks with
    losses of its own; here it is the non-saturating loss with the settings of its relativistic GAN. As in all of the
    chapter, the optimisers have Keras' ε of 1e-7 at Keras' place.
    """
    adam = Part(name="adam", lr=1e-4, beta1=0.5, beta2=0.9, eps=1e-7, keras=True)
    return gan.Recipe(
        data="cifar10",
        generator=Part(name="resnet-cifar"),
        discriminator=Part(name="resnet-cifar"),
        latent=128,
        batch=128,
        train_samples=5_000_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def lsgan_cifar() -> gan.Recipe:
    """Least-squares GAN of CIFAR-10 (chapter 5), 0-1 coding with the factors ½, on the chapter's residual networks."""
    return resnet_cifar().changed(adversarial=Part(name="least-squares"))


def wgan_cifar() -> gan.Recipe:
    """Wasserstein GAN of CIFAR-10 (chapter 5): clipped weights, 100 critic steps in the first 25 steps and every 500th.

    A million generator steps, as the book has it; ``--samples`` shortens them. The book clips before each update,
    running statistics included, and lets the critic learn from real and generated images apart (``--turns separate``).
    RMSprop has ε outside the root, as in the Keras of the book's year.
    """
    return resnet_cifar().changed(
        generator=Part(name="resnet-cifar", features=64),
        discriminator=Part(name="resnet-cifar", features=64, normalisation=False),
        latent=100,
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="weight-clipping"),),
        critic_steps=5,
        warmup_critic_steps=100,
        fresh_latents=True,
        train_samples=640_000_000,
        generator_optimizer=Part(name="rmsprop", lr=1e-5),
        discriminator_optimizer=Part(name="rmsprop", lr=1e-5),
    )


def wgan_gp_cifar() -> gan.Recipe:
    """Wasserstein GAN of CIFAR-10 with a gradient penalty (chapter 5), five critic steps to one.

    A million generator steps, as the book has it; ``--samples`` shortens them. The book's critic has batch
    normalisation, which the penalty forbids; here it has none.
    """
    adam = Part(name="adam", lr=2e-4, beta1=0.5, beta2=0.9, eps=1e-7, keras=True)
    return resnet_cifar().changed(
        discriminator=Part(name="resnet-cifar", normalisation=False),
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty"),),
        critic_steps=5,
        fresh_latents=True,
        train_samples=640_000_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def ragan_cifar() -> gan.Recipe:
    """Relativistic average GAN of CIFAR-10 (chapter 5): three generator steps on the same real images.

    The book gives no length; here it is 100 passes. Its pointer to the data runs on during the generator's steps, so
    that three of four batches are skipped; here none is.
    """
    return resnet_cifar().changed(
        latent=100, adversarial=Part(name="relativistic-average"), generator_steps=3, fresh_latents=True
    )


def pix2pix_edges() -> pix2pix.Recipe:
    """Edges to pictures (chapter 6): the book's U-Net and its judge of 94-pixel patches, each turn on its own batch.

    41,834,499 and 2,769,601 parameters at 256×256; its pairs lie side by side: ``--data edges2shoes --modality
    image:pairs=beside``. A million iterations of 64, as the book has it; ``--samples`` shortens them. The book draws
    with replacement and switches dropout off when it samples; here neither is so.
    """
    native = Part(name="native")
    return pix2pix.Recipe(
        data="outlines",
        generator=Part(name="u-net"),
        discriminator=Part(name="patch-gan"),
        generator_norm=native,
        discriminator_norm=native,
        fresh_batch=True,
        mirror=False,
        batch=64,
        train_samples=128_000_000,
        generator_optimizer=Part(name="adam", lr=2e-4, beta1=0.5, eps=1e-7, keras=True),
        discriminator_optimizer=Part(name="adam", lr=2e-4, beta1=0.5, beta2=0.9, eps=1e-7, keras=True),
    )


def text_gan_words() -> text_gan.Recipe:
    """Text GAN of words (chapter 8): 2,048 words, 32 places, a Wasserstein critic of 10 steps.

    11,033,600 and 8,934,913 parameters. The book learns from the One Billion Word corpus, which is not here: type
    ``--data FILE.txt``. Its repository takes 5 critic steps (``--critic-steps 5``), and fixes latents of another prior
    for its snapshots than it trains with. A million generator steps; ``--samples`` shortens them.
    """
    adam = Part(name="adam", lr=1e-4, beta1=0.5, beta2=0.9, eps=1e-7, keras=True)
    network = Part(name="text-resnet", features=512)
    return text_gan.Recipe(
        data="wordnet-phrases",
        generator=network,
        discriminator=network,
        modality="text:unit=words,vocabulary=2048,lowercase=true",
        length=32,
        views=(),
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty"),),
        critic_steps=10,
        batch=64,
        ema_half_life=0,
        train_samples=640_000_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def text_gan_characters() -> text_gan.Recipe:
    """Text GAN of characters (chapter 8): at most 96 of them, 32 places, a Wasserstein critic of 10 steps.

    10,032,224 and 7,935,489 parameters of 96 characters. For the rest see ``text-gan-words``.
    """
    return text_gan_words().changed(modality="text:vocabulary=96,lowercase=true")


def text_ragan_characters() -> text_gan.Recipe:
    """Relativistic average text GAN of characters (chapter 8): 128 features, one step of each on the same texts.

    1,033,568 and 509,313 parameters of 96 characters. The repository's file does not run; these are its settings. It
    gives no length; here it is 100,000 steps.
    """
    adam = Part(name="adam", lr=1e-5, beta1=0.5, beta2=0.999, eps=1e-7, keras=True)
    return text_gan_characters().changed(
        generator=Part(name="text-resnet", features=128),
        discriminator=Part(name="text-resnet", features=128),
        adversarial=Part(name="relativistic-average"),
        penalties=(),
        critic_steps=1,
        fresh_latents=False,
        train_samples=6_400_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def text_to_image_64() -> text_to_image.Recipe:
    """Pictures of 64 pixels of what a text says (chapter 9): GAN-CLS, wrong captions with a weight of a half.

    19,366,528 and 3,226,945 parameters for texts of 1,024 numbers. A million iterations of 64, each turn on its own
    batch; ``--samples`` shortens them. The book has flowers, with vectors that a network of Reed et al. made of five
    captions of each; these are not at hand, so here words are counted, of drawn faces: name your own data. In the book
    a wrong caption may be the right one, the generator lacks its last rectifier, and samples have uniform latents.
    """
    adam = Part(name="adam", lr=2e-4, beta1=0.5, beta2=0.9, eps=1e-7, keras=True)
    return text_to_image.Recipe(
        data="avatars-64:captions=true",
        generator=Part(name="gan-cls"),
        discriminator=Part(name="gan-cls"),
        fresh_batch=True,
        train_samples=128_000_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def text_to_image_64_ragan() -> text_to_image.Recipe:
    """The same by relativistic averages (chapter 9), without wrong captions, as the book has it."""
    adam = Part(name="adam", lr=1e-4, beta1=0.5, eps=1e-7, keras=True)
    return text_to_image_64().changed(
        adversarial=Part(name="relativistic-average"),
        mismatch=0.0,
        fresh_batch=False,
        train_samples=64_000_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def text_to_image_64_wgan_gp() -> text_to_image.Recipe:
    """The same as a Wasserstein GAN with a gradient penalty (chapter 9), five critic steps to one.

    The penalty is taken between pictures, of the same text. The book's critic has batch normalisation, which the
    penalty forbids; here it has none.
    """
    adam = Part(name="adam", lr=1e-4, beta1=0.5, beta2=0.9, eps=1e-7, keras=True)
    return text_to_image_64_ragan().changed(
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty"),),
        discriminator_norm=Part(name="none"),
        critic_steps=5,
        train_samples=320_000_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )
