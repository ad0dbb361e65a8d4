"""Files of a run: whole or not at all, whatever happens to the process, the disk or the bytes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.errors import RunError, StorageError
from belamy.runs import files

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits and signals of POSIX")


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def fail_with(monkeypatch: pytest.MonkeyPatch, function: str, code: int) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, function, refuse)


def killed(folder: Path, prepare: str, action: str) -> None:
    """Run `prepare; action` in a process that kills itself with -9 where `prepare` says."""
    code = f"""
import os, signal
from pathlib import Path
from belamy.runs import files
folder = Path({str(folder)!r})
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
{prepare}
{action}
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_file_is_written_with_the_folders_above_it_and_no_leftovers(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b" / "recipe.json"
    files.write_json(place, {"lr": 0.1, "name": "größer", "bound": float("inf"), "shape": (1, 28)})
    assert files.read_json(place) == {"lr": 0.1, "name": "größer", "bound": "Infinity", "shape": [1, 28]}
    assert list(files.read_json(place)) == ["lr", "name", "bound", "shape"]
    assert names(place.parent) == ["recipe.json"]


@pytest.mark.parametrize(
    ("function", "code", "words"),
    [
        ("write", errno.ENOSPC, ["disk full", "intact", "--out"]),
        ("write", errno.EDQUOT, ["disk full"]),
        ("fsync", errno.ENOSPC, ["disk full"]),
        ("replace", errno.EROFS, ["cannot be written", "read-only", "--out"]),
        ("open", errno.EACCES, ["cannot be written", "permission denied", "--out"]),
        ("fsync", errno.EIO, ["could not be written", "input/output error"]),
    ],
)
def test_a_refusal_of_the_system_is_one_message_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int, words: list[str]
) -> None:
    place = tmp_path / "weights.bin"
    files.write_bytes(place, b"old")
    with monkeypatch.context() as patch:
        fail_with(patch, function, code)
        with pytest.raises(StorageError) as caught:
            files.write_bytes(place, b"new")
    assert all(word in str(caught.value) for word in [*words, str(tmp_path)])
    assert place.read_bytes() == b"old"
    assert names(tmp_path) == ["weights.bin"]


def test_a_real_limit_on_the_file_size_keeps_every_old_byte(tmp_path: Path) -> None:
    """The kernel, not a double, refuses: it takes a part of the bytes first, as a filling disk does."""
    files.write_bytes(tmp_path / "weights", b"old")
    files.append_jsonl(tmp_path / "rows", {"n": 1})
    code = f"""
import resource
from pathlib import Path
from belamy.errors import StorageError
from belamy.runs import files
folder = Path({str(tmp_path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
def fill(place): files.write_bytes(place / "inner", bytes(6000))
for action in (
    lambda: files.write_bytes(folder / "weights", bytes(6000)),
    lambda: files.append_jsonl(folder / "rows", {{"text": "x" * 6000}}),
    lambda: files.write_directory_atomically(folder / "checkpoint", fill),
):
    try:
        action()
    except StorageError as error:
        assert "disk full" in str(error)
    else:
        raise SystemExit("no error")
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "weights").read_bytes() == b"old"
    assert (tmp_path / "rows").read_bytes() == b'{"n":1}\n'
    assert names(tmp_path) == ["rows", "weights"]


def test_killed_before_the_rename_the_old_file_stands_and_sweep_clears_the_rest(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "weights", b"old")
    killed(tmp_path, "os.replace = die", "files.write_bytes(folder / 'weights', b'new')")
    assert (tmp_path / "weights").read_bytes() == b"old"
    assert len(names(tmp_path)) == 2
    assert len(files.sweep(tmp_path)) == 1
    assert names(tmp_path) == ["weights"]
    assert files.sweep(tmp_path) == []


@pytest.mark.parametrize("renames_done", [0, 1, 2])
def test_a_directory_killed_at_each_rename_is_old_or_new_after_sweep(tmp_path: Path, renames_done: int) -> None:
    place = tmp_path / "checkpoints" / "0000000064"
    files.write_directory_atomically(place, lambda folder: files.write_bytes(folder / "a", b"old"))
    prepare = f"""
rename, left = os.rename, [{renames_done}]
def count(*names):
    if left[0]:
        rename(*names)
        left[0] -= 1
    if not left[0]:
        die()
