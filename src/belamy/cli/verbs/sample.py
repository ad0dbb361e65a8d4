"""Draw samples from a run: pictures, sounds, texts, tables …, whatever it learned to make."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from belamy.cli.images import chosen_class, heeds_labels
from belamy.cli.method_options import chosen, extended, named_run
from belamy.cli.options import Json, Offline, OfRun, Overwrite, ProgressOption, Seed, Within, options
from belamy.cli.output import named_file
from belamy.cli.parsing import parse
from belamy.errors import StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from torch import Tensor

    from belamy.evaluation.features import Extractor
    from belamy.methods.base import BaseMethod
    from belamy.runs.run import Run

MOST = 10_000_000
ON_SHEET = 1024
"""Images on one sheet, at most: more cannot be looked at."""
IN_A_ROW = 16
"""Texts at most that have a column each."""
CHUNK = 1024


@options
class Form(OfRun, Offline, Overwrite, ProgressOption, Json):
    """Draw samples from a run, each into a file of its kind. Sample i depends on the seed and on i alone, not on how
    many are drawn at a time. A sampler may have options of its own, e.g. a temperature: `belamy sample RUN --help`."""

    count: Annotated[int, Within(1, MOST)] = 64
    """How many samples."""
    seed: Seed = 0
    """Decides the samples."""
    start: Annotated[int, Within(0, 2**53)] = 0
    """Number of the first sample."""
    out: str = "samples"
    """A folder for a file of each sample (PNG, WAV, TXT, NPY, CSV …) and a sheet of them, or a file: NAME.png is one
    sheet, NAME.npz an array of all, NAME.csv all rows of a table, NAME.txt all texts, one a line."""
    label: str | None = None
    """Draw this class alone, by name or number; by default the classes in turn, where the networks use labels."""
    text: tuple[str, ...] = ()
    """Draw what this says, of a run that learned with captions, e.g. "a face with a beard", or what each of several
    says, in turn; by default what the method draws of itself."""
    voice: str | None = None
    """A recording of who is to speak, of a run that learned with voices; by default its speakers in turn."""
    batch: Annotated[int, Within(1, 65_536)] = 64
    """How many to draw at a time."""
    steps: Annotated[int | None, Within(1, 1_000_000)] = None
    """Steps of a sampler that takes many; by default the method's own number."""
    format: Literal["png", "npz"] | None = None
    """What a folder gets: a file of each sample, which are png files of pictures, or one samples.npz."""
    truncation: Annotated[float | None, Within(-10, 10)] = None
    """Of style-based generators: how far styles stay from their mean. 1 leaves them there; less gives likelier and less
    varied samples, 0 the mean alone."""
    check: bool = False
    """Say how many of the images an independent classifier takes for the class that was asked for; the classifier is
    trained on the run's data once and kept."""

    def refuse(self) -> None:
        """Refuse more than a sheet holds, and files that are there or cannot be."""
        super().refuse()
        kind, out = self.destination()
        if kind == "sheet" and self.count > ON_SHEET:
            raise UsageError(f"--count is {self.count:,}, but a sheet holds 1..{ON_SHEET:,}. Name a folder for more.")
        taken = any(out.iterdir()) if kind == "folder" and out.is_dir() else out.exists()
        if taken and not self.overwrite:
            what = "is a folder with files in it" if out.is_dir() else "is there already"
            raise StorageError(
                f"{out} {what}, and nothing is overwritten unasked. Give another --out, or type --overwrite."
            )
        if taken and out.is_dir() != (kind == "folder"):
            raise StorageError(f"{out} is a {'folder' if out.is_dir() else 'file'}. Give another --out.")

    def destination(self) -> tuple[str, Path]:
        """What to write (``folder``, ``sheet``, ``npz``, ``rows`` or ``lines``) and where."""
        out = named_file(self.out, "--out")
        kinds = {".npz": "npz", ".png": "sheet", ".csv": "rows", ".txt": "lines"}
        kind = kinds.get(out.suffix.lower())
        if kind and self.format not in (None, out.suffix.lower()[1:]):
            raise UsageError(f"--out {self.out} and --format {self.format} contradict each other. Leave --format out.")
        if kind is None and self.format == "npz":
            return "npz", named_file(str(out / "samples.npz"), "--out")
        return kind or "folder", out


def run(words: Sequence[str]) -> int:
    """Draw and write."""
    return work(parse(extended(Form, named_run(words)), words, "belamy sample"))


