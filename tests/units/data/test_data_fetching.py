"""Fetching from a server on this machine: whole and checked, or nothing."""

import gzip
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from belamy.data import open_data
from belamy.data.fetching import fetch
from belamy.data.formats.idx import write_idx
from belamy.data.load_options import LoadOptions
from belamy.data.sources import cifar10, fashion_mnist
from belamy.errors import DataError, StorageError

CONTENT = bytes(range(256)) * 8192
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves ``files``; ``asked`` counts the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/set.bin": CONTENT}
        self.asked = 0

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.path == "/cut.bin":
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:1000])
            return
        content = self.server.files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_file_is_fetched_once(server, tmp_path):
    cache = tmp_path / "deep/cache"
    path = fetch(server.url("set.bin"), DIGEST, cache)
    assert path == cache / "set.bin"
    assert path.read_bytes() == CONTENT
    assert fetch(server.url("set.bin"), DIGEST, cache) == path
    assert fetch(server.url("set.bin"), DIGEST, cache, offline=True) == path
    assert server.asked == 1
    assert [entry.name for entry in cache.iterdir()] == ["set.bin"]


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    with pytest.raises(DataError, match=f"SHA-256 {DIGEST[:16]}….*it should be aaaaaaaaaaaaaaaa"):
        fetch(server.url("set.bin"), "a" * 64, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_cache_is_mended(server, tmp_path):
    (tmp_path / "set.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(DataError, match=r"set\.bin is damaged, and --offline forbids"):
        fetch(server.url("set.bin"), DIGEST, tmp_path, offline=True)
    assert fetch(server.url("set.bin"), DIGEST, tmp_path).read_bytes() == CONTENT


def test_a_wrong_fetch_keeps_the_file_that_was_there(server, tmp_path):
    (tmp_path / "set.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match="thrown away"):
        fetch(server.url("set.bin"), "a" * 64, tmp_path)
    assert (tmp_path / "set.bin").read_bytes() == b"mine"


def test_a_connection_that_breaks_leaves_nothing(server, tmp_path):
    with pytest.raises(DataError, match=r"stopped after [\d,]+ of 2,097,152 bytes"):
        fetch(server.url("cut.bin"), DIGEST, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_explained(server, tmp_path):
    with pytest.raises(DataError, match="answered 404"):
        fetch(server.url("absent.bin"), DIGEST, tmp_path)
    with pytest.raises(DataError, match="is not a web address"):
        fetch("file:///set.bin", DIGEST, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_server_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DataError, match="cannot be reached"):
        fetch(f"http://127.0.0.1:{port}/set.bin", DIGEST, tmp_path)


def test_offline_asks_nobody(server, tmp_path):
    with pytest.raises(DataError, match=r"set\.bin is not there, and --offline forbids"):
        fetch(server.url("set.bin"), DIGEST, tmp_path, offline=True)
    assert server.asked == 0


def test_a_cache_that_cannot_be_written_is_explained(server, tmp_path):
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(StorageError, match=r"cannot be written.*\$BELAMY_CACHE"):
        fetch(server.url("set.bin"), DIGEST, tmp_path / "cache")


def test_a_full_disk_is_explained(server):
    full = Path("/dev/full")
    if not full.exists():
        pytest.fail("this test needs a system with /dev/full")
    from belamy.data.fetching import _download

    with pytest.raises(StorageError, match="The disk is full"):
        _download(server.url("set.bin"), full)


def test_the_cache_is_where_it_was_asked_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("BELAMY_CACHE", str(tmp_path))
    assert LoadOptions().cache_folder == tmp_path
    assert LoadOptions(cache=tmp_path / "other").cache_folder == tmp_path / "other"
    monkeypatch.delenv("BELAMY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr("sys.platform", "linux")
    assert LoadOptions().cache_folder == tmp_path / "xdg/belamy"
    monkeypatch.setattr("sys.platform", "darwin")
    assert LoadOptions().cache_folder.parts[-3:] == ("Library", "Caches", "belamy")
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert LoadOptions().cache_folder == tmp_path / "local/belamy/cache"


# ---- Fashion-MNIST and CIFAR-10, from files made here ----


@pytest.fixture
def small_fashion(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """The four files, tiny, behind the official names; nothing of Debian's."""
    source = np.random.default_rng(0)
    files, digests = {}, {}
    for name in fashion_mnist.FILES:
        count = 30 if name.startswith("train") else 10
        shape = (count, 28, 28) if "images" in name else (count,)
        content = write_idx(source.integers(0, 256 if "images" in name else 10, shape, dtype=np.uint8))
        packed = gzip.compress(content)
        files[f"/{name}.gz"] = packed
        digests[name] = (hashlib.sha256(packed).hexdigest(), hashlib.sha256(content).hexdigest())
    server.files = files
    monkeypatch.setattr(fashion_mnist, "FILES", digests)
    monkeypatch.setattr(fashion_mnist, "ADDRESS", server.url(""))
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "debian")
    return server


def test_fashion_is_fetched_then_cached(small_fashion, tmp_path):
    dataset = open_data("fashion-mnist", cache=tmp_path / "cache")
    assert dataset.shape == (1, 28, 28)
    assert {name: len(indices) for name, indices in dataset.splits.items()} == {"train": 30, "test": 10}
    assert dataset.classes[9] == "ankle boot"
    assert small_fashion.asked == 4
    again = open_data("fashion-mnist", cache=tmp_path / "cache", offline=True)
    assert again.fingerprint == dataset.fingerprint
    assert small_fashion.asked == 4


def test_fashion_is_found_in_a_folder_and_where_debian_puts_it(small_fashion, tmp_path):
    expected = open_data("fashion-mnist", cache=tmp_path / "cache").fingerprint
    (tmp_path / "mine").mkdir()
    (tmp_path / "debian").mkdir()
    for name, packed in small_fashion.files.items():
        content = gzip.decompress(packed)
        (tmp_path / "mine" / name.removeprefix("/").removesuffix(".gz")).write_bytes(content)
        # Debian packs the files anew, so their checksums differ while their content does not.
        (tmp_path / "debian" / name.removeprefix("/")).write_bytes(gzip.compress(content, 1))
    asked = small_fashion.asked
    nowhere = tmp_path / "empty"
    assert open_data(f"fashion-mnist:folder={tmp_path / 'mine'}", cache=nowhere).fingerprint == expected
    assert open_data("fashion-mnist", cache=nowhere).fingerprint == expected
    assert small_fashion.asked == asked
    assert not nowhere.exists()


def test_a_file_that_only_bears_the_name_is_refused(small_fashion, tmp_path):
    for name in fashion_mnist.FILES:
        (tmp_path / name).write_bytes(write_idx(np.zeros((1, 28, 28), np.uint8)))
    with pytest.raises(DataError, match="is not the file of Fashion-MNIST that it is named after"):
        open_data(f"fashion-mnist:folder={tmp_path}")


def test_a_folder_without_the_files_is_explained(small_fashion, tmp_path):
    with pytest.raises(DataError, match=r"holds neither train-images-idx3-ubyte\.gz nor train-images-idx3-ubyte"):
        open_data(f"fashion-mnist:folder={tmp_path}")


@pytest.mark.parametrize("name", ["fashion-mnist", "cifar10"])
def test_offline_without_a_cache_says_what_to_do(name, tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "debian")
    with pytest.raises(DataError, match=rf"{name} is not at hand: .*--offline.*--data {name}:folder=PATH"):
        open_data(name, offline=True, cache=tmp_path)


def test_cifar10_is_fetched_and_checked(server, monkeypatch, tmp_path):
    monkeypatch.setattr(cifar10, "ADDRESS", server.url("cifar-10-binary.tar.gz"))
    server.files["/cifar-10-binary.tar.gz"] = b"not the archive"
    with pytest.raises(DataError, match=f"it should be {cifar10.SHA256[:16]}"):
        open_data("cifar10", cache=tmp_path)
    assert os.listdir(tmp_path) == []
