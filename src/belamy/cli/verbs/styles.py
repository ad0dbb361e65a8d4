"""Look at a run's styles: truncated, mixed, and changed layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from belamy.cli.options import Json, OfRun, Seed, ToFolder, options
from belamy.cli.parsing import verb
from belamy.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.methods.base import BaseMethod
    from belamy.sampling.picture import Picture

MOST = 16
"""Rows or columns of a sheet."""


@options
class Form(OfRun, ToFolder, Json):
    """Look at the styles of a run whose generator has a mapping network. Writes a sweep of truncation, grids of mixed
    styles for coarse, middle and fine layers, and a row for each layer in which that layer alone has another style."""

    makes = "image"
    seeds: tuple[Seed, ...] = (0, 1, 2, 3)
    """Rows: the first image of `belamy sample --seed` for each."""
    others: tuple[Seed, ...] = (4, 5, 6, 7, 8)
    """Columns of the grids: whose styles are mixed in; the first is that of the rows by layer."""
    psi: tuple[float, ...] = (1.0, 0.75, 0.5, 0.25, 0.0, -0.5)
    """Columns of the sweep: how far styles stay from their mean."""
    out: str | None = "styles"
    """Folder of the sheets."""

    def refuse(self) -> None:
        """Refuse sheets of nothing, and those too large to look at."""
        super().refuse()
        for name in ("seeds", "others", "psi"):
            if not 1 <= len(getattr(self, name)) <= MOST:
                raise UsageError(f"--{name} names {len(getattr(self, name))}, but a sheet takes 1..{MOST}.")


@verb(Form)
def run(form: Form) -> int:
    """Draw the sheets and write them."""
    from belamy.runs.files import filling, write_bytes
    from belamy.sampling.styles import styled, styles_of, thirds

    run, method = form.opened()
    layers = styled(method).style_layers
    rows, columns = styles_of(method, form.seeds), styles_of(method, form.others)
    sheets = {"truncation": truncation(method, rows, form)}
    for name, chosen in thirds(len(layers)).items():
        if chosen:
            sheets[f"mixing-{name}"] = mixing(method, rows, columns, chosen)
    sheets["layers"] = by_layer(method, rows, columns[:1], layers)
    out = form.folder()
    with filling(out) as folder:
        for name, picture in sheets.items():
            write_bytes(folder / f"{name}.png", picture.png)
    files = [str(Path(out) / f"{name}.png") for name in sheets]
    groups = {name: [chosen.start, chosen.stop - 1] for name, chosen in thirds(len(layers)).items() if chosen}
    facts: dict[str, Any] = {
        "run": str(run.path), "style_layers": list(layers), "groups": groups, "seeds": list(form.seeds),
        "others": list(form.others), "psi": list(form.psi), "files": files,
    }  # fmt: skip
    return form.deliver(facts, f"{len(sheets)} sheets of the styles of {len(layers)} layers in {out}")


def truncation(method: BaseMethod, rows: Tensor, form: Form) -> Picture:
    """A row for each sample, from its own style to the mean and beyond."""
    import torch

    from belamy.sampling.styles import styled, truncated

    swept = torch.stack([truncated(styled(method), rows, psi) for psi in form.psi], 1).flatten(0, 1)
    return sheet(method, swept, len(form.psi), [f"psi {psi:g}" for psi in form.psi] * len(rows))


def mixing(method: BaseMethod, rows: Tensor, columns: Tensor, layers: range) -> Picture:
    """Each row's sample with each column's styles in some layers; at the edges the samples, in the corner the mean."""
    import torch

    from belamy.sampling.styles import exchanged, styled

    lines = [torch.cat([styled(method).mean_style.to(rows).expand_as(rows[:1]), columns])]
    for row in rows:
        same = row.expand_as(columns)
        lines.append(torch.cat([row[None], exchanged(same, columns, layers)]))
    names = ["mean", *[f"from {number}" for number in range(len(columns))]]
    captions = names + ["source", *[f"{layers.start}..{layers.stop - 1}"] * len(columns)] * len(rows)
    return sheet(method, torch.cat(lines), len(names), captions)


def by_layer(method: BaseMethod, rows: Tensor, other: Tensor, layers: tuple[int, ...]) -> Picture:
    """The samples, then a row for each layer in which it has another sample's style."""
    import torch

    from belamy.sampling.styles import exchanged

    same = other.expand_as(rows)
    lines = [rows, *(exchanged(rows, same, range(layer, layer + 1)) for layer in range(len(layers)))]
    names = ["as they are", *(f"layer {number}: {side} px" for number, side in enumerate(layers))]
    return sheet(method, torch.cat(lines), len(rows), rows_named=names)


def sheet(
    method: BaseMethod,
    styles: Tensor,
    columns: int,
    captions: list[str] | None = None,
    rows_named: list[str] | None = None,
) -> Picture:
    """The images of styles in rows."""
    from belamy.modalities.grid import grid
    from belamy.sampling.picture import Picture, named
    from belamy.sampling.styles import pixels_of

    made = grid(pixels_of(method, styles), columns, scale=None, captions=captions)
    return Picture(named(made, rows_named) if rows_named else made)