def work(form: Form) -> int:
    """Draw and write what a form says."""
    from belamy.modalities import modality
    from belamy.sampling.draw import symbols_of, unsettled
    from belamy.sampling.styles import Truncated

    run, method = form.opened()
    if form.format == "png" and method.output.modality != "image":
        words = modality(method.output.modality).words[1]
        raise UsageError(f"{run.path} makes {words}, which are no PNG files. Leave --format out, or name a NAME.png.")
    voice = heard_voice(method, form)
    label = chosen_class(method, form.label, form.say())
    if form.text:
        symbols_of(method, form.text, len(form.text))  # refused before a judge is trained
    fidelity = fidelity_to(run, method, form) if form.check else None
    shown: Any = method if form.truncation is None else Truncated(method, form.truncation)
    written = write(shown, form, label, fidelity, voice)
    facts = {
        "run": str(run.path), "count": form.count, "seed": form.seed, "start": form.start,
        "text": form.text[0] if len(form.text) == 1 else list(form.text) or None, "voice": form.voice,
        "label": label, "class": None if label is None else run.spec.classes[label], "weights": form.weights,
        **chosen(form),
    }  # fmt: skip
    checked = fidelity.facts() if fidelity else {}
    if (note := unsettled(method, run.samples_seen)) and (say := form.say()):
        say(note)
    text = _summary(written, form.count, modality(method.output.modality).words) + (
        f"\n{fidelity_told(checked)}" if checked else ""
    )
    return form.deliver({**facts, **checked, "files": [str(path) for path in written]}, text)


def heard_voice(method: BaseMethod, form: Form) -> Tensor | None:
    """The voice that is asked for; None where none is.

    Raises:
        UsageError: The run takes none, or something else is asked for that has no meaning beside it.
        DataError: The recording cannot be read.
    """
    from belamy.api.voices import voice_of
    from belamy.sampling.draw import check_voice

    if form.voice is None:
        return None
    check_voice(method)
    beside = {"--label": form.label is not None, "--text": bool(form.text), "--check": form.check}
    if wrong := next((name for name, given in beside.items() if given), None):
        raise UsageError(f"--voice tells who speaks, so {wrong} has no meaning beside it. Leave one of them out.")
    return voice_of(form.voice)


class Fidelity:
    """Counts the images that an independent classifier takes for the class that was asked for.

    Args:
        extractor: The classifier.
        classes: How many classes there are.
    """

    def __init__(self, extractor: Extractor, classes: int) -> None:
        from belamy.evaluation.metrics.label_fidelity import Metric

        self.extractor, self.classes, self.metric = extractor, classes, Metric()

    def look(self, images: Tensor, first: int, label: int | None) -> None:
        """Count images from number ``first`` on, of one class or of the classes in turn."""
        import torch

        asked = torch.arange(first, first + len(images)) % self.classes
        self.metric.update(
            fake=self.extractor.extract(images, asked if label is None else torch.full_like(asked, label))
        )

    def facts(self) -> dict[str, Any]:
        """The share, and who judged."""
        judge = f"{self.extractor.name}@{self.extractor.digest}"
        accuracy = getattr(self.extractor, "accuracy", "")
        return {"label_fidelity": self.metric.compute()["label-fidelity"], "judge": judge, "judge_accuracy": accuracy}


def fidelity_to(run: Run, method: BaseMethod, form: Form) -> Fidelity:
    """The check of a run's samples.

    Raises:
        UsageError: Its networks do not use labels, so no class is asked for.
    """
    if not heeds_labels(method):
        raise UsageError("This run's networks do not use labels, so there is nothing to check. Leave --check out.")
    from belamy.judges.judge import extractor, trained_judge

    data = form.run_data(run)
    return Fidelity(extractor(data, trained_judge(data), always=True), len(run.spec.classes))


def fidelity_told(checked: dict[str, Any]) -> str:
    """The share in words."""
    judge = f"{checked['judge']} ({checked['judge_accuracy']})"
    return f"{checked['label_fidelity']:.2%} are of the class asked for, says {judge}"


