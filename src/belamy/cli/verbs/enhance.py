"""Make sound files clean by a trained method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from belamy.cli.options import Json, Offline, OfRun, Overwrite, ProgressOption, Seed, Within, options
from belamy.cli.output import named_file, picture_file, picture_folder, stems, telling
from belamy.cli.parsing import verb
from belamy.cli.serving import serve_page
from belamy.errors import UsageError


@options
class Form(OfRun, Offline, Overwrite, ProgressOption, Json):
    """Make sound files, or folders of them, clean by a run such as speech-enhancer's: files of any rate, length and
    number of channels, at their own level. An hour takes no more memory than a second. Files that cannot be read are
    left out and named, and the exit code is 1 then. Or record on a page of this
    machine, and hear what the run makes of it."""

    inputs: tuple[str, ...]
    """Files and folders; none with --microphone."""
    out: str = "enhanced"
    """The folder to write; or the WAV file, of one input."""
    bits: Literal[16, 32] | None = None
    """Of a sample: 16, or 32 for floats, which are not cut off beyond the range; by default as fine as the input."""
    seed: Seed = 0
    """Decides what is random, where a network takes noise."""
    microphone: bool = False
    """Serve a page, to this machine alone, that records, enhances and plays both; until Ctrl-C."""
    port: Annotated[int, Within(0, 65_535)] = 8000
    """Where that page is; 0 takes a free port."""

    def refuse(self) -> None:
        """Refuse what cannot be read, or written."""
        super().refuse()
        from belamy.api.enhancing import sounds_given

        if self.microphone:
            if self.inputs or self.out != Form.out or self.bits or self.overwrite:
                raise UsageError(
                    "--microphone records on a page, where sounds are also saved; files, --out, --bits and --overwrite "
                    f"are for files. Type belamy enhance {self.run} --microphone."
                )
            return
        if self.port != Form.port:
            raise UsageError("--port is for the page. Type --microphone with it.")
        if not self.inputs:
            raise UsageError("Nothing is given to enhance. Name sound files or folders, or type --microphone.")
        files = sounds_given(self.inputs)
        if spoilt := {path.resolve() for path in files} & {path.resolve() for path in self.outputs(files).values()}:
            raise UsageError(
                f"{min(spoilt)} is one of the recordings, which are never written over. Give another --out."
            )

    def destination(self) -> tuple[Path, bool]:
        """What to write, and whether it is one file."""
        out = named_file(self.out, "--out")
        if out.suffix and not out.is_dir():
            if len(self.inputs) != 1 or not Path(self.inputs[0]).expanduser().is_file():
                raise UsageError(f"--out is the file {out}, but there may be several inputs. Name a folder.")
            return picture_file(self.out, self.overwrite, ("wav",)), True
        return picture_folder(out, self.overwrite), False

    def outputs(self, files: Sequence[Path]) -> dict[Path, Path]:
        """What is written for each input."""
        out, one = self.destination()
        names = stems([path.name for path in files])
        return {path: out if one else out / f"{name}.wav" for path, name in zip(files, names, strict=True)}


@verb(Form)
def run(form: Form) -> int:
    """Write a clean file of each, or serve the page; the exit code is 1 where files were left out."""
    return _listen(form) if form.microphone else _write(form)


def _listen(form: Form) -> int:
    from belamy.api.microphone import SoundCleaner, listening_page

    cleaner = SoundCleaner(form.run, weights=form.weights, device=form.device, seed=form.seed)
    return serve_page(listening_page(cleaner), form, "Record at")


def _write(form: Form) -> int:
    from belamy.api.enhancing import enhance, enhancer, run_rate, sounds_given
    from belamy.runs.run import Run

    run = Run.open(form.run)
    method = enhancer(run, form.weights)
    files = sounds_given(form.inputs)
    outputs = form.outputs(files)
    skipped: list[tuple[str, str]] = []
    with form.reporting() as told:
        made = enhance(
            run, files, outputs.__getitem__, seed=form.seed,
            weights=form.weights, device=form.device, bits=form.bits, method=method, skipped=skipped,
            progress=telling(told, "seconds of sound"),
        )  # fmt: skip
    rate = run_rate(method)
    notes = [
        f"{each.name}: {each.clipped:,} samples beyond the range were cut off; --bits 32 keeps them"
        for each in made if each.clipped
    ]  # fmt: skip
    higher = [each.name for each in made if each.rate > rate]
    if higher:
        notes.append(
            f"the run knows {rate:,} samples a second, so above {rate // 2:,} Hz nothing is left of {higher[0]}"
            + (f" and {len(higher) - 1} more" if higher[1:] else "")
        )
    lines = [
        f"{each.path}: {each.seconds:.1f} s of {each.channels} channel(s) at {each.rate:,} samples a second in "
        f"{each.took:.1f} s (real-time factor {each.real_time_factor:.3f})"
        for each in made
    ]
    lines += [f"note: {note}" for note in notes] + [f"left out {name}: {why}" for name, why in skipped]
    facts = {
        "run": str(run.path), "seed": form.seed, "weights": form.weights, "notes": notes,
        "skipped": [list(each) for each in skipped],
        "files": [
            {"input": each.name, "file": str(each.path), "seconds": each.seconds, "rate": each.rate,
             "channels": each.channels, "bits": each.bits, "real_time_factor": each.real_time_factor}
            for each in made
        ],
    }  # fmt: skip
    return form.deliver(facts, "\n".join(lines)) or int(bool(skipped))
