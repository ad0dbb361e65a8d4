"""Networks for images whose parts always lie in the same places."""

from typing import Any

import pytest
import torch

from belamy.data import open_data
from belamy.errors import UsageError
from belamy.networks import dense_avatars, vae_digits

SHAPE = (3, 16, 16)


def test_the_direct_path_of_the_encoder_is_linear() -> None:
    encoder = vae_digits.Encoder(SHAPE, 5, width=2, hidden=8, direct=True)
    plain = vae_digits.Encoder(SHAPE, 5, width=2, hidden=8)
    missing = plain.load_state_dict(encoder.state_dict(), strict=False)
    assert missing.unexpected_keys == ["direct.weight", "direct.bias"] and not missing.missing_keys
    images = torch.rand(4, *SHAPE)
    assert encoder.direct is not None
    expected = (images.double() - 0.5).flatten(1) @ encoder.direct.weight.double().T
    torch.testing.assert_close((encoder(images)[0] - plain(images)[0]).double(), expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(encoder(images)[1], plain(images)[1])


def test_the_direct_path_of_the_decoder_adds_to_the_logits() -> None:
    decoder = vae_digits.Decoder(5, SHAPE, width=2, hidden=8, direct=True)
    plain = vae_digits.Decoder(5, SHAPE, width=2, hidden=8)
    plain.load_state_dict(decoder.state_dict(), strict=False)
    codes = torch.randn(4, 5)
    apart = decoder(codes).logit() - plain(codes).logit()
    torch.testing.assert_close(
        apart, (codes @ decoder.state_dict()["direct.0.weight"].T).view(-1, *SHAPE), atol=1e-3, rtol=1e-3
    )


def test_with_a_direct_path_faces_are_learned_sooner() -> None:
    faces = open_data("portraits:count=256").images(torch.arange(256)).float() / 255

    def error(direct: bool) -> float:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            options: dict[str, Any] = {"width": 8, "hidden": 64, "direct": direct}
            encoder, decoder = vae_digits.Encoder(SHAPE, 64, **options), vae_digits.Decoder(64, SHAPE, **options)
            optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
            for _ in range(60):
                loss = (decoder(encoder(faces)[0]) - faces).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return float(loss.detach())

    assert error(direct=True) < 0.6 * error(direct=False)


def test_every_pixel_of_the_dense_generator_has_weights_of_its_own() -> None:
    generator = dense_avatars.Generator(7, (3, 6, 5), hidden=9)
    images = generator(torch.randn(4, 7))
    assert images.shape == (4, 3, 6, 5) and bool((images.abs() <= 1).all())
    count = sum(each.numel() for each in generator.parameters())
    assert count == (7 + 1) * 9 + 2 * 9 + (9 + 1) * 9 + 2 * 9 + (9 + 1) * 90


@pytest.mark.parametrize("sizes", [{"latent": 0}, {"latent": 3, "hidden": 0}])
def test_dense_generators_need_positive_sizes(sizes: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="must be"):
        dense_avatars.Generator(shape=(3, 4, 4), **sizes)
