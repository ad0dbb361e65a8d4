"""Mutated data files of every format: tracebacks, hangs and peak memory are counted.

Whole files are made of noise, then bytes are flipped, overwritten, cut out, repeated or cut off, inside packed members
too; each is opened and examined in a process whose memory is limited, as ``belamy data`` would. Whatever happens must
be data, or one of Belamy's own errors.

    python benchmarks/fuzz_data.py [--count 2000] [--seed 0] [--budget 268435456] [--seconds 60] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import io
import multiprocessing
import resource
import shutil
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console

PICTURES = ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "TGA", "PPM", "ICO", "AVIF", "JPEG2000")
SUFFIX = {"JPEG2000": "jp2"}
BATCH = 50
"""Files that one process opens, so that the peak of each stands out."""


def noise(source: np.random.Generator, *shape: int) -> np.ndarray:
    return source.integers(0, 256, shape, dtype=np.uint8)


def picture(source: np.random.Generator, kind: str) -> bytes:
    buffer = io.BytesIO()
    mode = source.choice(["RGB", "L", "RGBA", "I;16", "P"] if kind in ("PNG", "TIFF") else ["RGB"])
    image = Image.fromarray(noise(source, 20, 20, 3))
    if mode == "I;16":
        image = Image.fromarray(noise(source, 20, 20).astype(np.uint16) * 257)
    elif mode != "RGB":
        image = image.convert(str(mode))
    image.save(buffer, kind)
    return buffer.getvalue()


def idx(values: np.ndarray) -> bytes:
    return bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">u4").tobytes() + values.tobytes()


def saved(save: Callable[..., None], *arrays: Any, **named: Any) -> bytes:
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


def zipped(source: np.random.Generator, members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    method = source.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    with zipfile.ZipFile(buffer, "w", int(method)) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(source: np.random.Generator, members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=source.choice(["w:", "w:gz", "w:bz2", "w:xz"])) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def made(source: np.random.Generator, kind: str, folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    """A whole source: what to open, which file to damage, and the options."""
    pictures = {f"{'ab'[number % 2]}/{number}.png": picture(source, "PNG") for number in range(6)}
    batches = {
        name: b"".join(bytes([int(source.integers(10))]) + noise(source, 3072).tobytes() for _ in range(3))
        for name in ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin")
    }
    grey, labels = noise(source, 24, 12, 12), source.integers(0, 3, 24)
    deep = source.choice(np.array(["u1", "f4", "f8", "u2", "i8", "?"])).item()
    values = (grey > 99) if deep == "?" else grey.astype(deep) / 255 if deep[0] == "f" else grey.astype(deep)
    words = [" ".join(source.choice(list("abcdefghij"), 5).tolist()) for _ in range(20)]
    table = "file,label,age\n" + "".join(f"{number}.png,{'xy'[number % 2]},{number * 1.5}\n" for number in range(6))
    files: dict[str, bytes] = {
        "npy": saved(np.save, values),
        "npz": saved(
            source.choice(np.array([np.savez, np.savez_compressed])), images=values, labels=labels, hair=words * 2
        ),
        "idx": idx(grey),
        "idx.gz": gzip.compress(idx(grey)),
        "zip": zipped(source, pictures),
        "tar.gz": tarred(source, batches),
        "txt": "\n".join(words).encode(),
        "bin": batches["data_batch_1.bin"],
        "jsonl": "".join(f'{{"text": "{word} \\u00e9", "label": "{word[0]}"}}\n' for word in words).encode(),
    }
    if kind in files:
        path = folder / ("data_batch_1.bin" if kind == "bin" else f"x.{kind}")
        path.write_bytes(files[kind])
        return path, path, {"modality": "text"} if kind == "jsonl" else {}
    for name, content in pictures.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    if kind == "csv":
        (folder / "t.csv").write_text(table)
        return folder, folder / "t.csv", {"labels": "t.csv:label"}
    if kind == "captions":
        told = "".join(f'{"ab"[number % 2]}/{number}.png,"{words[number]}, ""é"""\n' for number in range(6))
        (folder / "c.csv").write_text(f"file,caption\n{told}", encoding="utf-8")
        return folder, folder / "c.csv", {"modality": "image:captions=c.csv"}
    path = folder / "a" / f"x.{SUFFIX.get(kind, kind.lower())}"
    path.write_bytes(picture(source, kind))
    return folder, path, {}


