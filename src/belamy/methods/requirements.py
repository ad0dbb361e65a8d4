"""What a method needs of the data, and what to type where they lack it."""

from __future__ import annotations

from typing import Any

from belamy.errors import UsageError
from belamy.modalities import modality
from belamy.modalities.fields import DataSpec
from belamy.registry import Part, Registry

MAIN, ANY = "main", "any"
"""The main field, whatever it is called; data of every kind."""

LAYOUTS = {
    "target": "pairs: two folders A/ and B/ with equal names, a table with both columns, or pictures side by side "
    "(--modality image:pairs=beside)",
    "other": "a second side: --other FOLDER, or another class of the same data: --only CLASS --against OTHER-CLASS",
    "styles": "pictures of styles: --styles FOLDER",
    "label_map": "a folder of label maps beside the pictures, with equal names",
    "noisy": "folders clean/ and noisy/ with equal names, or noises to be mixed in",
    "caption": "captions: --modality image:captions=FILE.csv, or captions=beside for a .txt file beside each picture",
    "label": "labels: a folder for each class, or --labels FILE.csv",
}
"""How data give a field that a plain set lacks."""
LABEL_MAPS = "label maps and pictures (--modality label_map:pairs=folders,input=labels,target=photos)"
"""How pairs lie where label maps become pictures."""


def kind_of(registry: Registry, part: Part) -> str:
    """The modality that a network makes or takes: its class says so, and most are for pictures; ``a/b`` for either."""
    kind: str | tuple[str, ...] = getattr(registry.load(part.name), "modality", "image")
    return kind if isinstance(kind, str) else "/".join(kind)


def common_kind(*networks: tuple[Registry, Part]) -> str:
    """The modality, ``a/b`` for either, that several networks of one method share.

    Args:
        networks: Each by its registry and its part.

    Raises:
        UsageError: They share none.
    """
    kinds = [kind_of(registry, part).split("/") for registry, part in networks]
    shared = [kind for kind in kinds[0] if all(kind in others for others in kinds[1:])]
    if not shared:
        are = " and ".join(
            f"the {registry.kind} '{part.name}' for {' or '.join(modality(each).words[1] for each in kind)}"
            for (registry, part), kind in zip(networks, kinds, strict=True)
        )
        raise UsageError(
            f"One kind of data must fit all networks, but {are} have none in common. Name others: `belamy parts` "
            "lists them."
        )
    return "/".join(shared)


def check_fields(method: type, name: str, recipe: Any, spec: DataSpec) -> None:
    """Refuse data that lack what a method needs.

    Args:
        method: Its class; ``requires(recipe)`` names the fields and their kinds.
        name: Its public name.
        recipe: Its recipe.
        spec: The fields of the data.

    Raises:
        UsageError: A field is missing or of another kind.
    """
    for field, kind in method.requires(recipe).items():  # type: ignore[attr-defined]
        held = spec.field if field == MAIN else spec.fields.get(field)
        if held is not None and (kind == ANY or held.modality in kind.split("/")):
            continue
        if field == MAIN or held is not None:
            assert held is not None
            wanted = " or ".join(modality(each).words[1] for each in kind.split("/"))
            there = modality(held.modality).words[1]
            raise UsageError(
                f"The method '{name}' with these networks is for {wanted}, but '{recipe.data}' holds {there}"
                f"{'' if field == MAIN else f' as {field}'}. Give other --data, or a recipe for {there}: "
                "`belamy recipes` lists them."
            )
        layout = LAYOUTS.get(field, f"data with a field of that name, of the kind {kind}")
        if field == "target" and "label_map" in method.requires(recipe).get(MAIN, "").split("/"):  # type: ignore[attr-defined]
            layout += f", or {LABEL_MAPS}"
        raise UsageError(
            f"The method '{name}' needs the field '{field}', but '{recipe.data}' has only {', '.join(spec.fields)}. "
            f"Give {layout}."
        )
