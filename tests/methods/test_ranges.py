"""What methods draw, encode and give back lies in [-1, 1], whatever range their networks work in."""

from __future__ import annotations

from typing import Any

import torch

from belamy.methods import autoencoder, gan, vae
from belamy.registry import Part

DENSE = Part(name="dense-fashion")


def test_a_gan_whose_generator_makes_0_to_1(stage: Any) -> None:
    method = stage(gan.Recipe(generator=DENSE, discriminator=DENSE, latent=4, batch=6)).method.eval()
    z = torch.randn(3, 4, dtype=torch.float64)
    torch.testing.assert_close(method.generate(z), 2 * method.generator(z) - 1)


def test_autoencoders_see_and_make_0_to_1(stage: Any, pictures: Any) -> None:
    for recipe in (vae.Recipe(latent=3, batch=5), autoencoder.Recipe(latent=3, batch=5)):
        made = stage(recipe, pictures)
        method, images = made.method.eval(), made.batch()[0]
        code = method.encoder((images + 1) / 2)
        code = code[0] if isinstance(code, tuple) else code
        torch.testing.assert_close(method.encode(images), code)
        torch.testing.assert_close(method.reconstruct(images), 2 * method.decoder(code) - 1)


def test_a_variational_autoencoder_draws_from_the_prior(stage: Any, pictures: Any) -> None:
    method = stage(vae.Recipe(latent=3, batch=5), pictures).method.eval()
    z = method.latents(4, range(4000))
    assert z.mean(0).abs().max() < 4 * 4000**-0.5 and (z.std(0) - 1).abs().max() < 0.06
    z = z[:2].double()
    torch.testing.assert_close(method.generate(z), 2 * method.decoder(z) - 1)


def test_of_several_generators_each_draws_its_share(stage: Any) -> None:
    method = stage(gan.Recipe(generator=DENSE, discriminator=DENSE, latent=4, batch=6, generators=3)).method
    z = method.latents(1, range(900))
    assert z.shape == (900, 5)
    shares = torch.histc(z[:, 4], 3, 0, 1) / 900
    assert (shares - 1 / 3).abs().max() < 0.06
