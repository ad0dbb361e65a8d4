"""One step of WaveGAN against its paper: strided taps, shuffled phases, a critic with a gradient penalty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.dataset import Dataset, Memory
from belamy.modalities.fields import Field
from belamy.recipes.sound import wavegan
from belamy.registry import Part

SAMPLES, LATENT, WIDTH, BATCH = 512, 5, 2, 4
PENALTY, SLOPE = 10.0, 0.2


@pytest.fixture
def sounds() -> Dataset:
    """Twelve sounds of noise."""
    raw = torch.randint(-20000, 20000, (12, 1, SAMPLES), generator=torch.Generator().manual_seed(2)).to(torch.int16)
    return Dataset("sounds", Memory(raw), field=Field("audio", (1, SAMPLES), rate=16000.0))


def small(shuffle: int, critic_steps: int = 2) -> Any:
    """The paper's recipe with few features."""
    return wavegan().changed(
        length=SAMPLES, latent=LATENT, batch=BATCH, critic_steps=critic_steps, train_samples=400,
        generator=Part(name="wavegan", width=WIDTH), discriminator=Part(name="wavegan", width=WIDTH, shuffle=shuffle),
    )  # fmt: skip


def weights(module: Any) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each layer, in order."""
    parameters = list(module.parameters())
    return list(zip(parameters[::2], parameters[1::2], strict=True))


def shifted(maps: Tensor, shift: int) -> Tensor:
    """Step t is what was step t - shift; beyond the ends it is reflected.  # [n, C, T]"""
    last = maps.shape[2] - 1
    places = [abs(place - shift) for place in range(last + 1)]
    return maps[:, :, [last - abs(last - place) for place in places]]


def judged(module: Any, waves: Tensor, shifts: Iterator[int]) -> Tensor:
    """Table 4 of the paper, tap by tap; between layers the phase is shuffled.  # [n, 1, samples] to [n]"""
    *layers, (head, offset) = weights(module)
    for number, (taps, bias) in enumerate(layers):
        pieces = torch.nn.functional.pad(waves, (10, 11)).unfold(2, 25, 4)  # [n, in, T / 4, 25]
        waves = torch.einsum("nitk,oik->not", pieces, taps) + bias[:, None]
        waves = torch.where(waves > 0, waves, SLOPE * waves)
        if number < len(layers) - 1:
            waves = shifted(waves, next(shifts))
    return waves.flatten(1) @ head[0] + offset


def generated(module: Any, latents: Tensor) -> Tensor:
    """Table 3 of the paper, tap by tap: each step is laid out four steps apart.  # [n, latent] to [n, 1, samples]"""
    (first, offset), *layers = weights(module)
    maps = (latents @ first.T + offset).view(len(latents), len(layers[0][0]), -1).clamp_min(0)
    for number, (taps, bias) in enumerate(layers):
        steps = maps.shape[2]
        laid = torch.zeros(len(maps), taps.shape[1], 4 * steps + 25, dtype=maps.dtype)
        for tap in range(25):
            there = torch.zeros_like(laid)
            there[:, :, tap : tap + 4 * steps : 4] = torch.einsum("nit,io->not", maps, taps[:, :, tap])
            laid = laid + there
        maps = laid[:, :, 10 : 10 + 4 * steps] + bias[:, None]
        maps = maps.tanh() if number == len(layers) - 1 else maps.clamp_min(0)
    return maps


class Shifts:
    """The shifts that the phase shuffle draws, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.drawn: list[int] = []
        self.draw = torch.randint
        monkeypatch.setattr(torch, "randint", self)

    def __call__(self, *given: Any, **named: Any) -> Tensor:
        found = self.draw(*given, **named)
        if found.dim() == 0:
            self.drawn.append(int(found))
        return found

    def replayed(self) -> Iterator[int]:
        """Those of the last turn; they are forgotten."""
        told, self.drawn = iter(self.drawn), []
        return told


@pytest.mark.parametrize("shuffle", [0, 2])
def test_a_step_is_the_papers(
    stage: Any, check: Any, sounds: Dataset, monkeypatch: pytest.MonkeyPatch, shuffle: int
) -> None:
    """Donahue et al. 2019, arXiv 1802.04208, tables 3 to 5 and section 3.3; Gulrajani et al. 2017, algorithm 1."""
    made = stage(small(shuffle), sounds)
    shifts, numbers = Shifts(monkeypatch), made.numbers()
    critic, generator = made.method.discriminator, made.method.generator
    turns, seen = made.turns(), []
    for _ in range(2):
        batch = next(made.batches)
        real = sounds.store.read(batch.indices).double() / 32768
        torch.testing.assert_close(batch.main.double(), real, rtol=0, atol=0)
        z = numbers.uniform("latents", BATCH, LATENT) * 2 - 1
        played = next(turns)
        seen += shifts.drawn
        told = shifts.replayed() if shuffle else iter([0] * 99)
        fake = generated(generator, z).detach()
        share = numbers.uniform("gradient-penalty", BATCH, 1, 1)
        between = ((1 - share) * real + share * fake).requires_grad_()
        scores = judged(critic, real, told), judged(critic, fake, told)
        (slope,) = torch.autograd.grad(judged(critic, between, told).sum(), between, create_graph=True)
        terms = {
            "adversarial": scores[1] - scores[0],
            "gradient-penalty": ((slope.square().flatten(1).sum(1) + 1e-12).sqrt() - 1) ** 2,
        }
        check(played, "discriminator", critic, terms, {"gradient-penalty": PENALTY})
        assert next(told, None) is None or not shuffle
    z = numbers.uniform("latents", BATCH, LATENT) * 2 - 1
    played = next(turns)
    seen += shifts.drawn
    told = shifts.replayed() if shuffle else iter([0] * 99)
    check(played, "generator", generator, {"adversarial": -judged(critic, generated(generator, z), told)})
    assert next(turns, None) is None
    assert set(seen) <= {-2, -1, 0, 1, 2} and (len(set(seen)) > 1) == bool(shuffle)
    assert all(abs(shift) <= shuffle for shift in seen)


def test_optimisers_are_those_of_table_5() -> None:
    made = wavegan()
    for part in (made.generator_optimizer, made.discriminator_optimizer):
        assert (part.name, part.options) == ("adam", {"lr": 1e-4, "beta1": 0.5, "beta2": 0.9})
    assert (made.batch, made.critic_steps, made.latent) == (64, 5, 100)


def test_samples_do_not_shuffle(stage: Any, sounds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    made = stage(small(2), sounds)
    shifts = Shifts(monkeypatch)
    critic = made.method.discriminator.eval()
    real = sounds.store.read(torch.arange(4)).double() / 32768
    torch.testing.assert_close(critic(real), judged(critic, real, iter([0] * 9)), rtol=1e-9, atol=1e-12)
    assert not shifts.drawn
