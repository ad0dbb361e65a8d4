"""The doctor's numbers are those of numpy, and its lines name what is wrong."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import Dataset, open_data
from belamy.data.dataset import Memory
from belamy.data.doctor import contact_sheet, examine
from belamy.errors import UsageError

NAMES = tuple(f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(12))


def text(examination) -> str:
    return "\n".join(examination.lines())


def test_numbers_agree_with_numpy(pictures):
    folder = pictures(*NAMES)
    facts = examine(folder).facts
    dataset = open_data(folder)
    pixels = dataset.images(torch.arange(24)).numpy() / 255
    assert facts["values"]["mean"] == pytest.approx(pixels.mean(axis=(0, 2, 3)), abs=1e-12)
    assert facts["values"]["std"] == pytest.approx(pixels.std(axis=(0, 2, 3)), abs=1e-12)
    assert facts["values"]["lowest"] == pixels.min() * 255
    assert facts["values"]["highest"] == pixels.max() * 255
    assert facts["values"]["share_of_255"] == pytest.approx((pixels == 1).mean())
    assert facts["label_counts"] == {"cat": 12, "dog": 12}


def test_facts_are_json_and_hold_the_card(pictures):
    examination = examine(pictures(*NAMES))
    facts = json.loads(json.dumps(examination.facts))
    assert facts["fingerprint"] == open_data(pictures(*NAMES)).fingerprint
    assert facts["sizes"] == {"12x12": 24}
    assert facts["modes"] == {"RGB": 24}


def test_repetitions_are_found_and_leaks_named(pictures):
    folder = pictures(*NAMES)
    held = open_data(folder).names[open_data(folder).splits["test"][0]]
    for number in range(3):
        # Copies after the originals, so that the held-out picture keeps a twin in the training split or beside it.
        shutil.copy(folder / held, folder / f"dog/z{number}.png")
    facts = examine(folder).facts
    assert facts["duplicates"]["images"] == 3
    assert facts["duplicates"]["groups"] == [sorted([held, *(f"dog/z{number}.png" for number in range(3))])]
    assert "duplicates: 3 images repeat another" in text(examine(folder))


def test_a_group_across_the_splits_is_a_leak():
    images = torch.arange(30, dtype=torch.uint8).reshape(30, 1, 1, 1).repeat(1, 1, 2, 2)
    images[29] = images[0]
    official = {"train": torch.arange(25), "test": torch.arange(25, 30)}
    dataset = Dataset("twins", Memory(images), official=official)
    from belamy.data.doctor import _duplicates, _measured

    found = _duplicates(dataset, _measured(dataset)[1])
    assert found == {"images": 1, "groups": [[0, 29]], "groups_across_splits": 1}


def test_what_is_wrong_is_named(pictures):
    folder = pictures(*NAMES)
    (folder / "cat/bad.png").write_text("no image")
    (folder / "notes.md").write_text("hello")
    Image.new("L", (40, 20)).save(folder / "loose.png")
    said = text(examine(folder, size=8))
    assert "skipped cat/bad.png: not an image (it starts with 'no image')" in said
    assert "other files, passed over: .md (1)" in said
    assert "note: no labels were taken from the sub-folders" in said
    assert "sizes: 12x12 (24), 40x20 (1)" in said
    assert "modes: RGB (24), L (1)" in said
    assert "fitted by crop" in said


def test_grey_saved_as_colour_is_noticed(tmp_path):
    for value in range(3):
        Image.new("RGB", (8, 8), (value, value, value)).save(tmp_path / f"{value}.png")
    assert "--channels 1" in text(examine(tmp_path))
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "9.png")
    assert "--channels 1" not in text(examine(tmp_path))


def test_the_plan_says_what_training_would_do(pictures, tmp_path):
    folder = pictures(*NAMES)
    plan = examine(folder, samples=2_200).facts["training"]
    assert plan == {
        "shape": [3, 12, 12],
        "size_chosen_by": "the data",
        "fit": None,
        "kept": "in memory",
        "bytes": 24 * 3 * 144,
        "samples": 2_200,
        "passes": 100.0,
    }
    streamed = examine(folder, size=8, memory_budget=100, cache=tmp_path / "cache").facts["training"]
    assert streamed["kept"] == "read from disk when needed"
    assert streamed["fit"] == "crop"
    with pytest.raises(UsageError, match="at least 1"):
        examine(folder, samples=0)


def test_the_sheet_has_a_row_per_class(pictures):
    dataset = open_data(pictures(*NAMES))
    sheet = contact_sheet(dataset)
    assert sheet.dtype == np.uint8
    # Two classes share ten rows: 12 pictures each take two rows of 10.
    assert sheet.shape == (4 * 14 + 2, 10 * 14 + 2, 3)
    first = dataset.images(torch.tensor([0]))[0].permute(1, 2, 0).numpy()
    assert np.array_equal(sheet[2:14, 2:14], first)
    assert sheet[:2].min() == 255


def test_the_sheet_of_many_unlabelled_pictures_spans_them_all():
    images = torch.arange(250, dtype=torch.uint8).reshape(250, 1, 1, 1).repeat(1, 1, 4, 4)
    sheet = contact_sheet(Dataset("many", Memory(images)))
    assert sheet.shape == (10 * 6 + 2, 10 * 6 + 2, 3)
    assert sheet[2, 2].tolist() == [0, 0, 0]
    assert sheet[-3, -3].tolist() == [249, 249, 249]


def test_the_faces_have_their_attributes():
    facts = examine("avatars", labels="smile").facts
    assert facts["attribute_counts"]["mouth"].keys() == {"agape", "angry", "laugh", "sad", "smile"}
    assert facts["label_counts"] == facts["attribute_counts"]["smile"] == {"no": 1782, "yes": 1218}
    assert facts["duplicates"]["images"] == 22


def test_what_to_type_next_repeats_the_options(pictures):
    folder = pictures(*NAMES)
    (folder / "t.csv").write_text("".join(f"{name},a b\n" for name in NAMES))
    facts = examine(folder, size=8, fit="pad", channels=1, labels="t.csv").facts
    assert facts["next"] == f"belamy train --data {folder} --size 8 --fit pad --channels 1 --labels t.csv"
    assert examine("avatars-16").facts["next"] == "belamy train --data avatars-16"


def test_arrays_of_odd_sides_are_offered_a_size_that_trains(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 13, 18), np.uint8))
    assert examine(tmp_path / "x.npy").facts["next"].endswith("--size 16x12")


def test_duplicates_are_named_and_too_few_are_told(pictures):
    folder = pictures(*NAMES)
    for number in range(7):
        shutil.copy(folder / f"cat/{number}.png", folder / f"dog/z{number}.png")
    said = text(examine(folder))
    assert "the same: cat/0.png = dog/z0.png" in said and "the same: 2 groups more" in said
    assert "too few: 28 images to train on" in said
    assert "too few" not in text(examine("portraits:count=300"))


def test_a_sheet_of_large_images_stays_small():
    sheet = contact_sheet(Dataset("large", Memory(torch.full((2, 1, 600, 300), 7, dtype=torch.uint8))))
    assert sheet.shape == (256 + 4, 2 * (128 + 2) + 2, 3)
    assert sheet[130, 60].tolist() == [7, 7, 7]
