"""Show what each layer of a network holds of a picture: content and style made again from it alone."""

from __future__ import annotations

from typing import Annotated, Any

from belamy.cli.options import Within, options
from belamy.cli.painting import Sight, stepping
from belamy.cli.parsing import verb


@options
class Form(Sight):
    """Make the content, and the style, of two pictures again from what each layer of the network holds of them."""

    style: str
    """The picture file whose style is made again."""
    size: Annotated[int, Within(16, 4096)] = 160
    """Height of each picture in pixels."""
    steps: Annotated[int, Within(1)] = 120
    """Steps for each picture."""
    out: str = "layers.png"
    """The PNG file to write."""


@verb(Form)
def run(form: Form) -> int:
    """Make them again and write the sheet."""
    from belamy.editing.style.reconstructions import reconstructions

    layers: dict[str, Any] = {name: [*each] for name, each in form.layers().items()}
    with form.reporting() as told:
        made = reconstructions(
            form.content, form.style, size=form.size, steps=form.steps, progress=stepping(told), **form.sight(),
            **layers,
        )  # fmt: skip
    made.picture.save(form.file)
    facts = {"content": form.content, "style": form.style, "settings": form.settings, "files": [form.out]}
    return form.deliver(facts, f"{form.out}: what each layer holds of {form.content} and of {form.style}")
