"""Published weights: fetched once by address and checksum, or a file that the user has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from belamy.data.fetching import checksum, fetch
from belamy.data.load_options import LoadOptions
from belamy.errors import DataError

_DIGITS = 8


@dataclass(frozen=True)
class Published:
    """Weights that somebody published.

    Args:
        name: Of the file.
        sha256: Of its content, or the first eight digits or more where no more is published.
        source: The publisher, in words.
        url: Its address; None where it cannot be fetched by us, but by the user.
        folder: In the cache's folder of weights, for files whose names say little.
    """

    name: str
    sha256: str
    source: str
    url: str | None = None
    folder: str = ""


INCEPTION = Published(
    "pt_inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    "the releases of pytorch-fid",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
)
_MINILM = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main"
MINILM = Published(
    "model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)",
    f"{_MINILM}/model.safetensors",
    "all-MiniLM-L6-v2",
)
MINILM_PIECES = Published(
    "vocab.txt",
    "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)",
    f"{_MINILM}/vocab.txt",
    "all-MiniLM-L6-v2",
)
VGG19_TORCHVISION = Published(
    "vgg19-dcbb9e9d.pth", "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44", "torchvision"
)
"""VGG-19 as torchvision trained it: ``VGG(19, preparation="torchvision")``."""
VGG19_CAFFE = Published("vgg19-d01eb7cb.pth", "d01eb7cb", "jcjohnson/pytorch-vgg")
"""VGG-19 as published, the numbers of Keras' file in torchvision's layout: ``VGG(19, preparation="caffe")``."""
VGG16_TORCHVISION = Published("vgg16-397923af.pth", "397923af", "torchvision")
"""VGG-16 as torchvision trained it."""
VGG16_CAFFE = Published("vgg16-00b39a1b.pth", "00b39a1b", "jcjohnson/pytorch-vgg")
"""VGG-16 as published."""
ALEXNET = Published("alexnet-owt-7be5be79.pth", "7be5be79", "torchvision")
"""AlexNet as torchvision trained it."""


def find(
    published: Published,
    *,
    file: Path | None = None,
    cache: Path | None = None,
    offline: bool = False,
    option: str = "--extractor-weights",
) -> Path:
    """The file of published weights, believed only when its checksum is right.

    Args:
        published: Which.
        file: Where the user has them; None looks in the cache, and then fetches them into it.
        cache: The cache; None is $BELAMY_CACHE or the platform's. Weights lie in its folder ``weights``.
        offline: Never touch the network.
        option: The command's option that names the file, for messages.

    Raises:
        DataError: They are not there, cannot be fetched or are others; the message names the file, its checksum and
            where to put it.
        StorageError: The cache cannot be written.
    """
    folder = LoadOptions(cache=cache).cache_folder / "weights" / published.folder
    place = folder / published.name if file is None else Path(file)
    hint = (
        f"The file is {published.name} of {published.source}, SHA-256 {published.sha256}: put it at "
        f"{folder / published.name}, or give it with {option} FILE."
    )
    if place.is_file():
        found = checksum(place)
        if found.startswith(published.sha256):
            return place
        if file is not None or offline or published.url is None:
            raise DataError(f"{place} has the SHA-256 {found[: max(16, _DIGITS)]}…: it is damaged or another. {hint}")
    elif file is not None:
        raise DataError(f"There is no file {place}. {hint}")
    if published.url is None:
        raise DataError(f"The weights {published.name} are not at hand. {hint}")
    try:
        return fetch(published.url, published.sha256, folder, offline)
    except DataError as error:
        raise DataError(f"{error} {hint}") from error


def recognised(file: Path, known: Sequence[Published], option: str) -> Published:
    """Which published weights a file holds, by its checksum.

    Args:
        file: The user's.
        known: Those that would do.
        option: The command's option that names the file, for messages.

    Raises:
        DataError: There is no such file, or it holds none of them.
    """
    if not Path(file).is_file():
        raise DataError(f"There is no file {file}. Give {_listed(known)} with {option} FILE.")
    digest = checksum(Path(file))
    for published in known:
        if digest.startswith(published.sha256):
            return published
    raise DataError(
        f"{file} has the SHA-256 {digest[: max(16, _DIGITS)]}…: it is damaged or another. Give {_listed(known)} with "
        f"{option} FILE."
    )


def _listed(known: Sequence[Published]) -> str:
    *others, last = (f"{each.name} of {each.source}" for each in known)
    return f"{', '.join(others)} or {last}" if others else last


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name: safetensors, or a state dict as PyTorch saves it, of which no code is run.

    Raises:
        DataError: It is neither.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    wrong = f"{path} is no file of weights: neither safetensors nor a state dict of PyTorch."
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise DataError(wrong) from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader of foreign files raises whatever the damage makes it stumble over
        raise DataError(wrong) from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise DataError(wrong)
    return dict(found)


def as_safetensors(path: Path) -> str:
    """A file that another library is about to load, which must not be one that can run code.

    Raises:
        DataError: It is missing, or no safetensors file.
    """
    if not path.is_file() or path.suffix != ".safetensors":
        state = "is no file" if not path.is_file() else "is no safetensors file, and others could run code"
        raise DataError(f"{path} {state}. Give the published file *.safetensors with --extractor-weights FILE.")
    return str(path)
