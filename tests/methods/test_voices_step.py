"""WaveNet told a voice: a step in float64, one recording for learning and the mean for measuring, and what is drawn."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import Batch, open_data
from belamy.errors import UsageError
from belamy.methods.autoregressive import RECORDINGS, Method, Recipe
from belamy.methods.base import Samples, TakesVoice
from belamy.modalities.fields import DataSpec, Field
from belamy.modalities.mu_law import sounds_of
from belamy.networks.voices import Listener
from belamy.networks.wavenet import PixelModel
from belamy.registry import Part
from belamy.sampling.draw import draw
from belamy.seeds import Draws

NETWORK = Part(name="wavenet", width=4, skip=5, layers=2, cycles=1)
SPEC = DataSpec({
    "audio": Field("audio", (1, 16), rate=16000.0, bits=16), "label": Field("category", (), ("a", "b"))
})  # fmt: skip


def speaker(**options: Any) -> Method:
    torch.manual_seed(2)
    recipe = Recipe(**{"network": NETWORK, "likelihood": Part(name="categorical"), "voice": True} | options)
    made = Method(recipe, SPEC).double().eval()
    for parameter in made.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    if made.speakers is not None:
        made.speakers.voices.copy_(torch.nn.functional.normalize(torch.rand(2, RECORDINGS, 256), dim=2))
    return made


def levels(count: int = 3) -> Tensor:
    return torch.randint(0, 256, (count, 1, 16), generator=torch.Generator().manual_seed(0))


def test_a_vector_is_told_as_a_class_is() -> None:
    """A network told vectors is one told classes whose table holds what the vectors become."""
    torch.manual_seed(0)
    by_vector = PixelModel((1, 9), vector=6, **NETWORK.options).double()
    by_class = PixelModel((1, 9), classes=3, **NETWORK.options).double()
    vectors = torch.randn(3, 6, dtype=torch.float64)
    state = by_vector.state_dict()
    for name in [name for name in state if name.endswith("classes.weight")]:
        state[name] = vectors @ state[name].T
    by_class.load_state_dict(state)
    sounds, numbers = torch.rand(4, 1, 9, dtype=torch.float64), torch.tensor([2, 0, 1, 2])
    torch.testing.assert_close(by_vector(sounds, vectors[numbers]), by_class(sounds, numbers), rtol=0, atol=1e-12)


def test_a_step_hears_one_recording_and_a_measure_the_mean() -> None:
    made, batch = speaker(), Batch({"audio": sounds_of(levels(), 256, torch.float64), "label": torch.tensor([0, 1, 1])},
                                   torch.arange(3))  # fmt: skip
    (turn,) = made.play(iter([batch]), Draws(0, 5, dtype=torch.float64))
    chance = Draws(0, 5, dtype=torch.float64).uniform("recording", 3)
    assert made.speakers is not None
    table = made.speakers.voices
    one = torch.stack([table[who, int(u * RECORDINGS)] for who, u in zip((0, 1, 1), chance.tolist(), strict=True)])
    torch.testing.assert_close(turn.terms["nats"], made.nats(levels(), one))
    mean = torch.stack([table[who].mean(0) / table[who].mean(0).norm() for who in (0, 1, 1)])
    found = made.evaluate(batch, Draws(0, 0, dtype=torch.float64))["loss"]
    torch.testing.assert_close(found, made.nats(levels(), mean))
    assert not torch.allclose(found, turn.terms["nats"])
    turn.total().backward()
    layer: Any = made.network.layers[0].classes
    assert bool(layer.weight.grad.any()) and not any("speakers" in name for name, _ in made.named_parameters())


@torch.no_grad()
def test_samples_speak_in_the_voice_that_is_given() -> None:
    made = speaker().float()
    assert isinstance(made, Samples) and isinstance(made, TakesVoice) and made.speakers is not None
    mean = made.speakers(torch.tensor([1]))[0]
    assert torch.equal(draw(made, 3, voice=mean), draw(made, 3, labels=1))  # a speaker is their voice
    other = draw(made, 3, voice=-mean)
    assert not torch.equal(other, draw(made, 3, labels=1))
    assert torch.equal(draw(made, 3, voice=-mean, batch=2), other)
    with pytest.raises(UsageError, match="A voice tells who speaks"):
        draw(made, 3, voice=mean, labels=0)
    with pytest.raises(UsageError, match=r"learned without voices.*--no-conditional --voice"):
        draw(speaker(voice=False), 3, voice=mean)


def test_speakers_are_remembered_by_training_recordings() -> None:
    data = open_data("drums:count=30", length=256)
    recipe = Recipe(network=NETWORK, likelihood=Part(name="categorical"), voice=True)
    made = Method(recipe, data.spec)
    made.measure_data(data)
    assert made.speakers is not None
    train = data.indices("train")
    own = train[data.batch(train)["label"] == 3]
    heard = Listener(16000.0)(data.batch(own).main)
    kept = made.speakers.voices[3]
    torch.testing.assert_close(kept[: len(own)], heard)
    torch.testing.assert_close(kept[len(own)], heard[0])  # too few: again from the first


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"conditional": True}, "Type --no-conditional"),
        ({"network": Part(name="gated-pixel-cnn")}, "Type --network wavenet"),
    ],
)
def test_refusals(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        speaker(**options)


def test_nobody_is_named() -> None:
    recipe = Recipe(network=NETWORK, likelihood=Part(name="categorical"), voice=True)
    with pytest.raises(UsageError, match="speech whose speakers are known"):
        Method(recipe, DataSpec({"audio": SPEC.fields["audio"]}))