KINDS = (
    "npy",
    "npz",
    "npz",
    "idx",
    "idx.gz",
    "zip",
    "zip",
    "tar.gz",
    "txt",
    "bin",
    "csv",
    "jsonl",
    "captions",
    *PICTURES,
)


def mutated(source: np.random.Generator, content: bytes) -> bytes:
    """One to six changes, half of them among the first or last bytes, where headers and directories are."""
    damaged = bytearray(content)
    for _ in range(int(source.integers(1, 7))):
        if not damaged:
            break
        edge = int(min(len(damaged), 120))
        place = int(source.integers(len(damaged)))
        if source.random() < 0.5:
            place = (
                int(source.integers(edge)) if source.random() < 0.5 else len(damaged) - 1 - int(source.integers(edge))
            )
        length = int(source.integers(1, 9))
        change = source.choice(["flip", "random", "high", "zero", "cut", "repeat", "digits", "end"])
        if change == "flip":
            damaged[place] ^= 1 << int(source.integers(8))
        elif change == "cut":
            del damaged[place : place + length]
        elif change == "repeat":
            damaged[place:place] = damaged[place : place + length] * int(source.integers(1, 200))
        elif change == "end" and source.random() < 0.3:
            del damaged[place:]
        else:
            fill = {"random": noise(source, length).tobytes(), "high": b"\xff" * length, "digits": b"9" * length}
            damaged[place : place + length] = fill.get(str(change), bytes(length))[: len(damaged) - place]
    return bytes(damaged)


