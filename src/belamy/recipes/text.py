"""Language models of short phrases, pictures of what captions say, and captions of pictures."""

from belamy.methods import captioner, char_lm, stackgan, text_to_image
from belamy.registry import Part


def char_lm_transformer() -> char_lm.Recipe:
    """Language model of English phrases by characters: a small causal transformer."""
    return char_lm.Recipe(
        data="wordnet-phrases",
        network=Part(name="causal-transformer", width=128, depth=3, heads=4, dropout=0.0),
        optimizer=Part(name="adam", lr=3e-3, beta1=0.9, beta2=0.98),
        schedule=Part(name="cosine", warmup=0.02),
        batch=32,
        train_samples=270_000,
    )


def gan_cls_avatars() -> text_to_image.Recipe:
    """Drawn faces of 16 pixels of what a caption says, on a CPU: GAN-CLS-INT with narrow networks.

    *Departs from the paper*: R3GAN's loss and penalties (Huang et al. 2024) in place of batch normalisation in the
    discriminator, which compares pictures and texts by an inner product too, and rates that fall.
    """
    adam = Part(name="adam", lr=1e-3, beta1=0.0, beta2=0.99)
    return text_to_image.Recipe(
        data="avatars-16:captions=true",
        generator=Part(name="gan-cls", width=32, told=64),
        discriminator=Part(name="gan-cls", width=32, told=64, init="lecun", projection=128),
        discriminator_norm=Part(name="none"),
        latent=32,
        adversarial=Part(name="relativistic-pairing"),
        penalties=(Part(name="r1", weight=0.02, every=8), Part(name="r2", weight=0.02, every=8)),
        interpolation=1.0,
        schedule=Part(name="cosine"),
        batch=16,
        train_samples=200_000,
        ema_half_life=2_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def gan_cls_avatars_32() -> text_to_image.Recipe:
    """The same of faces of 32 pixels."""
    return gan_cls_avatars().changed(data="avatars-32:captions=true", train_samples=400_000)


def df_gan_avatars() -> text_to_image.Recipe:
    """Drawn faces of 16 pixels of what a caption says, by DF-GAN's networks, narrow.

    *Departs from the paper*, whose hinge, matching-aware penalty, rates and tangent often leave such pictures white: a
    generator without normalisation saturates. The loss and penalties are R3GAN's (Huang et al. 2024).
    """
    return gan_cls_avatars().changed(
        generator=Part(name="df-gan", width=16, bounded=False),
        discriminator=Part(name="df-gan", width=16),
        discriminator_norm=Part(name="native"),
        text_encoder=Part(name="bag-of-words", width=128),
        latent=100,
        interpolation=0.0,
    )


def stackgan_avatars() -> stackgan.Recipe:
    """Drawn faces of 32 pixels of what a caption says, on a CPU: StackGAN, whose first stage makes 16 pixels."""
    adam = Part(name="adam", lr=5e-4, beta1=0.5)
    return stackgan.Recipe(
        data="avatars-32:captions=true",
        latent=32,
        batch=32,
        train_samples=200_000,
        ema_half_life=2_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def stackgan_256() -> stackgan.Recipe:
    """StackGAN (Zhang et al. 2017): 64 pixels, then 256; 600 epochs of 8,855 pictures for each stage, batches of 64.

    The paper has birds, with vectors of captions by a network of Reed et al. 2016, and halves the rate every 100
    epochs; here words are counted, of drawn faces that are enlarged, and the rate stays: name your own data.
    """
    adam = Part(name="adam", lr=2e-4, beta1=0.5)
    return stackgan.Recipe(
        data="avatars-64:captions=true",
        size=256,
        generator=Part(name="stackgan"),
        upscaler=Part(name="stackgan"),
        discriminator=Part(name="gan-cls"),
        latent=100,
        augmentation=128,
        kl_weight=1.0,
        scale=4,
        batch=64,
        train_samples=10_626_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def captioner_avatars() -> captioner.Recipe:
    """Captions of drawn faces of 32 pixels, on a CPU: a small network that looks, a recurrent one that writes."""
    adam = Part(name="adam", lr=3e-3, beta1=0.9)
    return captioner.Recipe(
        data="avatars-32:captions=true", batch=32, train_samples=80_000, ema_half_life=2_000, optimizer=adam
    )


def captioner_films() -> captioner.Recipe:
    """The same of short films of 16 pixels: which figures move, and where to."""
    return captioner_avatars().changed(data="captioned-films", train_samples=30_000)
