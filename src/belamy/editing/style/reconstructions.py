"""What the layers of a network hold: pictures made again from a layer's answer, or from what is left of it as style."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from belamy.editing.style.backbone import Backbone, adopted, build
from belamy.editing.style.images import load
from belamy.editing.style.settings import StyleSettings, named
from belamy.editing.style.stylize import Progress, stylize
from belamy.modalities.grid import BACKGROUND, grid
from belamy.sampling.picture import Picture
from belamy.sampling.picture import named as with_names

CONTENT_LAYERS: Mapping[str, tuple[str, ...]] = {
    "efficientnet-lite0": ("stem", "b1", "b2", "b4", "b6"),
    "vgg19": tuple(f"block{block}_conv2" for block in range(1, 6)),
}
"""Those that the content is made again from, one by one."""
STYLE_LAYERS: Mapping[str, tuple[str, ...]] = {
    "efficientnet-lite0": ("stem", "b0", "b2", "b4", "b7"),
    "vgg19": tuple(f"block{block}_conv1" for block in range(1, 6)),
}
"""Those that the style is made again from, each with all before it."""
SIZE = 160
STEPS = 120
"""Of a reconstruction."""


@dataclass(frozen=True)
class Reconstructions:
    """Pictures made again from layers.

    Args:
        content: The picture itself, then what each layer holds of it, by layer.  # [H, W, 3] uint8
        style: The style, then a picture of its style by the first layer, the first two …  # [H, W, 3] uint8
    """

    content: Mapping[str, np.ndarray]
    style: Mapping[str, np.ndarray]

    @property
    def picture(self) -> Picture:
        """Both figures, one above the other."""
        rows = []
        for named_, wide in ((self.content, "content"), (self.style, "style")):
            cells = np.stack(list(named_.values())).transpose(0, 3, 1, 2)
            rows.append(with_names(grid(cells, columns=len(cells), pad=3, captions=[*named_]), [wide]))
        width = max(row.shape[1] for row in rows)
        padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=BACKGROUND) for row in rows]
        return Picture(np.concatenate(padded))


def reconstructions(
    content: Any,
    style: Any,
    *,
    settings: str | StyleSettings = "offline",
    network: Backbone | nn.Module | None = None,
    weights: str | Path | None = None,
    content_layers: Sequence[str] = (),
    style_layers: Sequence[str] = (),
    size: int = SIZE,
    steps: int = STEPS,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Reconstructions:
    r"""Make a content and a style again from what each layer of a network holds of them, starting from noise.

    .. math:: \hat c_l = \arg\min_x C_l(x; c), \qquad \hat s_l = \arg\min_x \sum_{k \le l} S_k(x; s)

    References:
        Gatys et al. 2015, arXiv 1508.06576, figure 1.

    Args:
        content: A path, a Pillow image, or uint8 [H, W, 3] or [H, W].
        style: The same.
        settings: ``offline``, ``documents`` or ``gatys``, or settings of your own.
        network: Any image network instead; its layers must then be named.
        weights: The file of VGG-19's weights.
        content_layers: One picture for each; by default five, from the first to the last.
        style_layers: One picture for each with all those before it.
        size: Height in pixels.
        steps: Evaluations for each picture.
        seed: Decides the noise.
        progress: Told after each step of all.

    Raises:
        DataError: A picture cannot be used, or weights are not there.
        UsageError: An unknown name or a number out of range.
    """
    chosen = named(settings) if isinstance(settings, str) else settings
    backbone = build(chosen, None if weights is None else Path(weights)) if network is None else adopted(network)
    by_content = list(content_layers or (CONTENT_LAYERS[chosen.network] if network is None else chosen.content_layers))
    by_style = list(style_layers or (STYLE_LAYERS[chosen.network] if network is None else chosen.style_layers))
    pictures = load(content, "content"), load(style, "style")
    common = {"size": size, "steps": steps, "coarsest": 40, "start": "noise", "smoothness": 1.0}
    wishes: list[tuple[int, str, dict[str, Any]]] = [
        (0, layer, {"content_layers": {layer: 1.0}, "style_layers": {}}) for layer in by_content
    ]
    for count, layer in enumerate(by_style, start=1):
        chain = dict.fromkeys(by_style[:count], 1.0)
        wishes.append((1, layer if count == 1 else f"+ {layer}", {"content_layers": {}, "style_layers": chain}))
    made: tuple[dict[str, np.ndarray], dict[str, np.ndarray]] = ({}, {})
    for number, (which, name, layers) in enumerate(wishes):
        subject = pictures[which]
        painting = stylize(
            subject, subject, settings=chosen.changed(**common, **layers), network=backbone, seed=seed,
            progress=_of_all(progress, number, len(wishes)),
        )  # fmt: skip
        made[which].setdefault("as it is", np.asarray(Picture(subject).image.resize(painting.pixels.shape[1::-1])))
        made[which][name] = painting.pixels
    return Reconstructions(*made)


def _of_all(progress: Callable[[Progress], None] | None, number: int, count: int) -> Callable[[Progress], None] | None:
    """Tells of all pictures where one is."""
    if progress is None:
        return None

    def tell(at: Progress) -> None:
        each = at.left / max(at.steps - at.step, 1)
        progress(Progress(number * at.steps + at.step, count * at.steps,
                          at.left + (count - number - 1) * at.steps * each, at.terms))  # fmt: skip

    return tell
