"""Add and subtract what images have in common."""

from __future__ import annotations

from typing import Annotated, Any

from belamy.cli.options import Json, Offline, OfRun, ProgressOption, Seed, ToFile, Within, options
from belamy.cli.parsing import verb


@options
class Form(OfRun, Offline, ProgressOption, ToFile, Json):
    """Add and subtract groups, seeds and images in a run's latent space: "mean(glasses) - mean(plain) + mean(woman)".
    Shows the operands, the result among eight neighbours, and the same sum of pixels beside it.

    Groups are classes, attributes (glasses, not beard, hair=red) and measures (thick, high(width)) of the run's data;
    words beside each other all hold: "mean(thick 7) - mean(thin 7) + mean(thin 1)". Further: seed(3), seed(3, 5) for
    image 5 of it, image("photo.png"), label("7"), numbers, brackets, + - * /.

    Of a GAN that learned with captions: texts alone, "text('a face with a beard') - text('a face')", at one latent.
    Of a run of word2vec: "king - man + woman"; the nearest words are shown, and nothing is written."""

    makes = "image"
    expression: str
    """What to work out, in quotes."""
    members: Annotated[int, Within(1)] = 64
    """Images whose mean a group is, at most; the documents take 3."""
    noise: Annotated[float, Within(0)] = 0.25
    """The neighbours differ by numbers uniform on ± this."""
    seed: Seed = 0
    """Decides the members of groups and the neighbours."""
    out: str = "arithmetic.png"
    """The PNG file to write."""

    def refuse(self) -> None:
        """Refuse what is no expression."""
        from belamy.editing.expressions import parse

        super().refuse()
        parse(self.expression)


@verb(Form)
def run(form: Form) -> int:
    """Work out and write."""
    from belamy.editing.arithmetic import Setting, arithmetic
    from belamy.editing.expressions import parse
    from belamy.editing.text_arithmetic import of_texts, text_arithmetic
    from belamy.evaluation.candidate import heeds_labels
    from belamy.judges.reference_set import reference_set_of
    from belamy.methods.word_vectors import HasWordVectors
    from belamy.runs.files import write_bytes
    from belamy.runs.run import Run
    from belamy.sampling.points import sampler

    if isinstance(Run.open(form.run).build(), HasWordVectors):
        return _words(form)
    run, method = form.opened()
    sampler(method)
    setting = Setting(form.members, form.noise, form.seed, heeds_labels(method))
    expression, among = parse(form.expression), "texts"
    with form.reporting() as told:
        if of_texts(expression):
            result = text_arithmetic(method, expression, setting)
        else:
            crowd = reference_set_of(method, form.run_data(run), seed=form.seed, say=told.say)
            result, among = arithmetic(method, expression, crowd, setting), crowd.source
    write_bytes(form.file, result.picture().png)
    operands = [{"operand": each.text, "images": each.members, "of": each.group} for each in result.operands]
    facts = {
        "run": str(run.path), "expression": form.expression, "operands": operands, "seed": form.seed,
        "noise": form.noise, "among": among, "latent": result.latents[4].tolist(),
        "weights": None if result.weights is None else result.weights[4].tolist(), "files": [form.out],
    }  # fmt: skip
    told_of = ", ".join(f"{each.text}: {each.members} of {each.group:,}" for each in result.operands if each.group > 1)
    text = f"{form.out}: {form.expression}" + (f"\n{told_of} (of {among})" if told_of else "")
    return form.deliver(facts, text)


def _words(form: Form) -> int:
    """The nearest words of a run that has vectors of words."""
    from belamy.editing.analogies import nearest_words
    from belamy.editing.expressions import parse
    from belamy.runs.run import Run

    run = Run.open(form.run)
    method: Any = run.method(best=form.weights == "best")
    found = nearest_words(method, run.spec.field.classes, parse(form.expression))
    facts = {"run": str(run.path), "expression": form.expression, "words": [each._asdict() for each in found]}
    return form.deliver(facts, "\n".join(f"{each.cosine:6.3f}  {each.word}" for each in found))
