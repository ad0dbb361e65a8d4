"""Music as events, and language models of it: symbols by hand, back without loss, whatever is written is music."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import open_data
from belamy.methods import char_lm, n_grams
from belamy.methods.base import Sampling
from belamy.modalities.events import Events
from belamy.modalities.music import Modality, score_of
from belamy.modalities.text import END
from belamy.registry import Part
from belamy.seeds import SampleDraws, generator

EVENTS = Events(voices=2, steps=8, bar=4, lowest=60, highest=63)
"""Symbols 3 to 6 are places, 7 to 11 the first voice's rest and pitches, 12 to 16 the second's."""
TUNE = torch.tensor([[[188, 60, 188, 60, 0, 0, 191, 63], [189, 61, 61, 61, 61, 61, 61, 0]]], dtype=torch.uint8)
READ = [3, 8, 14, 5, 8, 3, 7, 5, 11, 6, 12, END]


def test_read_by_hand() -> None:
    """Places with what begins there; the second bar begins with a rest of the first voice."""
    assert EVENTS.size == 17 and EVENTS.length == 20
    assert EVENTS.read(TUNE)[0].tolist() == READ + [0] * 8
    held = torch.tensor([[[188] + [60] * 7, [0] * 8]], dtype=torch.uint8)
    assert EVENTS.read(held)[0, :5].tolist() == [3, 8, 3, END, 0]


def test_written_by_hand() -> None:
    rows = torch.tensor([
        READ + [0] * 8,
        [8, 4, 9, 10, 13, 4, 8, 3, 7, 3, 9, 9, END, 3, 9, 0, 0, 0, 0, 0],  # a note before any place, two at one step, …
    ])  # fmt: skip
    first, second = EVENTS.write(rows)
    assert torch.equal(first, TUNE[0])
    assert second.tolist() == [[0, 190, 62, 62, 62, 188, 60, 60], [0, 188, 60, 60, 60, 60, 60, 60]]


def test_back_without_loss_and_whatever_is_written_is_music() -> None:
    data = open_data("progressions:count=12", length=48)
    events = Events.of(data.field)
    codes = score_of(data.store.read(torch.arange(12)), data.field)
    symbols = events.read(codes)
    assert torch.equal(events.write(symbols), codes) and (symbols[:, -1] == 0).all()
    values = Modality().to_float(data.store.read(torch.arange(12)), data.field)
    assert torch.equal(events.values_of(events.symbols_of(values, data.field)), values)
    noise = torch.randint(0, events.size, (40, 90), generator=generator(0, "noise"))
    written = events.write(noise)
    assert written.shape == (40, 4, 48) and torch.equal(events.write(events.read(written)), written)


def test_what_is_too_long_is_cropped() -> None:
    busy = torch.tensor([[[188, 189] * 4, [190, 191] * 4]], dtype=torch.uint8)
    symbols = EVENTS.read(busy)
    assert symbols.shape == (1, 20) and symbols[0, -1] > END
    assert torch.equal(EVENTS.write(symbols)[..., :6], busy[..., :6])


SMALL = {"data": "progressions:count=24", "modality": "music:key=common", "length": 16, "batch": 4}


def models() -> list[tuple[Any, Any]]:
    transformer = Part(name="causal-transformer", width=8, depth=1, heads=1, dropout=0.0)
    return [
        (char_lm.Method, char_lm.Recipe.tiny().changed(**SMALL, network=transformer)),
        (n_grams.Method, n_grams.Recipe.tiny().changed(**SMALL)),
    ]


@pytest.mark.parametrize(("method", "recipe"), models())
def test_a_language_model_of_music(method: Any, recipe: Any) -> None:
    data = open_data(recipe.data, modality=recipe.modality, length=recipe.length)
    torch.manual_seed(0)
    made = method(recipe, data.spec).eval()
    if hasattr(made, "measure_data"):
        made.measure_data(data)
    batch = data.batch(torch.arange(6))
    symbols = made.events.symbols_of(batch.main, data.field)
    nats = made.nats(symbols)
    torch.testing.assert_close(made.log_prob(batch), -nats)
    told = made.evaluate(batch, None)
    assert made.measure == "bits-per-event" and made.likelihood == "bound"
    bits, counted = told["bits-per-event"]
    torch.testing.assert_close(bits, nats / math.log(2))
    assert counted.tolist() == (symbols != 0).sum(1).tolist()
    latents = made.latents(3, range(4))
    drawn = made.generate(latents, sampling=Sampling(SampleDraws(3, range(4)), options={"temperature": 0.0}))
    assert drawn.shape == (4, *data.shape) and (drawn[0] == drawn[1]).all()
    music = made.generate(latents)
    raw = Modality().to_raw(music, data.field)
    assert torch.equal(Modality().to_float(raw, data.field), music) and not (music[0] == music[1]).all()


def test_counts_are_of_the_training_pieces() -> None:
    """After the beginning of a piece stands the first place of a bar, always."""
    method, recipe = models()[1]
    data = open_data(recipe.data, modality=recipe.modality, length=recipe.length)
    made = method(recipe, data.spec)
    made.measure_data(data)
    chances: Tensor = made.network.step(torch.tensor([[END]]))[0].detach().exp()[0, 0]
    assert chances.argmax() == 3 and chances[3] > 0.9
    assert float(chances.sum()) == pytest.approx(1, abs=1e-5)
