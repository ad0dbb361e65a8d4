"""Find the images or documents that are most like a given one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from belamy.cli.options import Json, NewFile, Offline, OfRun, Overwrite, Within, options
from belamy.cli.output import named_file, picture_file
from belamy.cli.parsing import verb
from belamy.errors import StorageError, UsageError

if TYPE_CHECKING:
    import torch

    from belamy.data import Dataset
    from belamy.editing.retrieval import Index
    from belamy.methods.base import BaseMethod
    from belamy.runs.run import Run

MOST = 64


@options
class Form(OfRun, Offline, Overwrite, Json):
    """Find what is most like a picture or a text: the nearest codes of a run's encoder. Pictures are laid out on a
    sheet beside their queries; documents, of a run trained on text, are listed."""

    run: str
    """The run's directory; its method must have an encoder."""
    queries: tuple[str, ...]
    """Pictures, folders of them, test:3 (test:0..7) for held-out images of the run's data; for a run of documents words
    in quotes, or a text file."""
    data: str | None = None
    """Where to search: any source of images like the run's; by default what the run was trained on."""
    count: Annotated[int, Within(1, MOST)] = 10
    """Results for each query."""
    metric: Literal["cosine", "euclidean", "whitened"] = "cosine"
    """How codes are compared; whitened divides each number of the code by its standard deviation."""
    index: str | None = None
    """A file with the index: read if it is there, and otherwise made and written."""
    out: Annotated[str, NewFile()] = "retrieved.png"
    """The PNG file to write; of documents none is."""

    def refuse(self) -> None:
        """Refuse to look for nothing, and files that cannot be."""
        super().refuse()
        if not self.queries:
            raise UsageError("Nothing is sought. Type e.g. `belamy retrieve RUN test:0`, or name a picture.")
        if self.index is not None and named_file(self.index, "--index").is_dir():
            raise StorageError(f"{self.index} is a folder. Name a file with --index.")


@verb(Form)
def run(form: Form) -> int:
    """Encode, search, show."""
    from belamy.cli.images import other
    from belamy.editing.retrieval import sheet
    from belamy.runs.files import write_bytes
    from belamy.sampling.points import encoded, encoder

    run, method = form.opened()
    text = documents_of(run)
    encoder(method)
    out = None if text else picture_file(form.out, form.overwrite)
    own = form.run_data(run)
    names, queries = documents(form, run, own) if text else pictures(form, own)
    data = own if form.data is None else other(form.data, own, form.offline)
    index = the_index(form, method, data)
    found = index.search(encoded(method, queries), form.count)
    results = [
        [result(data, place, far) for place, far in zip(*row, strict=True)]
        for row in zip(found.indices.tolist(), found.distances.tolist(), strict=True)
    ]
    if out is not None:
        write_bytes(out, sheet(queries, data, found, names).png)
    facts: dict[str, Any] = {
        "run": str(run.path), "among": len(index.codes), "data": data.name, "metric": index.metric,
        "queries": [{"query": name, "results": row} for name, row in zip(names, results, strict=True)],
        "files": [str(path) for path in (out, form.index) if path],
    }  # fmt: skip
    return form.deliver(facts, described(facts, out))


def documents_of(run: Run) -> bool:
    """Whether a run was trained on documents as bags of words.

    Raises:
        UsageError: It was trained on something else that cannot be laid out on a sheet of pictures.
    """
    from belamy.data.texts import holds_documents
    from belamy.modalities import modality

    kind = run.spec.modality
    if kind == "vector" and holds_documents(Path(run.recipe.data).expanduser()):
        return True
    if kind != "image":
        held = modality(kind).words[1]
        raise UsageError(f"retrieve finds pictures and documents, but this run was trained on {held}.")
    return False


def documents(form: Form, run: Run, data: Dataset) -> tuple[list[str], torch.Tensor]:
    """The queries' words and their bags.

    Raises:
        UsageError: The documents have changed since the run was trained, or no word of a query is known.
    """
    from belamy.data.files import read_text
    from belamy.data.formats.documents import BagOfWords
    from belamy.data.texts import SUFFIXES

    if form.data is not None:
        raise UsageError("A run of documents is searched among its own: words of others may be unknown. Omit --data.")
    if data.fingerprint != run.provenance.data:
        raise UsageError(f"The documents {run.recipe.data} have changed since the run was trained on them. Train anew.")
    known = BagOfWords(data.field.classes)
    texts = []
    for query in form.queries:
        path = Path(query) if len(query) < 256 else None
        given = path is not None and path.suffix.lower() in SUFFIXES and path.is_file()
        texts.append(read_text(path) if given and path is not None else query)
    bags = known.bags(texts)
    for query, bag in zip(form.queries, bags, strict=True):
        if not bag.any():
            raise UsageError(f"No word of '{query}' is known to this run. It knows e.g. {', '.join(known.words[-5:])}.")
    return list(form.queries), bags


def pictures(form: Form, data: Dataset) -> tuple[list[str], torch.Tensor]:
    """The queries' names and images."""
    import torch

    from belamy.cli.images import given

    names, images = [], []
    for query in form.queries:
        called, found, _ = given(query, data, form.offline)
        names += called
        images.append(found)
    if len(names) > MOST:
        raise UsageError(f"{len(names):,} queries are given, but at most {MOST} fit on a sheet. Give fewer.")
    return names, torch.cat(images)


def the_index(form: Form, method: BaseMethod, data: Dataset) -> Index:
    """The index that a file holds, or a new one.

    Raises:
        UsageError: The file is of other data or of another run.
    """
    import torch

    from belamy.editing.retrieval import Index, index
    from belamy.sampling.points import encoded

    split = "train" if form.data is None else "all"
    path = None if form.index is None else Path(form.index).expanduser()
    if path is None or not path.is_file() or form.overwrite:
        made = index(method, data, split, form.metric)
        if path is not None:
            made.save(path)
        return made
    held = Index.load(path)
    again = encoded(method, data.store.read(held.indices[:8])).float() if held.data == data.fingerprint else None
    if again is None or held.codes.shape[1:] != again.shape[1:] or not torch.allclose(held.codes[:8], again, atol=1e-3):
        raise UsageError(f"{path} is an index of other data or of another run. Name another, or type --overwrite.")
    return Index(held.codes, held.indices, form.metric, held.data)


def result(data: Dataset, place: int, far: float) -> dict[str, Any]:
    """One result in plain words."""
    name = data.names[place] if data.names else str(place)
    label = None if data.labels is None else data.classes[int(data.labels[place])]
    return {"name": name, "index": place, "distance": far, "label": label}


def described(facts: dict[str, Any], out: Path | None) -> str:
    """The results in words: of pictures where they are, of documents which."""
    if out is not None:
        return f"{out}: the nearest of {facts['among']:,} images of {facts['data']} ({facts['metric']})"
    lines = []
    for asked in facts["queries"]:
        lines.append(f"{asked['query']}  (among {facts['among']:,} documents, {facts['metric']})")
        lines += [f"  {each['distance']:.3f}  {each['name']}" for each in asked["results"]]
    return "\n".join(lines)
