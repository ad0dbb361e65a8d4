"""A text that goes on: a run that knows what follows is given a beginning; pictures do in ``completion``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from belamy.data.load_options import LoadOptions
from belamy.device import choose_device
from belamy.errors import UsageError
from belamy.evaluation.candidate import heeds_labels
from belamy.methods.base import BaseMethod, Continues, Sampling
from belamy.modalities import modality
from belamy.modalities.text import LARGEST, Vocabulary, strings, vocabulary_of
from belamy.ranges import Within
from belamy.runs.run import Run
from belamy.sampling.draw import checked_options, class_number
from belamy.seeds import SampleDraws

MOST = 10_000
LONGEST = 10_000
_SHOWN = 40


def continue_text(
    run: str | Path | Run,
    prefix: str = "",
    *,
    count: int = 1,
    length: int | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    label: str | None = None,
    seed: int = 0,
    best: bool = False,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Texts that begin with a prefix; text i depends on the seed and on i alone.

    Args:
        run: A language model's, or its directory.
        prefix: How each text begins; empty for whole texts.
        count: How many texts.
        length: Symbols that follow, at most; by default as many as the run's texts have.
        temperature: Below 1 likelier and duller, above 1 bolder; 0 always takes the likeliest symbol.
        top_k: Choose among so many likeliest symbols; 0 for all.
        top_p: Choose among the fewest likeliest symbols with this probability together; 1 for all.
        label: The class of all texts, by name or number; by default the classes in turn, if the run is conditional.
        seed: Decides the texts.
        best: With the best weights that ``train --keep-best`` kept.
        device: Where to compute.
        progress: Called with (done, total).

    Raises:
        UsageError: The run does not go on with texts, it does not know a symbol of the prefix, a number is out of
            range, or there is no such class.

    Example:
        >>> continue_text("runs/phrases", "he was", count=2, seed=1)  # doctest: +SKIP
        ['he was a man of the country', 'he was struck by the house']
    """
    Within(1, MOST).check("count", count)
    if length is not None:
        Within(1, LONGEST).check("length", length)
    opened = run if isinstance(run, Run) else Run.open(run)
    field = opened.spec.field
    method = continuing(opened.method(best=best).to(choose_device(device)))
    begun = beginning(prefix, vocabulary_of(field.classes), opened)
    options = checked_options(method, {"temperature": float(temperature), "top_k": float(top_k), "top_p": float(top_p)})
    classes = method.spec.classes
    if label is not None and not heeds_labels(method):
        raise UsageError(
            "This run writes no texts of classes: it was not trained with --conditional. Leave --label out."
        )
    labels = torch.arange(count) % max(len(classes), 1)
    if label is not None:
        labels = torch.full_like(labels, class_number(label, classes))
    tell = progress or (lambda done, total: None)
    with torch.no_grad():
        sampling = Sampling(SampleDraws(seed, range(count)), None, tell, options)
        start = begun.repeat(count, 1).to(next(method.parameters()).device)
        made = method.eval().continuation(start, length or field.shape[0], sampling, labels.to(start.device)).cpu()
    return strings(made, field)


def continuing(method: BaseMethod) -> Any:
    """The method, known to go on with texts.

    Raises:
        UsageError: It does not.
    """
    kind = method.spec.modality
    if isinstance(method, Continues) and kind == "text":
        return method
    raise UsageError(
        f"continue needs a run of a language model, e.g. `belamy train char-lm`; this one was trained on "
        f"{modality(kind).words[1]}{'' if kind != 'text' else ', but does not go on with a text'}."
    )


def beginning(prefix: str, known: Vocabulary, run: Run) -> Tensor:
    """A prefix as symbols.  # [1, t]

    Raises:
        UsageError: A symbol is unknown to the run.
    """
    if LoadOptions(modality=run.recipe.modality).reader("text").lowercase:
        prefix = prefix.lower()
    if len(prefix) > LARGEST:
        raise UsageError(f"The prefix has {len(prefix):,} characters, but at most {LARGEST:,} are read.")
    if unknown := known.unknown(prefix):
        what = "words" if known.words else "characters"
        among = known.symbols[3:]
        some = " ".join(repr(symbol.strip() or symbol) for symbol in among[:_SHOWN])
        more = " …" if len(among) > _SHOWN else ""
        raise UsageError(
            f"This run does not know {', '.join(repr(symbol.strip() or symbol) for symbol in unknown[:8])}: no text "
            f"that it was trained on has them. Its {len(among):,} {what} are {some}{more}"
        )
    return torch.tensor([known.numbers(prefix)], dtype=torch.long)
