"""Scores of translations: cycles, costs, distances of sets, labels and attributes, by methods that can be computed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.api import translation_scores as scores
from belamy.api.translation_measures import MADE
from belamy.api.translation_scores import SCORES, TranslatedSet, check_scores, scored
from belamy.data.dataset import Attribute, Column, Dataset, Memory
from belamy.editing.attribute_predictors import ClassifierPredictor
from belamy.errors import UsageError
from belamy.evaluation.features.efficientnet import efficientnet_features
from belamy.evaluation.metrics.frechet import Metric as Frechet
from belamy.judges.segmenter import PixelJudge
from belamy.judges.sides import both_sides
from belamy.modalities.fields import Field
from belamy.seeds import SampleDraws

SHAPE = (3, 16, 16)
FIELD = Field("image", SHAPE)


class Brightens(nn.Module):
    """Adds a fifth of white, and takes a tenth away on the way back."""

    source, target = "image", "other"

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        return source + 0.4

    def translate_back(self, source: Tensor, draws: SampleDraws) -> Tensor:
        return source - 0.2


class OneWay(nn.Module):
    """Leaves what it is given as it is."""

    source, target = "label_map", "target"

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        return source


def dark(count: int, seed: int, top: int = 120) -> Tensor:
    return torch.randint(0, top, (count, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def items(count: int = 10, targets: bool = True) -> list[tuple[Tensor, Tensor, Tensor | None]]:
    given = dark(count, 1)
    made = (given.int() + 51).to(torch.uint8)
    return [(one, new, new if targets else None) for one, new in zip(given, made, strict=True)]


def brightened(**fields: Any) -> TranslatedSet:
    method = Brightens().eval()
    return TranslatedSet(**{"method": method, "items": items(), "source": FIELD, "target": FIELD,
                         "work": method.translate, **fields})  # fmt: skip


def test_cycles_end_where_they_began_but_for_what_is_lost() -> None:
    """Bytes 51 brighter are 0.4 on the scale of [-1, 1]: back again a tenth of the range is too much."""
    assert scored(["cycle"], brightened()).values[MADE]["cycle"].value == pytest.approx(0.1, abs=1e-6)
    method = Brightens().eval()
    back = brightened(method=method, work=method.translate_back, back=True)
    assert scored(["cycle"], back).values[MADE]["cycle"].value == pytest.approx(0.4, abs=1e-6)


def test_the_cost_is_that_of_single_translations() -> None:
    found = scored(["cost"], brightened()).values[MADE]
    assert found["seconds"].value > 0
    assert found["megabytes"].value * 1e6 == torch.Size(SHAPE).numel() * 4  # one sum in single precision


def test_distances_of_sets_are_those_of_the_metrics_and_the_inputs_stand_beside() -> None:
    made = brightened()
    wanted = dark(10, 2)
    made = brightened(items=[(given, new, true) for (given, new, _), true in zip(made.items, wanted, strict=True)])
    found = scored(["frechet", "kernel"], made)
    extractor, metric = efficientnet_features(SHAPE), Frechet()
    metric.update(real=extractor.extract(wanted))
    metric.update(fake=extractor.extract(torch.stack([new for _, new, _ in made.items])))
    assert found.values[MADE]["frechet"].value == pytest.approx(metric.compute()["frechet"])
    assert found.values["untouched"]["frechet"].value < found.values[MADE]["frechet"].value  # these are as dark
    assert found.values["untouched"]["kernel"].value < found.values[MADE]["kernel"].value
    assert any("a covariance is singular" in note for note in found.notes)


def test_without_targets_the_side_that_is_translated_into_is_compared_with() -> None:
    bright = Dataset("bright", Memory((dark(100, 5).int() + 51).to(torch.uint8)))
    data = Dataset("dark", Memory(dark(60, 6)), sides={"other": bright})
    found = scored(["frechet"], brightened(items=items(targets=False), data=data)).values
    assert found[MADE]["frechet"].value < found["untouched"]["frechet"].value
    few = brightened(items=items(3, targets=False), data=data)
    told = scored(["frechet"], few)
    assert not told.values and "need 8 translations and as many real pictures, but there are 3" in told.notes[0]


def test_labels_are_told_beside_those_of_real_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segmenter that looks at the first channel; the translation is wrong in a quarter of the pixels."""

    class Looks(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            return torch.cat([-pictures[:, :1], pictures[:, :1]], 1)

    maps = torch.zeros(4, 16, 16, dtype=torch.uint8)
    maps[:, :8] = 1
    real = (255 * maps)[:, None].expand(-1, 3, -1, -1).contiguous()
    made = real.clone()
    made[:, :, :4] = 0
    asked: list[Any] = []

    def judge(*given: Any, say: Any) -> PixelJudge:
        asked.append(given)
        return PixelJudge(Looks(), 2, 0.9, 0.8, 7)

    monkeypatch.setattr(scores, "segmenter", judge)
    method = OneWay()
    data = Dataset("maps", Memory(maps), field=Field("label_map", (16, 16), classes=("a", "b")),
                   extra={"target": Column(FIELD, Memory(real))})  # fmt: skip
    found = scored(["labels"], TranslatedSet(
        method, list(zip(maps, made, real, strict=True)), data.field, FIELD, method.translate, data=data,
    ))  # fmt: skip
    assert found.values[MADE]["label-accuracy"].value == pytest.approx(0.75)
    assert found.values[MADE]["label-iou"].value == pytest.approx((0.5 + 8 / 12) / 2)
    assert found.values["real"]["label-accuracy"].value == 1 and "untouched" not in found.values
    assert asked == [(data, "label_map", "target")] and "tells 90.0% of the pixels of 7 real" in found.notes[0]


def sided() -> Dataset:
    """Dark and bright pictures; what is even is known on both sides, what is bright is the side itself."""

    def attributes(count: int, bright: int) -> dict[str, Attribute]:
        return {"even": Attribute(("no", "yes"), torch.arange(count) % 2),
                "bright": Attribute(("no", "yes"), torch.full((count,), bright)),
                "one": Attribute(("only",), torch.zeros(count, dtype=torch.long))}  # fmt: skip

    bright = Dataset("bright", Memory((dark(30, 5).int() + 130).to(torch.uint8)), attributes=attributes(30, 1))
    return Dataset("dark", Memory(dark(20, 6)), sides={"other": bright}, attributes=attributes(20, 0))


def test_both_sides_are_one_set() -> None:
    data = sided()
    both = both_sides(data, "other")
    assert len(both) == 50 and set(both.attributes) == {"side", "even"}
    assert both.attributes["side"].codes.tolist() == [0] * 20 + [1] * 30
    assert both.attributes["even"].codes.tolist() == [0, 1] * 25
    other = data.sides["other"]
    third, fourth = data.images(torch.tensor([3])), other.images(torch.tensor([4]))
    assert torch.equal(both.images(torch.tensor([3, 24])), torch.cat([third, fourth]))
    assert both.held_out.tolist() == [*data.held_out.tolist(), *(20 + other.held_out).tolist()]
    wide = data.changed(sides={"other": Dataset("wide", Memory(torch.zeros(4, 3, 16, 20).byte()))})
    with pytest.raises(UsageError, match=r"dark has pictures of \[3, 16, 16\] and wide of \[3, 16, 20\]"):
        both_sides(wide, "other")


@pytest.mark.parametrize("back", [False, True])
def test_attributes_change_and_are_kept(monkeypatch: pytest.MonkeyPatch, back: bool) -> None:
    def predictors(data: Dataset, say: Any) -> list[ClassifierPredictor]:
        say("Training …")
        say("Of 5 held-out images are told right: all.")

        def side(pictures: Tensor) -> Tensor:
            bright = (pictures.float().flatten(1).mean(1) > 80).double()
            return torch.stack([1 - bright, bright], 1)

        def corner(pictures: Tensor) -> Tensor:
            high = (pictures[:, 0, 0, 0] >= 100).double()
            return torch.stack([1 - high, high], 1)

        return [ClassifierPredictor("side", ("first", "second"), side),
                ClassifierPredictor("corner", ("no", "yes"), corner)]  # fmt: skip

    monkeypatch.setattr(scores, "attribute_predictors", predictors)
    made = brightened(data=sided(), back=back)
    found = scored(["attributes"], made)
    corners = torch.stack([given[0, 0, 0] for given, *_ in made.items]).int()
    same = float(((corners >= 100) == (corners + 51 >= 100)).double().mean())
    assert 0 < same < 1
    assert found.values[MADE]["changed"].value == float(not back)
    assert found.values["untouched"]["changed"].value == float(back)
    assert found.values[MADE]["kept corner"].value == pytest.approx(same)
    assert found.values["untouched"]["kept corner"].value == 1
    assert found.notes == ["Of 5 held-out images are told right: all."]


class TestRefused:
    def asked(self, *names: str, source: Field = FIELD, targets: bool = False, **others: Any) -> list[str]:
        return check_scores(names, others.get("method", Brightens()), source, FIELD, others.get("data"), targets)

    def test_all_is_all_that_can_be_told(self) -> None:
        assert self.asked("all") == ["cycle", "cost"] == self.asked("cost", "cycle")
        assert self.asked("all", targets=True) == ["frechet", "kernel", "cycle", "cost"]
        assert self.asked("all", data=sided()) == [name for name in SCORES if name not in ("labels", "movement")]
        maps = Field("label_map", (16, 16))
        data = SimpleNamespace(sides={})
        assert self.asked("all", method=OneWay(), source=maps, data=data) == ["frechet", "kernel", "labels", "cost"]

    @pytest.mark.parametrize(
        ("name", "fields", "says"),
        [
            ("frechett", {}, r"no measure 'frechett' of translations\. Did you mean 'frechet'"),
            ("frechet", {}, r"'frechet' needs targets: give --targets, or translate test\. Leave it out"),
            ("labels", {}, r"'labels' needs the run's own data: translate test"),
            ("labels", {"data": SimpleNamespace(sides={})}, "asks what became of a label map"),
            ("attributes", {"data": SimpleNamespace(sides={})}, "compares two sides that are no pairs"),
            ("cycle", {"method": OneWay()}, "needs a method that translates back, such as cyclegan"),
        ],
    )
    def test_what_cannot_be_told(self, name: str, fields: dict[str, Any], says: str) -> None:
        with pytest.raises(UsageError, match=says):
            self.asked(name, **fields)

    def test_sounds_have_no_distances_of_pictures(self) -> None:
        with pytest.raises(UsageError, match="is one of pictures of 8 bits, and this run makes others"):
            check_scores(["kernel"], OneWay(), FIELD, Field("audio", (1, 100)), None, True)
