"""An evaluation put together: images, real data, extractor and panel."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from belamy.api.judged import COUNT, SHOWN, Protocol, by_itself, judged, pictured, reference
from belamy.api.judged_texts import Told, asked_measures, check_names, draws_by_text, judged_texts
from belamy.api.judged_translations import check_data, check_measures, judged_translations
from belamy.data import Dataset
from belamy.errors import UsageError, nearest
from belamy.evaluation.candidate import Candidate, Drawn, Stored, Translated, facing, is_run
from belamy.evaluation.features import Extractor
from belamy.evaluation.findings import BY_DEFAULT
from belamy.evaluation.measures import Measure
from belamy.evaluation.measures import measures as measures_of
from belamy.evaluation.metrics import METRICS, named
from belamy.evaluation.own import own_measures
from belamy.evaluation.panel import LEAST, Judgement, Panel, compared, learned_from, needs_of, unmet
from belamy.evaluation.probes import PROBES
from belamy.evaluation.verdict import Verdict
from belamy.judges.classifier_score import check, classifier_score, conditional_samples
from belamy.judges.extractors import checked, choose
from belamy.judges.judge import trained_judge
from belamy.modalities import spoken
from belamy.modalities.sizes import SizeOption
from belamy.progress import Counting, Reporter, reporter
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.sampling.draw import unsettled
from belamy.seeds import generator

STANDARD = (
    "frechet", "frechet-infinity", "kernel", "precision-recall", "density-coverage", "inception-score", "modes",
    "diversity", "sharpness", "saturation", "label-fidelity", "authenticity", "data-copying", "birthday", "neighbours",
    "bleu", "self-bleu", "ngram-divergence", "reverse-perplexity", "copied-texts", "grammar", "pitch-accuracy",
    "voice-leading", "bars", "copied-passages",
)  # fmt: skip
"""The metrics of an evaluation, as far as the data and the extractor allow them."""
SPLITS = ("train", "validation", "test")
ENOUGH = 1000
"""Held-out images from which on they alone are compared with."""


def evaluate(
    source: str | Path | Run,
    against: str | Path | None = None,
    *,
    metrics: Sequence[str] | None = None,
    extractor: str | None = None,
    extractor_weights: str | Path | None = None,
    count: int = COUNT,
    split: str | None = None,
    seed: int = 0,
    size: SizeOption = None,
    modality: str | None = None,
    rate: int | None = None,
    length: int | None = None,
    real_baseline: bool = True,
    best: bool = False,
    controls: bool = False,
    probes: Sequence[str] = (),
    classifiers: int = 0,
    measures: Sequence[str] = (),
    options: Mapping[str, float | str] | None = None,
    device: str = "auto",
    offline: bool = False,
    progress: bool = True,
) -> Verdict:
    """Judge the samples of a run, or images that are there already, against real ones.

    Args:
        source: A run or its directory, a folder or ``.zip`` of images, an ``.npz`` or ``.npy`` array, or another data
            source.
        against: The real images: any data source. A run is judged against its own data unless others are named.
        metrics: Names in the registry ``belamy.evaluation.metrics`` with their options, e.g. ``["frechet",
            "kernel:subsets=50"]``; by default the standard ones that the data allow.
        extractor: Turns images into features; by default a classifier of the data's own labels, or, without labels,
            whichever suits the data without a network connection.
        extractor_weights: The extractor's weights as a file.
        count: How many images are judged.
        split: Which of the real images are compared with: ``test``, ``train`` or ``all``; by default ``test``, or all
            where the tenth that is held out is too few.
        seed: Of the samples, of the choice among images, and of all resampling.
        size: Make all pictures of this size, in pixels: the side of squares, ``WIDTHxHEIGHT``, or (height, width);
            without it they are taken as they are.
        modality: What kind source and ``against`` are, where they do not say it themselves; not for runs.
        rate: Of sound and films: samples or frames per second.
        length: Samples of a clip, symbols of a text, frames of a film, steps of a series.
        real_baseline: Judge real images too, which takes as long again.
        best: Take a run's best weights, as ``train --keep-best`` kept them, instead of its newest.
        controls: Judge noise and copies of the training images too: a measure that cannot tell them from good samples
            says little.
        probes: What is asked of a run's method itself, names in the registry ``belamy.evaluation.probes`` with their
            options: ``path-length``, ``continuity``, ``reconstruction``, ``elbo``.
        classifiers: Train so many classifiers on a run's samples alone and test them on real images (classifier
            accuracy score): minutes each.
        measures: What is asked of a run's translations of held-out samples, as of ``belamy translate``: ``labels``,
            ``attributes``, ``cycle``, ``cost``; or of its pictures of held-out captions: ``attributes``, ``retrieval``,
            ``variety``; or ``all`` that can be told.
        options: Of how a run's method draws, its ``sampling_options``: e.g. ``{"guidance": 2}``.
        device: Where a run draws.
        offline: Never fetch anything from the network.
        progress: Show how far it is.

    Raises:
        BelamyError: What is wrong and what to type instead.

    Example:
        >>> verdict = evaluate("runs/digits-1", count=1000)  # doctest: +SKIP
        >>> print(verdict.table())  # doctest: +SKIP
    """
    path = source.path if isinstance(source, Run) else Path(source) if isinstance(source, Path) else source
    weights = None if extractor_weights is None else Path(extractor_weights).expanduser()
    protocol = Protocol(
        metrics, extractor, weights, count, split, seed, size, modality, rate, length, real_baseline, best, controls,
        probes, classifiers, measures, dict(options or {}),
    )  # fmt: skip
    say = reporter(progress)
    try:
        return judge(str(path), None if against is None else str(against), protocol, say, device, offline)
    finally:
        say.close()


def judge(
    source: str, against: str | None, protocol: Protocol, say: Reporter, device: str = "auto", offline: bool = False
) -> Verdict:
    """The verdict on a source; see :func:`evaluate`."""
    run = Run.open(source) if is_run(source) else None
    asked = check_request(run, source, against, protocol)
    data, fit = reference(run, source, against, protocol, say, offline)
    split, held, why = compared_with(data, protocol.split)
    if run is None or run.build().output[:2] == data.field[:2]:
        refuse_unmet(asked, data, split, held)
    by_text = draws_by_text(run)
    of_texts = asked_measures(protocol.measures, data) if by_text else []
    of_translations = replace(protocol, measures=()) if by_text else protocol
    check_data(run, of_translations.measures, data)
    candidate = judged(run, source, data, protocol, say, device, offline)
    judged_pairs, remarks = judged_translations(run, data, of_translations, device, say.say)
    if candidate is None:
        assert run is not None
        typed = command(source, against, protocol)
        return by_itself(run, data, protocol, device, typed, judged_pairs, remarks)
    whole = data
    if isinstance(candidate.source, Drawn | Translated):
        data = facing(data, candidate.source.method)
        split, held, why = compared_with(data, protocol.split)
    refuse_unmet(asked, data, split, held)
    probes = built(protocol, candidate, data)
    refuse_unlabelled(asked, candidate, run)
    extractor = choose(protocol.extractor, data, offline=offline, weights=protocol.extractor_weights, say=say.say)
    said = own_measures(candidate.source.method, whole, protocol.seed) if isinstance(
        candidate.source, Drawn | Translated) else ()  # fmt: skip
    asked_of_method = probed(candidate, probes, data, extractor, protocol, say)
    in_words = Told()
    if by_text and isinstance(candidate.source, Drawn):
        in_words = judged_texts(candidate.source.method, whole, protocol, of_texts, extractor, say.say)
    kind = data.field.modality
    panel = Panel(extractor, data, split, named(protocol.metrics), held=held, fit=fit, usual=STANDARD)
    counting = Counting(
        say, panel.work(candidate.count, protocol.real_baseline, protocol.controls), spoken("images judged", kind)
    )
    panel.told, panel.doing = counting, counting.doing
    found = panel.judge_candidate(candidate)
    real_baseline = panel.real_baseline(candidate.count, protocol.seed, detail=True) if protocol.real_baseline else None
    controls = controlled(panel, candidate, protocol)
    notes = [*why, *stated(run, whole, candidate, protocol), *found.notes, *remarks, *in_words.notes]
    real = next(Stored(data, shuffled(panel.indices, generator(protocol.seed, "shown"))).chunks())[0]
    return Verdict(
        subject=subject(source, run, candidate),
        against={"name": data.name, "split": split, "rule": data.rule, "images": len(data), "fit": fit},
        card=replace(found.card, metrics={**found.card.metrics, **in_words.protocol}),
        measures=(
            *measures_of(found, real_baseline, controls), *asked_of_method, *in_words.measures, *said, *judged_pairs
        ),
        notes=tuple(dict.fromkeys(notes)),
        sheets={"Judged": pictured(found.shown, data), f"Real, {split} of {data.name}": pictured(real, data)},
        figures=found.figures, command=command(source, against, protocol), copies=found.copies, missing=found.missing,
    )  # fmt: skip


def controlled(panel: Panel, candidate: Candidate, protocol: Protocol) -> dict[str, Judgement]:
    """The verdicts on what must not do well, if asked for, and on samples without the options that were chosen."""
    found = panel.controls(candidate.count, protocol.seed) if protocol.controls else {}
    if protocol.options and isinstance(candidate.source, Drawn):
        found[BY_DEFAULT] = panel.judge_method(candidate.source.method, candidate.count, protocol.seed)
    return found


def refuse_unmet(asked: Sequence[str] | None, data: Dataset, split: str, held: str | None) -> None:
    """Refuse a metric that the data do not allow.

    Raises:
        UsageError: One that is asked for.
    """
    for name in asked or ():
        if lacking := unmet(name, data, split, learned_from(data, held or split)):
            raise UsageError(f"The metric '{name}' {lacking}")


def refuse_unlabelled(asked: Sequence[str] | None, candidate: Candidate, run: Run | None) -> None:
    """Refuse a metric that needs the labels of samples that have none.

    Raises:
        UsageError: One that is asked for.
    """
    for name in asked or ():
        if "labels" in needs_of(name) and candidate.labels == "none":
            lacking = "its networks do not use labels" if run else "none come with the samples"
            raise UsageError(
                f"The metric '{name}' needs labels, but {candidate.name} has none: {lacking}. Leave it out."
            )


def check_request(run: Run | None, source: str, against: str | None, protocol: Protocol) -> list[str] | None:
    """Refuse what cannot be, before anything is read; the names of the metrics that are asked for.

    Raises:
        UsageError: There is no such metric, probe, extractor or split, or nothing to compare with or to probe.
    """
    asked = [METRICS.check(Part.parse(word)).name for word in named(protocol.metrics) or ()]
    if protocol.measures and draws_by_text(run):
        check_names(protocol.measures)
    else:
        check_measures(run, protocol.measures)
    for word in protocol.probes:
        PROBES.check(Part.parse(word))
    if protocol.extractor is not None:
        checked(protocol.extractor, protocol.extractor_weights)
    if run is None and against is None:
        raise UsageError(f"Say what {source} is to be compared with: --against DATA, a folder or a named set.")
    if against is not None and is_run(against):
        raise UsageError(
            f"{against} is a run, but real images are compared with. Name data, e.g. its own: --against "
            f"{shlex.quote(Run.open(against).recipe.data)}."
        )
    if run is None and protocol.options:
        raise UsageError(f"{source} is no run, so nothing is drawn with {', '.join(protocol.options)}. Leave it out.")
    if run is None and (protocol.probes or protocol.classifiers):
        raise UsageError(f"{source} is no run, so there is no method to probe. Leave out --probes and --classifiers.")
    own = run is not None and against in (None, run.recipe.data)
    known = [*((run.card.splits if run is not None and own else ()) or SPLITS), "all"]
    if protocol.split is not None and protocol.split not in known:
        raise UsageError(f"There is no split '{protocol.split}'. {nearest(protocol.split, known)}")
    return asked if protocol.metrics is not None else None


def compared_with(data: Dataset, split: str | None) -> tuple[str, str | None, list[str]]:
    """The split that is compared with, that of unseen images for measures of memorisation, and what is to be said.

    Without official splits a tenth is held out, which is too few of a small set: then all real images are compared
    with, and the tenth serves the measures of memorisation alone.

    Raises:
        UsageError: There is no such split, or too few images in it.
    """
    if split is not None:
        compared(data, split)
        return split, None, []
    held = len(data.held_out)
    if held >= ENOUGH or (held and "held out" not in data.rule):
        compared(data, "test")
        return "test", None, []
    compared(data, "all")
    note = (
        f"Held out are {held:,} images, too few to compare with: all {len(data):,} real images are compared with, and "
        "for their own numbers one half of them with the other."
    )
    if held < LEAST:
        return "all", None, [note]
    return "all", "test", [f"{note} Measures of memorisation compare with the held-out ones, as --split test would."]


def built(protocol: Protocol, candidate: Candidate, data: Dataset) -> dict[str, Any]:
    """The probes by name.

    Raises:
        UsageError: There is no such probe or option, no method to ask, or its samples or the data teach no classifier.
    """
    if protocol.classifiers and isinstance(candidate.source, Drawn):
        check(data, protocol.classifiers)
        conditional_samples(candidate.source.method, data)
    parts = [Part.parse(word) for word in protocol.probes]
    return {part.name: PROBES.build(part) for part in parts}


def probed(
    candidate: Candidate,
    probes: Mapping[str, Any],
    data: Dataset,
    extractor: Extractor,
    protocol: Protocol,
    say: Reporter,
) -> tuple[Measure, ...]:
    """What is found of a run's method itself, beyond its samples; nothing if nothing is asked.

    Raises:
        UsageError: The method cannot do what is asked.
    """
    found: list[Measure] = []
    if not isinstance(candidate.source, Drawn):
        return ()
    method = candidate.source.method
    for name, probe in probes.items():
        say.say(f"Probe: {name} …")
        told = probe.measure(method, data, extractor if probe.needs_extractor else None, protocol.seed)
        found += [Measure(each, number.value, number, metric=name) for each, number in told.items()]
    if protocol.classifiers:
        judges, samples = trained_judge(data, say=say.say).method().networks(), conditional_samples(method, data)
        score = classifier_score(
            samples, data, judges["classifier"], seeds=protocol.classifiers, seed=protocol.seed, say=say.say
        )
        taught, limit = score.accuracy, score.real
        found.append(Measure("classifier-score", taught.value, taught, limit.value, limit, "classifier-score"))
    return tuple(found)


def stated(run: Run | None, data: Dataset, candidate: Candidate, protocol: Protocol) -> list[str]:
    """What a reader must know before the numbers."""
    notes = []
    if run is not None and run.samples_seen < run.recipe.train_samples:
        notes.append(
            f"The run is not finished: {run.samples_seen:,} of {run.recipe.train_samples:,} training samples seen."
        )
    if run is not None and isinstance(candidate.source, Drawn):
        notes += [note for note in [unsettled(candidate.source.method, run.samples_seen)] if note]
    if run is not None and data.name == run.card.name and data.fingerprint != run.provenance.data:
        notes.append("The data are not those that the run learned from: their fingerprint differs.")
    if protocol.options and isinstance(candidate.source, Drawn):
        chosen = ", ".join(f"{name} {value}" for name, value in protocol.options.items())
        notes.append(f"Samples were drawn with {chosen}; beside them stands what the method draws by default.")
    if candidate.count < protocol.count:
        notes.append(f"{candidate.name} holds {candidate.count:,} images, fewer than the {protocol.count:,} asked for.")
    if candidate.format.startswith(("JPEG", "mixed")):
        notes.append(f"The files' codec ({candidate.format}) changes pixels, and so every number.")
    if protocol.split == "train":
        notes.append("The real images are those that were learned from, which is kind to copies.")
    return notes


def subject(source: str, run: Run | None, candidate: Candidate) -> dict[str, Any]:
    """The source of the images that are judged, as plain data."""
    facts: dict[str, Any] = {
        "name": candidate.name, "source": source, "format": candidate.format, "images": candidate.count,
        "fingerprint": candidate.fingerprint, "seed": candidate.seed, "labels": candidate.labels,
        "averaged": candidate.averaged, "quantisation": "uint8",
    }  # fmt: skip
    if candidate.kind.modality != "image":
        facts |= {"modality": candidate.kind.modality, "quantisation": candidate.quantisation}
    if run is not None:
        facts |= {"recipe": run.recipe_name, "training_seed": run.recipe.seed, "training_samples": run.samples_seen}
    return facts


def shuffled(indices: Any, order: Any) -> Any:
    """The first few of some indices in a random order."""
    return indices[torch.randperm(len(indices), generator=order)[:SHOWN]]


def command(source: str, against: str | None, protocol: Protocol) -> str:
    """The command that repeats the evaluation."""
    words = ["belamy", "evaluate", source, *(["--against", against] if against is not None else [])]
    for each in fields(protocol):
        option, value = f"--{each.name.replace('_', '-')}", getattr(protocol, each.name)
        if value == each.default or (isinstance(value, Sequence | Mapping) and not value):
            continue
        if isinstance(value, Mapping):
            for name, chosen in value.items():
                words += [f"--{name.replace('_', '-')}", str(chosen)]
        elif each.name == "best":
            words += ["--weights", "best"]
        elif isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-"))
        else:
            words += [option, *(map(str, value) if isinstance(value, list | tuple) else [str(value)])]
    return shlex.join(words)