def write(
    method: BaseMethod, form: Form, label: int | None, fidelity: Fidelity | None = None, voice: Tensor | None = None
) -> list[Path]:
    """Draw the samples, have them looked at, and write them; the progress is shown where it takes long."""
    from belamy.modalities import modality
    from belamy.progress import Counting, reporter
    from belamy.sampling.draw import draw

    shown = reporter(form.progress and not form.quiet)
    counting = Counting(shown, form.count, "samples")

    def drawn(first: int, count: int) -> Tensor:
        def report(done: int, total: int) -> None:
            counting(first + count * done // total - counting.done)

        start = form.start + first
        texts = [form.text[number % len(form.text)] for number in range(start, start + count)] if form.text else None
        raw = draw(method, count, seed=form.seed, start=start, labels=label, text=texts, voice=voice,
                   batch=form.batch, steps=form.steps, report=report, options=chosen(form))  # fmt: skip
        if fidelity:
            fidelity.look(raw, start, label)
        return raw

    kind, out = form.destination()
    made: Any = modality(method.output.modality)
    if kind == "rows" and not hasattr(made, "join"):
        raise UsageError(
            f"{out} would hold rows of a table, but this run makes {made.words[1]}. Give a folder as --out."
        )
    if kind == "lines" and method.output.modality != "text":
        raise UsageError(f"{out} would hold texts, but this run makes {made.words[1]}. Give a folder as --out.")
    try:
        if kind == "folder":
            return _folder(method, form, out, drawn)
        from belamy.runs.files import save_png, write_bytes

        raw = drawn(0, form.count)
        if kind == "sheet":
            save_png(_sheet(raw, method, len(form.text)), out)
        elif kind == "rows":
            write_bytes(out, made.join(raw, method.output, _told(method, form, label)))
        elif kind == "lines":
            write_bytes(out, made.media(raw, method.output)[0].data + b"\n")
        else:
            classes = len(method.spec.classes) if voice is None and heeds_labels(method) else 0
            write_bytes(out, _packed(raw, method, form, label, classes))
        return [out]
    finally:
        if shown.due():
            shown.work(min(1.0, counting.done / form.count), f"{counting.done:,} of {form.count:,} samples")
        shown.close()


def _folder(method: BaseMethod, form: Form, out: Path, drawn: Callable[[int, int], Tensor]) -> list[Path]:
    """A file of each sample, drawn a chunk at a time so that any number fits the memory, and a sheet.

    They are made in a folder beside, and come into their own when all are there.
    """
    import torch

    from belamy.modalities import WrittenTwice, modality, suffix_of
    from belamy.runs.files import filling, save_png, write_bytes

    digits, field = max(6, len(str(form.start + form.count - 1))), method.output
    kind, names, shown = modality(field.modality), [], []
    with filling(out) as folder:
        for first in range(0, form.count, CHUNK):
            raw = drawn(first, min(CHUNK, form.count - first))
            for offset, sample in enumerate(raw):
                names.append(f"{form.start + first + offset:0{digits}d}{suffix_of(field)}")
                write_bytes(folder / names[-1], kind.encode(sample, field))
                for suffix, data in kind.others(sample, field).items() if isinstance(kind, WrittenTwice) else ():
                    write_bytes((folder / names[-1]).with_suffix(suffix), data)
            if first < ON_SHEET:
                shown.append(raw)
        save_png(_sheet(torch.cat(shown), method, len(form.text)), folder / "sheet.png")
    return [out / name for name in (*names, "sheet.png")]


def _sheet(raw: Tensor, method: BaseMethod, texts: int = 0) -> np.ndarray:
    """Pictures so large that they can be seen, those of one of several texts below each other; other kinds as they show
    themselves."""
    from belamy.modalities.grid import grid
    from belamy.sampling.sheets import sheet_of

    field = method.output
    plain = field.modality == "image" and field.bits == 8 and field.shape[0] in (1, 3)
    columns = texts if 1 < texts <= IN_A_ROW else None
    return grid(raw, columns, scale=None) if plain else sheet_of(raw, field)


def _told(method: BaseMethod, form: Form, label: int | None) -> list[str]:
    """The name of the class of each sample; [] where the networks use no labels."""
    classes = method.spec.classes if heeds_labels(method) else ()
    numbers = range(form.start, form.start + form.count) if classes else ()
    return [classes[number % len(classes) if label is None else label] for number in numbers]


def _packed(raw: Tensor, method: BaseMethod, form: Form, label: int | None, classes: int) -> bytes:
    """The bytes of an ``.npz`` with ``images`` [N, H, W, C], of other kinds ``samples`` [N, …], and, where the networks
    use them, ``labels`` [N]."""
    import numpy as np

    pictures = method.output.modality == "image"
    arrays = {"images": raw.permute(0, 2, 3, 1).contiguous().numpy()} if pictures else {"samples": raw.numpy()}
    if classes:
        numbers = np.arange(form.start, form.start + form.count) % classes
        arrays["labels"] = numbers if label is None else np.full(form.count, label)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _summary(written: list[Path], count: int, words: tuple[str, str]) -> str:
    held = f"{count:,} {'images' if words[1] == 'pictures' else words[count != 1]}"
    if len(written) == 1:
        return f"{held} in {written[0]}"
    return f"{held} and a sheet, {written[-1].name}, in {written[-1].parent}"
