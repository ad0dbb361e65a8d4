"""Wrong uses: each ends in one clear message and exit code 2, with every file as it was."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from belamy.cli import main
from stories.conftest import SMALL, write_photos

TRAIN = ["train", "dcgan-mnist", "--no-progress", "--device", "cpu", "--out", "{tmp}/new"]
SMALL_TRAIN = [*TRAIN, *SMALL, "--samples", "8"]
RESUME = ["resume", "{run}", "--no-progress", "--device", "cpu"]
SAMPLE = ["sample", "{run}", "--out", "{tmp}/drawn", "--device", "cpu"]


@dataclass(frozen=True)
class Case:
    """One wrong use.

    Args:
        name: What is wrong.
        words: The command line; {tmp} is the test's folder, {run} a copy of a finished run, {photos} good pictures.
        says: Texts that the message holds.
        prepare: Makes the files of the case in the test's folder.
    """

    name: str
    words: list[str]
    says: list[str]
    prepare: Callable[[Path], None] | None = None


class Canary:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


# What the cases find in their folder


def broken_pictures(tmp: Path) -> None:
    write_photos(tmp / "bad", 4)
    for path in (tmp / "bad").rglob("*.png"):
        path.write_bytes(path.read_bytes()[:40])


def bomb(tmp: Path) -> None:
    """A PNG of 40,000 x 40,000 pixels in a few kilobytes: each row is zeros, and zeros compress a thousand times."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = 40_000
    packer = zlib.compressobj(9)
    rows = b"".join([packer.compress(bytes(1 + side // 8)) for _ in range(side)]) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)  # one bit a pixel, grey
    (tmp / "bad").mkdir()
    (tmp / "bad" / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def one_picture(tmp: Path) -> None:
    write_photos(tmp / "bad", 1)


def mixed_labels(tmp: Path) -> None:
    write_photos(tmp / "bad", 24)
    for path in list((tmp / "bad" / "cats").iterdir())[:6]:
        path.rename(tmp / "bad" / path.name)


def text_files(tmp: Path) -> None:
    (tmp / "bad").mkdir()
    (tmp / "bad" / "notes.txt").write_text("no picture")


def escaping_zip(tmp: Path) -> None:
    with zipfile.ZipFile(tmp / "bad.zip", "w") as archive:
        archive.writestr("../escaped.png", b"anything")


def half_zip(tmp: Path) -> None:
    with zipfile.ZipFile(tmp / "whole.zip", "w") as archive:
        archive.writestr("a.png", bytes(1000))
    (tmp / "bad.zip").write_bytes((tmp / "whole.zip").read_bytes()[:500])


def pickled_array(tmp: Path) -> None:
    array = np.empty(1, dtype=object)
    array[0] = Canary(tmp / "executed")
    np.save(tmp / "bad.npy", array, allow_pickle=True)


def pickle_as_npz(tmp: Path) -> None:
    (tmp / "bad.npz").write_bytes(pickle.dumps(Canary(tmp / "executed")))


def table(text: str) -> Callable[[Path], None]:
    def prepare(tmp: Path) -> None:
        write_photos(tmp / "bad", 24)
        (tmp / "labels.csv").write_text(text)

    return prepare


def unlabelled(tmp: Path) -> None:
    (tmp / "bad").mkdir()
    for number, path in enumerate(write_photos(tmp / "some", 24).rglob("*.png")):
        path.rename(tmp / "bad" / f"{number}.png")


def a_file(tmp: Path) -> None:
    (tmp / "file").write_text("precious")


def a_full_folder(tmp: Path) -> None:
    (tmp / "new").mkdir()
    (tmp / "new" / "thesis.txt").write_text("precious")


def a_locked_folder(tmp: Path) -> None:
    (tmp / "locked").mkdir()
    (tmp / "locked").chmod(0o500)


# What is done to a copy of a finished run


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda tmp: (tmp / "run" / name).write_text(content) and None


def without(name: str) -> Callable[[Path], None]:
    return lambda tmp: (tmp / "run" / name).unlink()


def recipe(**facts: object) -> Callable[[Path], None]:
    def prepare(tmp: Path) -> None:
        path = tmp / "run" / "recipe.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))

    return prepare


def fields(**changed: object) -> Callable[[Path], None]:
    def prepare(tmp: Path) -> None:
        path = tmp / "run" / "recipe.json"
        facts = json.loads(path.read_text())
        facts["fields"].update(changed)
        path.write_text(json.dumps(facts))

    return prepare


def checkpoint(tmp: Path) -> Path:
    return max((tmp / "run" / "checkpoints").iterdir())


def flipped_weights(tmp: Path) -> None:
    path = tmp / "run" / "weights" / "generator.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def pickled_weights(tmp: Path) -> None:
    path = tmp / "run" / "weights" / "generator.safetensors"
    path.write_bytes(pickle.dumps(Canary(tmp / "executed")))


def pickled_weights_with_digest(tmp: Path) -> None:
    pickled_weights(tmp)
    index = tmp / "run" / "weights" / "index.json"
    facts = json.loads(index.read_text())
    facts["sha256"]["generator"] = hashlib.sha256(
        (tmp / "run" / "weights" / "generator.safetensors").read_bytes()
    ).hexdigest()
    index.write_text(json.dumps(facts))


def half_a_checkpoint(tmp: Path) -> None:
    path = checkpoint(tmp) / "state.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def state(content: str) -> Callable[[Path], None]:
    return lambda tmp: (checkpoint(tmp) / "state.json").write_text(content) and None


def new_pictures(tmp: Path) -> None:
    """The run says that it was trained on other pictures than those that are there now, and is not finished."""
    write_photos(tmp / "others", 30)
    fields(data=str(tmp / "others"), train_samples=128)(tmp)


CASES = [
    # Words
    Case("unknown verb", ["trian"], ["no verb 'trian'", "'train'"]),
    Case("unknown option before the verb", ["--versoin"], ["no option '--versoin'"]),
    Case("unknown recipe", ["train", "dcgan-mnsit"], ["no recipe 'dcgan-mnsit'", "'dcgan-mnist'"]),
    Case("unknown option", [*TRAIN, "--sampels", "9"], ["no option '--sampels'", "--train-samples"]),
    Case("unknown dotted option", [*TRAIN, "--discriminator.dropuot", "0.5"], ["--discriminator.dropout"]),
    Case("unknown negated switch", [*TRAIN, "--no-progres"], ["no option '--no-progres'", "--no-progress"]),
    Case("word too many", [*TRAIN, "--batch", "8", "extra"], ["'extra' is not expected"]),
    Case("no value", [*TRAIN, "--batch"], ["--batch"]),
    Case("word for a number", [*TRAIN, "--batch", "many"], ["--batch", "a whole number", "'many'"]),
    Case("fraction for a whole number", [*TRAIN, "--batch", "1.5"], ["--batch", "a whole number", "'1.5'"]),
    Case("negative number", [*TRAIN, "--batch", "-5"], ["--batch = -5", "greater than 0"]),
    Case("nothing to train", [*TRAIN, "--samples", "0"], ["--samples = 0", "greater than 0"]),
    Case("negative seed", [*TRAIN, "--seed", "-1"], ["--seed = -1", "0"]),
    Case("huge latent", [*TRAIN, "--latent", "999999999"], ["--latent = 999999999", "65536"]),
    Case("no such choice", [*TRAIN, "--fit", "squeeze"], ["--fit", "'squeeze'", "crop"]),
    Case("unknown part", [*TRAIN, "--adversarial", "hinj"], ["no adversarial loss 'hinj'", "'hinge'"]),
    Case("unknown penalty", [*TRAIN, "--penalties", "r3"], ["no penalty 'r3'", "r1"]),
    Case("unknown option of a part", [*TRAIN, "--adversarial", "hinge:sharp=1"], ["hinge", "no option 'sharp'"]),
    Case("part without value", [*TRAIN, "--penalties", "r1:weight"], ["r1:weight", "option=value"]),
    Case("wrong type in a part", [*TRAIN, "--generator-optimizer", "adam:lr=fast"], ["adam.lr is 'fast'", "a number"]),
    Case("wrong type of a part's option", [*TRAIN, "--discriminator.dropout", "lots"], ["dropout", "'lots'"]),
    Case("probability above 1", [*TRAIN, "--discriminator.dropout", "1.5"], ["dropout", "1.5"]),
    Case("negative learning rate", [*TRAIN, "--generator-optimizer.lr", "-1"], ["lr", "-1"]),
    Case("penalty never due", [*TRAIN, "--penalties", "r1:every=0"], ["every", "0"]),
    Case("negative penalty", [*TRAIN, "--penalties", "r1:weight=-1"], ["r1.weight is -1.0"]),
    Case("penalty twice", [*TRAIN, "--penalties", "r1", "r1:every=4"], ["twice"]),
    Case("negative decay", [*TRAIN, "--schedule", "inverse-time:decay=-1"], ["decay is -1.0"]),
    Case("warm-up beyond the run", [*TRAIN, "--schedule", "linear:warmup=3"], ["warmup is 3.0", "0..1"]),
    Case("infinite weight", [*TRAIN, "--auxiliary", "inf"], ["--auxiliary", "finite"]),
    Case("empty part", [*TRAIN, "--generator", ""], ["no generator ''"]),
    Case("JSON without a name", ["recipes", "--json", ""], ["--json", "no file"]),
    Case("JSON over a device", ["recipes", "--json", "/dev/null"], ["--json", "no file"]),
    Case(
        "losses that exclude a turn",
        [*TRAIN, "--turns", "separate", "--adversarial", "relativistic-pairing"],
        ["--turns alternating"],
    ),
    Case("unknown device", [*TRAIN, "--device", "tpu"], ["'tpu'", "cuda"]),
    Case("unknown precision", [*TRAIN, "--precision", "float8"], ["float8", "bfloat16"]),
    Case("micro-batch of nothing", [*TRAIN, "--micro-batch", "0"], ["--micro-batch is 0", "at least 1"]),
    Case(
        "micro-batch that does not divide",
        [*SMALL_TRAIN, "--micro-batch", "3"],
        ["micro-batch is 3", "divide the batch of 4", "Type --micro-batch 2"],
    ),
    Case(
        "micro-batch above the batch",
        [*SMALL_TRAIN, "--micro-batch", "16"],
        ["micro-batch is 16", "Type --micro-batch 4"],
    ),
    Case("no snapshots", [*TRAIN, "--snapshots", "0"], ["snapshots is 0", "at least 1"]),
    Case("negative time", [*TRAIN, "--checkpoint-seconds", "-3"], ["--checkpoint-seconds is -3", "at least 0"]),
    Case("run is missing in sample", ["sample"], ["RUN is missing"]),
    Case("option of a part twice", [*TRAIN, "--penalties", "r1:weight=1,weight=2"], ["gives weight twice"]),
    Case("unknown metric", [*TRAIN, "--evaluate-every", "64", "--metrics", "nosuch"], ["no metric 'nosuch'"]),
    Case(
        "unknown number to keep the best by",
        [*TRAIN, "--evaluate-every", "64", "--keep-best", "frechte"],
        ["--keep-best is 'frechte'", "'frechet'"],
    ),
    Case("negative seed of samples", [*SAMPLE, "--seed", "-1"], ["--seed is -1", "at least 0"]),
    Case("smoothness is no number", ["visualise", "{run}", "--smoothness", "nan"], ["--smoothness is nan", "finite"]),
    Case("directions that are not there", ["edit", "{run}", "seed:1", "--label", "1", "--directions", "x"], ["--add"]),
    Case("no directions", ["edit", "{run}", "seed:1", "--add", "width=1", "--directions", "x"], ["no directions in x"]),
    Case("no such storage", ["compare", "digits", "--out", "{tmp}/new", "--storage", "mysql://x"], ["'mysql://x'"]),
    Case("report without a name", ["report", "{run}", "--json", ""], ["--json", "no file"]),
    Case("no encoder, no picture", ["retrieve", "{run}", "nowhere"], ["no encoder"]),
    Case("home of nobody", ["sample", "~nobody-at-all/run"], ["home directory"]),
    Case("no such configuration", ["sample", "{run}", "--config", "{tmp}/x.json"], ["--config", "No such file"]),
    Case(
        "configuration is text", ["sample", "{run}", "--config", "{tmp}/file"], ["--config", "cannot be read"], a_file
    ),
    # Data
    Case("unknown set", [*TRAIN, "--data", "mnits"], ["'mnits'", "'mnist'"]),
    Case("no such folder", [*TRAIN, "--data", "{tmp}/nowhere"], ["nowhere"]),
    Case("empty data", [*TRAIN, "--data", ""], ["empty"]),
    Case("empty folder", ["data", "{tmp}/bad"], ["no images"], lambda tmp: (tmp / "bad").mkdir()),
    Case("no pictures", ["data", "{tmp}/bad"], ["no images", "1 .txt"], text_files),
    Case("truncated PNGs", [*SMALL_TRAIN, "--data", "{tmp}/bad"], ["bad"], broken_pictures),
    Case("PNG bomb", ["data", "{tmp}/bad"], ["bomb.png", "pixels"], bomb),
    Case("one image", [*SMALL_TRAIN, "--data", "{tmp}/bad"], ["only one image"], one_picture),
    Case(
        "mixed labels",
        ["train", "classifier-mnist", "--data", "{tmp}/bad", "--out", "{tmp}/new", "--no-progress"],
        ["labelled data", "folder of its own"],
        mixed_labels,
    ),
    Case(
        "labels that contradict",
        ["data", "{tmp}/bad", "--labels", "{tmp}/labels.csv"],
        ["twice"],
        table("file,label\n001.png,a\n001.png,b\n"),
    ),
    Case("archive that leads out", ["data", "{tmp}/bad.zip"], ["../escaped.png"], escaping_zip),
    Case("half an archive", ["data", "{tmp}/bad.zip"], ["not a whole zip"], half_zip),
    Case("pickled array", ["data", "{tmp}/bad.npy"], ["bad.npy"], pickled_array),
    Case("pickle named npz", ["data", "{tmp}/bad.npz"], ["bad.npz"], pickle_as_npz),
    Case("text as data", ["data", "{tmp}/file"], ["not data that Belamy reads"], a_file),
    Case("no label file", ["data", "{photos}", "--labels", "{tmp}/labels.csv"], ["labels.csv"]),
    Case(
        "labels of other files",
        ["data", "{tmp}/bad", "--labels", "{tmp}/labels.csv"],
        ["labels none of the images"],
        table("file,label\nx.png,a\ny.png,b\n"),
    ),
    Case("labels in one column", ["data", "{tmp}/bad", "--labels", "{tmp}/labels.csv"], ["column"], table("file\nx\n")),
    Case("unknown attribute", ["data", "avatars-16", "--labels", "smlie"], ["smlie", "smile"]),
    Case("unknown class", [*SMALL_TRAIN, "--data", "{photos}", "--only", "cows"], ["'cows'", "cats"]),
    Case(
        "classifier without labels",
        ["train", "classifier-mnist", "--data", "{tmp}/bad", "--out", "{tmp}/new", "--no-progress"],
        ["labelled data", "--labels"],
        unlabelled,
    ),
    Case("size that the network cannot make", [*TRAIN, "--data", "{photos}", "--size", "30"], ["--size 28"]),
    Case("huge pictures", [*TRAIN, "--size", "100000"], ["--size = 100000", "4096"]),
    Case("not fetched and offline", [*TRAIN, "--data", "cifar10", "--offline"], ["cifar10", "offline"]),
    # Output
    Case("out is a file", [*SMALL_TRAIN, "--data", "{photos}", "--out", "{tmp}/file"], ["file"], a_file),
    Case("out below a file", [*SMALL_TRAIN, "--data", "{photos}", "--out", "{tmp}/file/new"], ["file"], a_file),
    Case("out is in use", [*SMALL_TRAIN, "--data", "{photos}"], ["not empty", "--out"], a_full_folder),
    Case("out is a run", [*SMALL_TRAIN, "--data", "{photos}", "--out", "{run}"], ["holds a run", "belamy resume"]),
    *(
        Case(
            f"{words[0]} below a file",
            [*words, "--out", f"{{tmp}}/file/x.{kind}"],
            ["file", "nothing can lie in it"],
            a_file,
        )
        for kind, words in [
            ("png", ["anomaly", "{run}", "test"]),
            ("png", ["arithmetic", "{run}", "seed(1)"]),
            ("png", ["manifold", "{run}"]),
            ("gif", ["walk", "{run}"]),
            ("png", ["reconstruct", "{run}", "test"]),
            ("png", ["retrieve", "{run}", "test:0"]),
            ("png", ["restore", "a.png"]),
            ("png", ["stylize", "{photos}/cats/001.png", "{photos}/cats/003.png"]),
            ("webp", ["stylize-film", "a.gif", "b.png"]),
            ("png", ["reconstruct-layers", "a.png", "b.png"]),
            ("html", ["evaluate", "{run}"]),
            ("html", ["unmask", "{run}"]),
            ("html", ["pretrain", "{run}"]),
            ("x", ["segment", "{run}"]),
            ("x", ["edit", "{run}", "seed:1", "--add", "width=1"]),
            ("x", ["directions", "{run}"]),
            ("x", ["visualise", "{run}"]),
            ("x", ["compare", "digits"]),
            ("x", ["game"]),
        ]
    ),
    Case("JSON below a file", ["data", "{photos}", "--json", "{tmp}/file/facts.json"], ["file"], a_file),
    Case("samples below a file", [*SAMPLE, "--out", "{tmp}/file/drawn.png"], ["file"], a_file),
    Case("samples over samples", [*SAMPLE, "--out", "{tmp}/file"], ["--overwrite"], a_file),
    # Samples
    Case("no samples", [*SAMPLE, "--count", "0"], ["--count is 0", "1.."]),
    Case("negative number of samples", [*SAMPLE, "--count", "-3"], ["--count is -3"]),
    Case("too many on a sheet", [*SAMPLE, "--count", "5000", "--out", "{tmp}/sheet.png"], ["--count", "1,024"]),
    Case("no batch", [*SAMPLE, "--batch", "0"], ["--batch is 0"]),
    Case("unknown label", [*SAMPLE, "--label", "cow"], ["no class 'cow'", "cats"]),
    Case("label out of range", [*SAMPLE, "--label", "2"], ["no class '2'", "cats"]),
    Case("label that is not used", [*SAMPLE, "--label", "cats"], ["do not use labels"]),
    Case("formats that contradict", [*SAMPLE, "--out", "{tmp}/x.npz", "--format", "png"], ["--format"]),
    # Runs
    Case("no run", ["resume", "{tmp}/nowhere"], ["nowhere", "does not exist"]),
    Case("run is a file", ["sample", "{tmp}/file"], ["not a directory"], a_file),
    Case("recipe is missing", RESUME, ["no recipe.json"], without("recipe.json")),
    Case("recipe is not JSON", SAMPLE, ["recipe.json", "JSON"], text("recipe.json", '{"format": 1, "rec')),
    Case("recipe of something else", ["report", "{run}"], ["not a Belamy recipe"], text("recipe.json", "[1, 2]")),
    Case("newer format", ["report", "{run}"], ["newer", "99"], recipe(format=99)),
    Case("unknown method", RESUME, ["no method 'gaan'", "'gan'"], recipe(method="gaan")),
    Case("unknown field", RESUME, ["warmth"], fields(warmth=3)),
    Case("field out of range", RESUME, ["batch"], fields(batch=-4)),
    Case("unknown network", SAMPLE, ["no generator 'dcgan-luna'"], fields(generator="dcgan-luna")),
    Case(
        "fields are missing",
        SAMPLE,
        ["damaged", "fields"],
        lambda tmp: (tmp / "run" / "recipe.json").write_text('{"format": 1, "recipe": "x", "method": "gan"}') and None,
    ),
    Case("domain is nonsense", SAMPLE, ["recipe.json"], recipe(domain={"shape": "wide", "classes": 3})),
    Case("domain is no image", SAMPLE, ["recipe.json"], recipe(domain={"shape": [-1, 0, 3], "classes": []})),
    Case("a flipped bit in the weights", SAMPLE, ["not the file that was written"], flipped_weights),
    Case("weights are missing", SAMPLE, ["generator.safetensors"], without("weights/generator.safetensors")),
    Case("weights of another network", SAMPLE, ["do not fit"], fields(latent=5)),
    Case("a pickle as weights", SAMPLE, ["not the file that was written"], pickled_weights),
    Case("a pickle with its digest as weights", SAMPLE, ["not a whole safetensors file"], pickled_weights_with_digest),
    Case("weights' index is nonsense", SAMPLE, ["index.json"], text("weights/index.json", "[]")),
    Case("half a checkpoint", RESUME, ["state.safetensors", "cut short"], half_a_checkpoint),
    Case("state is nonsense", RESUME, ["state.json"], state("3")),
    Case("state lacks numbers", RESUME, ["state.json", "damaged"], state("{}")),
    Case("state is not JSON", RESUME, ["state.json", "JSON"], state("{")),
    Case("provenance is missing", RESUME, ["provenance.json"], without("provenance.json")),
    Case("provenance is nonsense", RESUME, ["provenance.json"], text("provenance.json", "{}")),
    Case("other data than before", RESUME, ["fingerprint"], new_pictures),
]


def files_below(folder: Path) -> dict[str, str]:
    """Every file and the hash of its bytes."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one message of a command that is refused."""
    capsys.readouterr()
    code = main(words)
    said = capsys.readouterr().err
    assert code == 2, said
    assert said.startswith("belamy: ") and said.count("\n") == 1, said
    assert "Traceback" not in said and "Unexpected" not in said
    return said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_wrong_use_is_refused_clearly_and_nothing_is_lost(
    case: Case,
    tmp_path: Path,
    photos: Path,
    trained: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BELAMY_CACHE", str(tmp_path / "cache"))
    if "{run}" in case.words:
        shutil.copytree(trained, tmp_path / "run")
    if case.prepare:
        case.prepare(tmp_path)
    before = files_below(tmp_path)
    words = [word.format(tmp=tmp_path, run=tmp_path / "run", photos=photos) for word in case.words]
    said = refused(words, capsys)
    assert [text for text in case.says if text not in said] == [], said
    after = files_below(tmp_path)
    assert {name: after.get(name) for name in before} == before
    assert not (tmp_path / "executed").exists(), "code of a file was executed"
    assert len(said) < 600, "a message, not a page"