def bombs(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Small files that become large ones."""
    zeros = bytes(1 << 20)
    with gzip.open(folder / "bomb.idx.gz", "wb", 1) as packed:
        packed.write(bytes((0, 0, 8, 3)) + np.array((1 << 18, 64, 64), ">u4").tobytes())
        for _ in range(1 << 10):
            packed.write(zeros)
    yield folder / "bomb.idx.gz", {}
    yield folder / "bomb.idx.gz", {"size": 4}
    with (
        zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("images.npy", "w", force_zip64=True) as member,
    ):
        facts = {"descr": "<f8", "fortran_order": False, "shape": (1 << 13, 128, 128)}
        np.lib.format.write_array_header_1_0(member, facts)
        for _ in range(1 << 10):
            member.write(zeros)
    yield folder / "bomb.npz", {}
    yield folder / "bomb.npz", {"size": 4}
    (folder / "wide").mkdir()
    for number in range(3):
        Image.fromarray(np.full((9, 9), number, np.uint8)).save(folder / "wide" / f"{number}.png")
    (folder / "wide/t.csv").write_text("0.png,a\n" * 4000 + "1.png" + "," * 1_000_000 + "\n")
    yield folder / "wide", {"labels": "t.csv"}
    (folder / "lines.txt").write_text("a b\n" * 4_000_000)
    yield folder / "lines.txt", {}
    (folder / "large").mkdir()
    for number in range(6):
        Image.new("RGBA", (9000, 1000), (number, 0, 0, 9)).save(folder / f"large/{number}.png")
        Image.new("L", (10_000, 9_999), number).save(folder / f"large/l{number}.png")
    yield folder / "large", {}
    yield folder / "large", {"size": 2048}


def outcome(source: Path, options: dict[str, Any], budget: int, cache: Path) -> str:
    """What opening and examining a source comes to."""
    from belamy.data.doctor import examine
    from belamy.errors import BelamyError

    try:
        found = examine(source, **options, memory_budget=budget, cache=cache, offline=True)
        return "read, members passed over" if found.facts["skipped"] else "read"
    except BelamyError as error:
        return "refused as a defect" if "defect" in str(error) else "refused"
    except Exception as error:
        return f"TRACEBACK {type(error).__name__}: {error}"


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def work(link: Connection, budget: int, cache: Path) -> None:
    """A process that opens what it is told, and says what came of it and how much memory it took at the most."""
    faulthandler.enable()
    import torch

    torch.set_num_threads(1)
    outcome(Path("avatars-16"), {}, budget, cache)  # whatever is imported late
    base = peak()
    limit = resource.getrlimit(resource.RLIMIT_DATA)[1]
    lines = Path("/proc/self/status").read_text().splitlines()
    held = int(next(line.split()[1] for line in lines if line.startswith("VmData")))
    resource.setrlimit(resource.RLIMIT_DATA, (held * 1024 + budget * 3 // 2, limit))
    link.send(base)
    while (task := link.recv()) is not None:
        source, options = task
        link.send((outcome(source, options, budget, cache), peak() - base))


class Worker:
    """A process, made anew when it dies or hangs."""

    def __init__(self, budget: int, seconds: float, cache: Path) -> None:
        self._given, self._seconds = (budget, cache), seconds
        self._process: Any = None
        self.opened = 0

    def open(self, source: Path, options: dict[str, Any]) -> tuple[str, int]:
        if self._process is None or self.opened % BATCH == 0:
            self.close()
            self._link, theirs = multiprocessing.Pipe()
            context = multiprocessing.get_context("spawn")
            self._process = context.Process(target=work, args=(theirs, *self._given), daemon=True)
            self._process.start()
            theirs.close()
            self._link.recv()
        self.opened += 1
        self._link.send((source, options))
        try:
            if self._link.poll(self._seconds):
                return self._link.recv()
            result = "HANG"
        except (EOFError, ConnectionError):
            result = "DIED"
        self.close()
        return result, 0

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=1 << 28)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--keep", type=Path, help="a folder for the files that failed")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    failed: list[str] = []
    started, most = time.monotonic(), (0, "")
    with tempfile.TemporaryDirectory() as place:
        worker = Worker(given.budget, given.seconds, Path(place) / "cache")

        def judged(what: str, source: Path, options: dict[str, Any]) -> bool:
            nonlocal most
            result, taken = worker.open(source, options)
            counts[result.split(" ")[0] if result.isupper() or result.startswith("TRACEBACK") else result] += 1
            most = max(most, (taken, what))
            bad = result.startswith(("TRACEBACK", "HANG", "DIED", "refused as")) or taken > given.budget * 3 // 2
            if bad:
                failed.append(f"{what}: {result}, {taken / 2**20:,.0f} MiB")
            return bad

        for number in range(given.count):
            source = np.random.default_rng([given.seed, number])
            kind = KINDS[number % len(KINDS)]
            folder = Path(place) / str(number)
            folder.mkdir()
            opened, file, options = made(source, kind, folder)
            file.write_bytes(mutated(source, file.read_bytes()))
            if judged(f"{kind} {number}", opened, options) and given.keep:
                shutil.copytree(folder, given.keep / str(number), dirs_exist_ok=True)
            shutil.rmtree(folder)
        large = Path(place) / "bombs"
        large.mkdir()
        for bomb, options in bombs(large):
            judged(f"{bomb.name} {options}", bomb, options)
        worker.close()
    console, seconds = Console(highlight=False, markup=False, soft_wrap=True), time.monotonic() - started
    console.print(f"{sum(counts.values()):,} files in {seconds:,.0f} s, budget {given.budget / 2**20:,.0f} MiB")
    for name, count in counts.most_common():
        console.print(f"  {count:6,}  {name}")
    console.print(
        f"  peak above the start: {most[0] / 2**20:,.0f} MiB ({most[0] / given.budget:.2f} of the budget): {most[1]}"
    )
    for line in failed:
        console.print(f"  FAILED {line}")


if __name__ == "__main__":
    main()