os.rename = count
"""
    killed(
        tmp_path,
        prepare,
        "files.write_directory_atomically(folder / 'checkpoints' / '0000000064', "
        "lambda at: files.write_bytes(at / 'a', b'new'))",
    )
    assert files.sweep(tmp_path)
    assert names(place.parent) == ["0000000064"]
    assert (place / "a").read_bytes() == (b"new" if renames_done == 2 else b"old")
    assert files.sweep(tmp_path) == []


def test_an_old_directory_is_back_at_once_when_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, renames, rename = tmp_path / "0000000064", iter([None, errno.EIO]), os.rename
    files.write_directory_atomically(place, lambda folder: files.write_bytes(folder / "old", b""))

    def second_fails(source: Path, target: Path) -> None:
        code = next(renames, None)
        if code:
            raise OSError(code, os.strerror(code))
        rename(source, target)

    monkeypatch.setattr(files.os, "rename", second_fails)
    with pytest.raises(StorageError, match="input/output error"):
        files.write_directory_atomically(place, lambda folder: files.write_bytes(folder / "new", b""))
    assert names(tmp_path) == ["0000000064"]
    assert names(place) == ["old"]


def test_bytes_reach_the_disk_before_their_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power cut may reorder must be fenced: file, rename, folder; and in a tree the inner before the outer."""
    log: list[tuple[str, str]] = []
    fsync, replace, rename = os.fsync, os.replace, os.rename
    opened: dict[int, str] = {}
    plain_open = os.open

    def watch_open(path: Path, *options: int) -> int:
        descriptor = plain_open(path, *options)
        opened[descriptor] = "new" if files.NEW in Path(path).name else Path(path).name
        return descriptor

    monkeypatch.setattr(files.os, "open", watch_open)
    monkeypatch.setattr(
        files.os, "fsync", lambda descriptor: (log.append(("sync", opened[descriptor])), fsync(descriptor))
    )
    monkeypatch.setattr(files.os, "replace", lambda *paths: (log.append(("name", paths[1].name)), replace(*paths)))
    monkeypatch.setattr(files.os, "rename", lambda *paths: (log.append(("name", paths[1].name)), rename(*paths)))
    folder = tmp_path / "run"
    files.write_bytes(folder / "a", b"1")
    assert log == [("sync", "new"), ("name", "a"), ("sync", "run")]
    log.clear()
    files.append_jsonl(folder / "rows", {}, durable=True)
    assert log == [("sync", "rows"), ("sync", "run")]
    log.clear()
    assert files.settled_length(folder / "rows") == 3 and files.settled_length(folder / "absent") == 0
    assert log == [("sync", "rows")]
    log.clear()
    files.write_directory_atomically(folder / "64", lambda new: (new / "b").write_bytes(b"2"))
    assert log == [("sync", "b"), ("sync", "new"), ("name", "64"), ("sync", "run")]


def test_a_directory_whose_writer_fails_leaves_no_trace(tmp_path: Path) -> None:
    place = tmp_path / "0000000064"

    def fill(folder: Path) -> None:
        files.write_bytes(folder / "a", b"1")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match="disk full"):
        files.write_directory_atomically(place, fill)
    assert names(tmp_path) == []


def test_a_directory_is_replaced_whole(tmp_path: Path) -> None:
    place = tmp_path / "0000000064"
    files.write_directory_atomically(place, lambda folder: files.write_bytes(folder / "only-old", b""))
    files.write_directory_atomically(place, lambda folder: files.write_bytes(folder / "new", b""))
    assert names(tmp_path) == ["0000000064"]
    assert names(place) == ["new"]


def test_a_place_below_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for action in (
        lambda: files.write_bytes(tmp_path / "file" / "x", b""),
        lambda: files.append_jsonl(tmp_path / "file" / "x", {}),
        lambda: files.write_directory_atomically(tmp_path / "file" / "x", lambda _: None),
    ):
        with pytest.raises(StorageError, match="--out"):
            action()


