"""The segmenter: label agreement in closed form, what it learns, that it is kept, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from belamy.data.dataset import Column, Dataset, Memory
from belamy.errors import UsageError
from belamy.evaluation import intervals
from belamy.evaluation.label_agreement import LabelCounts
from belamy.judges import segmenter as judges
from belamy.judges.segmenter import segmenter
from belamy.modalities.fields import Field
from belamy.networks.pixel_classifier import PixelClassifier

CLASSES = 3


def scenes(count: int = 40, size: tuple[int, int] = (12, 20)) -> Dataset:
    """Blocks of three classes, each of a colour of its own, under noise."""
    source = torch.Generator().manual_seed(1)
    coarse = torch.randint(0, CLASSES, (count, size[0] // 4, size[1] // 4), generator=source)
    maps = coarse.repeat_interleave(4, 1).repeat_interleave(4, 2)
    colours = torch.tensor([[200, 40, 40], [40, 200, 40], [40, 40, 200]])
    noise = torch.randint(-30, 31, (count, 3, *size), generator=source)
    pictures = (colours[maps].movedim(3, 1) + noise).clamp(0, 255).to(torch.uint8)
    extra = {"target": Column(Field("image", (3, *size)), Memory(pictures))}
    field = Field("label_map", size, classes=("a", "b", "c"))
    return Dataset("blocks", Memory(maps.to(torch.uint8)), field=field, named="label_map", extra=extra)


def by_hand(found: Tensor, wanted: Tensor) -> tuple[float, float]:
    """Accuracy, and intersection over union averaged over the classes that occur, pixel by pixel."""
    shared, either, right = [0] * CLASSES, [0] * CLASSES, 0
    for one, other in zip(found.flatten().tolist(), wanted.flatten().tolist(), strict=True):
        right += one == other
        for each in {one, other}:
            either[each] += 1
            shared[each] += one == other
    there = [s / e for s, e in zip(shared, either, strict=True) if e]
    return right / found.numel(), sum(there) / len(there)


class TestAgreement:
    @pytest.mark.parametrize("classes", [3, 5])
    def test_counts(self, classes: int) -> None:
        """Classes that occur nowhere do not count."""
        source = torch.Generator().manual_seed(0)
        found, wanted = (torch.randint(0, CLASSES, (7, 4, 6), generator=source) for _ in range(2))
        counts = LabelCounts.of(found, wanted, classes)
        accuracy, iou = by_hand(found, wanted)
        assert float(counts.accuracy.mean()) == pytest.approx(accuracy, rel=1e-12)
        assert float(counts.iou.mean()) == pytest.approx(iou, rel=1e-12)
        alone = [by_hand(one, other)[0] for one, other in zip(found, wanted, strict=True)]
        assert counts.accuracy.tolist() == pytest.approx(alone)
        same = LabelCounts.of(wanted, wanted, classes)
        assert same.accuracy.tolist() == pytest.approx([1] * 7) and same.iou.tolist() == pytest.approx([1] * 7)

    def test_the_interval_is_as_wide_as_draws_of_other_pictures_differ(self) -> None:
        source, values, widths = torch.Generator().manual_seed(3), [], []
        for _ in range(200):
            wanted = torch.randint(0, CLASSES, (30, 3, 3), generator=source)
            right = torch.rand(30, 1, 1, generator=source)  # pictures differ in how well they are told
            other = torch.randint(0, CLASSES, wanted.shape, generator=source)
            found = torch.where(torch.rand(wanted.shape, generator=source) < right, wanted, other)
            told = intervals.mean(LabelCounts.of(found, wanted, CLASSES).iou)
            values.append(told.value)
            widths.append((told.high - told.low) / 2 / intervals.student_quantile(29))
        assert float(torch.tensor(widths).mean()) == pytest.approx(float(torch.tensor(values).std()), rel=0.15)


def test_it_learns_is_tested_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, said = scenes(), []
    state = torch.get_rng_state()
    made = segmenter(data, "label_map", "target", cache=tmp_path, say=said.append, steps=40)
    assert torch.equal(state, torch.get_rng_state())
    held = data.raw(data.held_out)
    accuracy, iou = by_hand(made(held["target"]), held["label_map"].long())
    assert made.accuracy == pytest.approx(accuracy) and made.iou == pytest.approx(iou) and accuracy > 0.9
    assert said == ["Training the segmenter of blocks, once for all: 40 steps …"]
    assert f"{accuracy:.1%} of the pixels of 4 real held-out pictures right" in str(made)
    monkeypatch.setattr(judges, "_trained", lambda *_: pytest.fail("trained again"))
    again = segmenter(data, "label_map", "target", cache=tmp_path, steps=40)
    assert torch.equal(again(held["target"]), made(held["target"]))


def test_what_is_no_label_map_is_refused(tmp_path: Path) -> None:
    data = scenes(4)
    with pytest.raises(UsageError, match=r"blocks holds label_map \(label_map\), target \(image\)"):
        segmenter(data, "target", "label_map", cache=tmp_path)
    small = data.changed(extra={"target": Column(Field("image", (3, 6, 10)), Memory(torch.zeros(4, 3, 6, 10).byte()))})
    with pytest.raises(UsageError, match=r"of 8 bits of one size, but these are \(12, 20\) and \(3, 6, 10\)"):
        segmenter(small, "label_map", "target", cache=tmp_path)


def test_the_network_sees_pictures_of_any_size_alike() -> None:
    """What is filled up for halving does not move what is seen."""
    network = PixelClassifier((3, 13, 21), 4, width=4).eval()
    pictures = torch.rand(1, 3, 13, 21)
    whole = torch.nn.functional.pad(pictures, (0, 3, 0, 3), mode="replicate")
    torch.testing.assert_close(network(pictures), network(whole)[..., :13, :21])
