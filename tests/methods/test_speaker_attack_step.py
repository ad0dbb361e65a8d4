"""An attack on speaker recognition: its triplet loss, what may be changed, and who learns, in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import Batch, open_data
from belamy.data.dataset import Dataset, DataSpec, Memory
from belamy.errors import DataError, UsageError
from belamy.losses.triplet import triplet
from belamy.methods.base import Ratio, Turn
from belamy.methods.speaker_attack import Method, Recipe
from belamy.modalities.fields import LABEL, Field
from belamy.networks.speaker_encoder import SpeakerEncoder
from belamy.networks.voices import EnrolledVoices, Listener
from belamy.seeds import Draws

SPEC = open_data("drums:count=20", length=512).spec
SPEAKERS = torch.tensor([0, 1, 4])


def sounds(count: int = 3, seed: int = 0) -> Tensor:
    return 0.2 * torch.randn(count, 1, 512, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def attack(**changes: Any) -> Method:
    torch.manual_seed(0)
    made = Method(Recipe.tiny().changed(**changes), SPEC).double()
    voices = torch.rand(5, 256, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    made.enrolled.voices.copy_(voices / voices.norm(dim=1, keepdim=True))
    return made


def batch(count: int = 3) -> Batch:
    return Batch({"audio": sounds(count), LABEL: SPEAKERS[:count]}, torch.arange(count))


def turn(made: Method) -> Turn:
    (found,) = made.play(iter([batch()]), Draws(0, 0, dtype=torch.float64))
    assert isinstance(found, Turn)
    return found


class TestTripletLoss:
    def test_closed_forms(self) -> None:
        east, north, west = (torch.tensor([each]).double() for each in ([1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]))
        assert triplet(east, east, west).tolist() == [0.0]  # 0 - 4 + 0.2 is below 0
        assert triplet(east, west, east).item() == pytest.approx(4.2)
        assert triplet(north, east, west).item() == pytest.approx(0.2)  # as far from both: the margin
        assert triplet(east, north, west, margin=3.0).item() == pytest.approx(2 - 4 + 3)

    def test_its_slope_leads_from_the_negative_to_the_positive(self) -> None:
        a, p, n = (torch.randn(4, 6, generator=torch.Generator().manual_seed(k)).double() for k in range(3))
        a.requires_grad_()
        triplet(a, p, n, margin=100.0).sum().backward()
        torch.testing.assert_close(a.grad, 2 * (n - p))


class TestStep:
    def test_an_untargeted_one_leads_to_the_likest_other(self) -> None:
        made = attack()
        found = turn(made)
        encoder = SpeakerEncoder.pretrained().double()
        voices = encoder.voices(made.changed(sounds(), Draws(0, 0, dtype=torch.float64)).mean(1)).detach()
        table = made.enrolled.voices
        for value, voice, own in zip(found.terms["triplet"], voices, SPEAKERS.tolist(), strict=True):
            far = (table - voice).square().sum(1)
            near = min(float(far[other]) for other in range(5) if other != own)
            assert float(value.detach()) == pytest.approx(max(0.0, near - float(far[own]) + 0.2), abs=1e-9)

    def test_a_targeted_one_leads_to_one(self) -> None:
        made = attack(speaker=SPEC.classes[4])
        found = turn(made)
        voices = made.listener(made.changed(sounds(), Draws(0, 0, dtype=torch.float64)))
        far = (voices[:, None] - made.enrolled.voices).square().sum(2)
        wanted = (far[:, 4] - far.gather(1, SPEAKERS[:, None])[:, 0] + 0.2).relu()
        torch.testing.assert_close(found.terms["triplet"], wanted)
        assert float(wanted[2].detach()) == pytest.approx(0.2)  # who is aimed at has nobody to become

    def test_the_generator_learns_and_who_is_deceived_does_not(self) -> None:
        made = attack()
        turn(made).total().backward()
        assert all(p.grad is not None and bool(p.grad.any()) for p in made.generator.parameters())
        encoder = made.listener._encoder
        assert encoder is not None and all(p.grad is None for p in encoder.parameters())
        assert not any(p.requires_grad for p in encoder.parameters())
        assert not any("lstm" in name for name in made.state_dict())


class TestChange:
    @pytest.mark.parametrize("ratio", [20.0, 45.0])
    def test_no_more_than_is_allowed(self, ratio: float) -> None:
        made = attack(snr=ratio)
        with torch.no_grad():
            for weight in made.generator.parameters():
                weight.mul_(3.0)  # so that the bound is reached
            found = made.changed(sounds(), Draws(0, 0, dtype=torch.float64)) - sounds()
        told = 10 * torch.log10(sounds().square().mean((1, 2)) / found.square().mean((1, 2)))
        torch.testing.assert_close(told, torch.full((3,), ratio, dtype=torch.float64))

    def test_less_is_left_as_it_is(self) -> None:
        made = attack(snr=-20.0)
        with torch.no_grad():
            found = made.changed(sounds(), Draws(0, 0, dtype=torch.float64))
            torch.testing.assert_close(found, made.generator(sounds(), None).clamp(-1, 1))

    def test_silence_stays_silent(self) -> None:
        made = attack()
        silent = torch.zeros(2, 1, 512, dtype=torch.float64, requires_grad=True)
        found = made.changed(silent, Draws(0, 0, dtype=torch.float64))
        assert not found.any()
        found.sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in made.generator.parameters() if p.grad is not None)


class TestMeasures:
    def test_who_is_taken_for_whom(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = attack(speaker=SPEC.classes[4], snr=20.0)
        heard = iter([[4, 4, 4], [0, 1, 4], [0, 2, 4]])  # changed, untouched, noisy
        monkeypatch.setattr(made, "listener", lambda _: made.enrolled.voices[next(heard)])
        with torch.no_grad():
            found = made.evaluate(batch(), Draws(0, 0, dtype=torch.float64))
        rates = {name: value.tolist() for name, value in found.items() if not isinstance(value, Ratio)}
        assert rates["mistaken"] == [1, 1, 0] and rates["untouched-mistaken"] == [0, 0, 0]
        assert rates["noise-mistaken"] == [0, 1, 0]
        shares = {n: float(v.amounts.sum() / v.units.sum()) for n, v in found.items() if isinstance(v, Ratio)}
        assert shares["taken-for-target"] == 1 and shares["untouched-taken-for-target"] == 0
        assert shares["perturbation-snr"] >= 20 - 1e-9

    def test_noise_is_as_loud_as_a_change_may_be(self) -> None:
        made = attack(snr=25.0)
        rival = made.rivals(sounds())["white-noise"] - sounds()
        told = 10 * torch.log10(sounds().square().mean((1, 2)) / rival.square().mean((1, 2)))
        torch.testing.assert_close(told, torch.full((3,), 25.0, dtype=torch.float64))


class TestEnrolment:
    def test_the_mean_of_training_recordings(self) -> None:
        raw = (sounds(8) * 32767).to(torch.int16)
        field = Field("audio", (1, 512), rate=16000.0)
        splits = {"train": torch.arange(6), "test": torch.tensor([6, 7])}
        labels = torch.tensor([0, 1, 0, 1, 0, 1, 0, 1])
        data = Dataset("few", Memory(raw), labels=labels, classes=["a", "b"], official=splits, field=field)
        made = Method(Recipe.tiny(), data.spec)
        made.measure_data(data)
        voices = Listener(16000.0)(data.batch(torch.tensor([1, 3, 5])).main)
        mean = voices.mean(0)
        torch.testing.assert_close(made.enrolled.voices[1], mean / mean.norm())
        lacking = data.changed(labels=torch.tensor([0, 0, 0, 0, 0, 0, 1, 1]))
        with pytest.raises(DataError, match="no recording of 'b' to learn from"):
            made.measure_data(lacking)

    def test_the_likest(self) -> None:
        table = EnrolledVoices(3)
        table.voices.copy_(torch.eye(3, 256))
        heard = torch.eye(3, 256)[[2, 0]] + 0.5 * torch.eye(3, 256)[[1, 1]]
        assert table.likest(heard).tolist() == [2, 0]
        assert table.likest(heard, torch.tensor([2, 1])).tolist() == [1, 0]


def test_refusals() -> None:
    with pytest.raises(UsageError, match=r"no speaker 'kik'\. Did you mean 'kick'"):
        attack(speaker="kik")
    with pytest.raises(UsageError, match="Type --rate 16000"):
        Method(Recipe.tiny(), DataSpec({"audio": Field("audio", (1, 512), rate=8000.0), LABEL: SPEC.fields[LABEL]}))
    with pytest.raises(DataError, match="at least two speakers"):
        Method(Recipe.tiny(), DataSpec({"audio": Field("audio", (1, 512), rate=16000.0)}))
