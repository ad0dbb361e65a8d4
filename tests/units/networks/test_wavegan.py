"""WaveGAN: counts of the paper, TensorFlow's padding, phase shuffle."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from belamy.errors import UsageError
from belamy.networks.summary import count
from belamy.networks.wavegan import Discriminator, Generator, PhaseShuffle, StridedConv1d, UpsamplingConv1d


def test_parameters_of_the_paper() -> None:
    # dense 100 -> 16,384, then 25 taps from 1,024 features down to one; mirrored, with a last layer of 16 x 1,024
    widths = [1024, 512, 256, 128, 64, 1]
    makes = 101 * 16384 + sum(25 * a * b + b for a, b in pairwise(widths))
    judges = sum(25 * a * b + a for a, b in pairwise(widths)) + 16 * 1024 + 1
    assert count(Generator(100, (1, 16384))).trainable == makes == 19_065_345
    assert count(Discriminator((1, 16384))).trainable == judges == 17_427_969


@pytest.mark.parametrize("samples", [1024, 8192, 16384])
def test_lengths(samples: int) -> None:
    made = Generator(8, (2, samples), width=2)(torch.randn(3, 8))
    assert made.shape == (3, 2, samples) and made.abs().max() <= 1
    assert Discriminator((2, samples), width=2)(made).shape == (3,)


def test_padding_is_that_of_tensorflow() -> None:
    """ "Same" at stride 4 with 25 taps pads 10 before and 11 after; the transposed one is its adjoint."""
    torch.manual_seed(0)
    shrink, enlarge = StridedConv1d(1, 1).double(), UpsamplingConv1d(1, 1).double()
    with torch.no_grad():
        enlarge.weight.copy_(shrink.weight)
    taps = shrink.weight.detach().numpy().ravel()
    x = np.random.default_rng(0).standard_normal(64)
    padded = np.pad(x, (10, 11))
    expected = np.array([padded[4 * place : 4 * place + 25] @ taps for place in range(16)])
    found = shrink(torch.from_numpy(x)[None, None]).detach().numpy().ravel()
    np.testing.assert_allclose(found, expected, atol=1e-12)
    y = np.random.default_rng(1).standard_normal(16)
    back = enlarge(torch.from_numpy(y)[None, None]).detach().numpy().ravel()
    assert back.shape == (64,)
    np.testing.assert_allclose(back @ x, y @ found, atol=1e-10)


def test_phase_shuffle_moves_and_reflects() -> None:
    shuffle, x = PhaseShuffle(2), torch.arange(10.0).expand(4, 3, 10)
    plain = np.arange(10)
    expected = {tuple(np.pad(plain, 2, mode="reflect")[2 - shift : 12 - shift].tolist()) for shift in range(-2, 3)}
    torch.manual_seed(0)
    moved = [shuffle(x) for _ in range(60)]
    assert {tuple(map(int, each[0, 0].tolist())) for each in moved} == expected
    assert all(torch.equal(each[0, 0], each[3, 2]) for each in moved)
    torch.manual_seed(0)
    assert all(torch.equal(shuffle(x), each) for each in moved)
    assert torch.equal(shuffle.eval()(x), x)


def test_nearest_upsampling_keeps_a_constant() -> None:
    """Away from the edges each of four steps is treated alike, so a constant stays one: no comb."""
    torch.manual_seed(0)
    made = UpsamplingConv1d(1, 1, "nearest")(torch.ones(1, 1, 32))[0, 0, 16:-16]
    torch.testing.assert_close(made, made[:1].expand_as(made))
    comb = UpsamplingConv1d(1, 1, "transposed")(torch.ones(1, 1, 32))[0, 0, 16:-16]
    assert comb.std() > 0.01 and torch.allclose(comb[:-4], comb[4:])


def test_wrong_lengths_say_what_to_type() -> None:
    with pytest.raises(UsageError, match="--length 7936 or --length 8192"):
        Generator(100, (1, 8000))
    with pytest.raises(UsageError, match="--length"):
        Discriminator((1, 8000))
