"""Conditional and later GANs after their papers, in sizes that two CPU cores train."""

from belamy.methods import gan
from belamy.recipes.house import digits
from belamy.shelf import Part


def cgan_mnist() -> gan.Recipe:
    """Conditional GAN of digits: the label joins the latent and, as channels, the image (Mirza & Osindero 2014).

    *Departs from the paper*: the networks and optimisers are those of ``digits``.
    """
    one_hot = Part(name="one-hot")
    return digits().changed(generator_condition=one_hot, discriminator_condition=one_hot, auxiliary=0.0)


def acgan_mnist() -> gan.Recipe:
    """Auxiliary-classifier GAN of digits: the discriminator tells classes too (Odena et al. 2016).

    *Departs from the paper*: the discriminator learns classes from real images only; the networks and optimisers are
    those of ``digits``.
    """
    return digits().changed(discriminator_condition=Part(name="unconditional"), auxiliary=1.0)


def infogan_mnist() -> gan.Recipe:
    """Information-maximising GAN of digits: a code of ten categories and two numbers, no labels (Chen et al. 2016).

    74 latents as in the paper: 62 of noise, the categories one-hot, two continuous codes.

    *Departs from the paper*: the networks and optimisers are those of ``digits``.
    """
    unconditional = Part(name="unconditional")
    return digits().changed(
        latent=74,
        latent_law=Part(name="coded"),
        generator_condition=unconditional,
        discriminator_condition=unconditional,
        auxiliary=0.0,
        penalties=(Part(name="r1", weight=1.0, every=8), Part(name="mutual-information")),
    )
