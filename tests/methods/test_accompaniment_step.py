"""A given voice stays as it is, the others are played to it, and both players learn from pieces with the same tune."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import open_data
from belamy.errors import UsageError
from belamy.methods.accompaniment import TUNES_KEPT, Method, Recipe
from belamy.methods.base import Turn
from belamy.networks.musegan import Accompanist, BarEncoder
from belamy.seeds import Draws, SampleDraws

DATA = open_data("progressions:count=24", modality="music:key=common", length=32)
BAR = 16


def band(**changes: Any) -> Method:
    torch.manual_seed(0)
    made = Method(Recipe.tiny().changed(**changes), DATA.spec)
    made.measure_data(DATA)
    return made.double()


def pieces(count: int) -> Tensor:
    return DATA.batch(torch.arange(count), dtype=torch.float64).main


@pytest.mark.parametrize("given", ["soprano", "tenor", "bass"])
def test_the_given_voice_stays(given: str) -> None:
    made = band(given=given).eval()
    place = ("soprano", "alto", "tenor", "bass").index(given)
    whole = pieces(3)
    source = made.degrade(whole, SampleDraws(0, range(3)))
    assert torch.equal(source, whole[:, place : place + 1])
    played = made.translate(source, SampleDraws(0, range(3)))
    assert played.shape == whole.shape and torch.equal(played[:, place], whole[:, place])
    others = [voice for voice in range(4) if voice != place]
    again = made.translate(source, SampleDraws(1, range(3)))
    assert (played - again)[:, others].abs().amax((1, 2, 3)).min() > 1e-6  # each piece: other latents
    untouched = made.rivals(source)["untouched"]
    assert torch.equal(untouched[:, place], whole[:, place])
    assert (untouched[:, others, :, 0] == 1).all() and (untouched[:, others, :, 1:] == -1).all()


def test_a_bar_is_played_to_what_the_given_voice_does_in_it() -> None:
    network = Accompanist(16, (4, 32, 48), width=2).double().eval()
    latents = torch.randn(3, 16, dtype=torch.float64)
    given = pieces(3)[:, :1]
    other = given.clone()
    other[:, :, BAR:] = pieces(6)[3:, :1, BAR:]
    one, two = network(latents, given), network(latents, other)
    assert torch.equal(one[:, :, :BAR], two[:, :, :BAR])
    assert (one - two)[:, :, BAR:].abs().amax((2, 3)).min() > 1e-9  # every other voice of every piece


def test_the_encoder_by_hand() -> None:
    """Pitches by octaves, the last filled up as empty, then time by 3 and by 2, a factor at a time."""
    encoder = BarEncoder(3, 6, 14, 2).double()
    bars = torch.randn(5, 1, 6, 14, dtype=torch.float64)
    high, octaves, by_three, by_two, last = (layer for layer in encoder.layers if hasattr(layer, "weight"))

    def leaky(values: Tensor) -> Tensor:
        return torch.where(values > 0, values, 0.2 * values)

    padded = torch.cat([bars[:, 0], torch.full((5, 6, 10), -1.0, dtype=torch.float64)], 2)
    maps = leaky(
        torch.einsum("ntop,fp->nfto", padded.unflatten(2, (2, 12)), high.weight[:, 0, 0]) + high.bias[:, None, None]
    )
    maps = leaky(torch.einsum("nfto,gfo->ngt", maps, octaves.weight[:, :, 0]) + octaves.bias[:, None])
    maps = leaky(
        torch.einsum("nftk,gfk->ngt", maps.unflatten(2, (2, 3)), by_three.weight[..., 0]) + by_three.bias[:, None]
    )
    maps = leaky(torch.einsum("nft,gft->ng", maps, by_two.weight[..., 0]) + by_two.bias)
    torch.testing.assert_close(encoder(bars), maps @ last.weight.T + last.bias)
    assert by_three.out_channels == 16 and by_two.out_channels == 32


def test_who_learns_from_what() -> None:
    """Both players see the given voices of the batch; the critic's loss is Wasserstein's, of whole pieces."""
    made = band(critic_steps=2, penalties=())
    batches = [DATA.batch(torch.arange(4 * k, 4 * k + 4), dtype=torch.float64) for k in range(2)]
    seen: list[Tensor] = []
    judge = made.judge

    def listening(images: Tensor, labels: Tensor | None) -> Any:
        seen.append(images.detach())
        return judge(images, labels)

    made.judge = listening  # type: ignore[method-assign]
    turns = [turn for turn in made.play(iter(batches), Draws(0, 0, dtype=torch.float64)) if isinstance(turn, Turn)]
    assert [turn.player for turn in turns] == ["discriminator", "discriminator", "generator"]
    for number, batch in enumerate(batches):
        real, fake = seen[2 * number : 2 * number + 2]
        assert torch.equal(real, batch.main) and torch.equal(fake[:, 0], batch.main[:, 0])
        assert not torch.allclose(fake[:, 1:], batch.main[:, 1:])
    assert torch.equal(seen[-1][:, 0], batches[-1].main[:, 0])
    with torch.no_grad():
        real, fake = (judge(images, None).scores for images in seen[2:4])
    assert turns[1].terms["adversarial"].sum().item() == pytest.approx((fake - real).sum().item(), abs=1e-9)


def test_samples_are_played_to_held_out_tunes() -> None:
    made = band().eval()
    tunes = {tuple(tune.flatten().tolist()) for tune in DATA.raw(DATA.held_out)["music"][:, :1]}
    assert made.bank.clips.shape == (TUNES_KEPT, 1, 32, 48)
    latents = made.latents(3, range(6)).double()
    assert torch.equal(latents[4:], made.latents(3, (4, 5)).double())
    played = made.generate(latents)
    assert all(tuple((tune > 0).flatten().tolist()) in tunes for tune in played[:, 0])
    assert len({tuple(tune.flatten().tolist()) for tune in played[:, 0]}) > 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"given": "sopran"}, "Did you mean 'soprano'"),
        ({"generators": 2}, "Leave --generators out"),
        ({"generator_condition": "embedding"}, "Leave --generator-condition out"),
        ({"latent": 15}, "Type --latent 16"),
    ],
)
def test_what_does_not_fit(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        band(**Recipe.parse({**Recipe.tiny().model_dump(), **changes}).model_dump())
    assert said in str(error.value)


def test_one_voice_has_nobody_to_play_to_it() -> None:
    with pytest.raises(UsageError, match="only one voice"):
        Accompanist(4, (1, 32, 48), width=1)