def test_rows_come_back_and_a_torn_last_line_is_dropped_then_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "metrics.jsonl"
    first = files.append_jsonl(place, {"samples": 1, "losses": {"a": float("nan"), "b": -float("inf")}})
    second = files.append_jsonl(place, {"samples": 2}, durable=True)
    assert (first, second) == (len(place.read_bytes().split(b"\n")[0]) + 1, place.stat().st_size)
    for torn in (b'{"samples": 3, "loss', b"\0" * 9000):
        with place.open("ab") as file:
            file.write(torn)
        rows = files.read_jsonl(place, files.OBJECT)
        assert rows == [{"samples": 1, "losses": {"a": "NaN", "b": "-Infinity"}}, {"samples": 2}]
        assert files.append_jsonl(place, {"samples": 3}) == second + len('{"samples":3}\n') == place.stat().st_size
        assert files.read_jsonl(place, files.OBJECT)[-1] == {"samples": 3}
        files.truncate(place, second)
        assert len(files.read_jsonl(place, files.OBJECT)) == 2


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    place = tmp_path / "metrics.jsonl"
    place.write_bytes(b'{"a": 1}\n{"a": \n{"a": 3}\n')
    with pytest.raises(RunError, match=r"line 2 of .*metrics\.jsonl is damaged"):
        files.read_jsonl(place, files.OBJECT)
    place.write_bytes(b"[1]\n")
    with pytest.raises(RunError, match="should be an object"):
        files.read_jsonl(place, files.OBJECT)


def test_a_run_may_be_looked_at_while_another_process_writes_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files and folders vanish between the moments when they are listed and looked at."""
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "file").touch()
    listed = os.scandir

    def vanishing(folder: str) -> object:
        found = list(listed(folder))
        for entry in found:
            Path(entry.path).rmdir() if entry.is_dir() else Path(entry.path).unlink()
        return found

    monkeypatch.setattr(files.os, "scandir", vanishing)
    files.refuse_links(tmp_path)


def test_truncating_beyond_the_end_says_that_rows_are_lost(tmp_path: Path) -> None:
    place = tmp_path / "journal.jsonl"
    for _ in range(2):
        with pytest.raises(RunError, match="cut short"):
            files.truncate(place, 100)
        place.write_bytes(b"{}\n")
    assert place.read_bytes() == b"{}\n"


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\xff\xfe\0", b"[" * 100_000])
def test_damaged_json_is_a_run_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "recipe.json").write_bytes(content)
    with pytest.raises(RunError, match=r"recipe\.json is not readable JSON"):
        files.read_json(tmp_path / "recipe.json")


def test_missing_files_are_run_errors(tmp_path: Path) -> None:
    for read in (
        files.read_json,
        files.read_bytes,
        lambda path: files.read_jsonl(path, files.OBJECT),
        lambda path: files.load_tensors(path, None),
    ):
        with pytest.raises(RunError, match="is missing"):
            read(tmp_path / "absent")


def test_tensors_come_back_bit_for_bit(tmp_path: Path) -> None:
    base = torch.randn(6, 4, dtype=torch.float64)
    tensors = {
        "weight": base,
        "tied": base,
        "view": base[1:3],
        "transposed": base.T,
        "half": torch.randn(3).bfloat16(),
        "count": torch.tensor(7),
        "mask": torch.tensor([True, False]),
        "empty": torch.empty(0, 3),
        "not finite": torch.tensor([float("nan"), float("inf")]),
    }
    digest = files.save_tensors(tmp_path / "w.safetensors", tensors)
    loaded = files.load_tensors(tmp_path / "w.safetensors", digest)
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        torch.testing.assert_close(loaded[name], tensor, rtol=0, atol=0, equal_nan=True)


def test_saving_tensors_leaves_the_caller_s_alone(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    files.save_tensors(tmp_path / "w", {"a": weight, "b": weight})
    weight.data[0] = 5
    assert files.load_tensors(tmp_path / "w", None)["a"].tolist() == [1, 1]
    assert weight.requires_grad


def test_tampered_and_truncated_tensor_files_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "w.safetensors"
    digest = files.save_tensors(place, {"weight": torch.arange(8.0)})
    whole = place.read_bytes()
    place.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # well-formed, but one bit of a weight is another
    files.load_tensors(place, None)
    with pytest.raises(RunError, match="not the file that was written"):
        files.load_tensors(place, digest)
    for damaged in (b"", whole[:5], whole[:-3], b"\x80\x04" + whole, b"\xff" * 16):
        place.write_bytes(damaged)
        with pytest.raises(RunError, match="not a whole safetensors file"):
            files.load_tensors(place, None)


def test_a_picture_is_saved_exactly(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    files.save_png(picture, tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as opened:
        np.testing.assert_array_equal(np.asarray(opened), picture)
