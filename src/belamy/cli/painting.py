"""What the verbs that paint have in common: pictures in, a style, and how it is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from belamy.cli.options import Json, ProgressOption, Seed, Share, ToFile, Within, options
from belamy.errors import UsageError

if TYPE_CHECKING:
    from belamy.editing.style.stylize import Progress as Step
    from belamy.methods.base import BaseMethod
    from belamy.progress import Reporter

CHANGES = ("steps", "style_weight", "content_weight", "smoothness", "lr", "style_scale", "start")
LAYERS = ("content_layers", "style_layers")


@options
class Sight(ProgressOption, ToFile, Json):
    """What looks at the pictures."""

    content: str
    """What is painted: a picture file."""
    settings: Literal["offline", "documents", "gatys"] = "offline"
    """offline: the embedded network; documents: the lecture's example, VGG-19 and gradient descent; gatys: the
    original, average pooling, rescaled weights and L-BFGS."""
    weights: str | None = None
    """The file of VGG-19's weights; by default it is looked for in the cache. With --backbone, of its weights."""
    backbone: str | None = None
    """See with any image network of an installed package, PACKAGE.MODULE.NAME[:OPTION=VALUE,…], e.g.
    torchvision.models.resnet50:weights=DEFAULT; its layers are named with --content-layers and --style-layers."""
    content_layers: tuple[str, ...] = ()
    """Layers of the content, e.g. block4_conv2, with a weight where it is not 1: b6=2."""
    style_layers: tuple[str, ...] = ()
    """Layers of the style, e.g. stem b2=0.5 b4."""
    seed: Seed = 0
    """Decides noise and shifts."""

    def refuse(self) -> None:
        """Refuse weights of layers that are no numbers, and a network whose layers are not named."""
        super().refuse()
        self.layers()
        if self.backbone is not None and not (self.content_layers and self.style_layers):
            raise UsageError(
                "--backbone names a network whose layers must be named too: give --content-layers and --style-layers."
            )

    def layers(self) -> dict[str, dict[str, float]]:
        """The layers that are named, with their weights."""
        named = {name: getattr(self, name) for name in LAYERS}
        return {
            name: dict(layer(word, f"--{name.replace('_', '-')}") for word in words)
            for name, words in named.items()
            if words
        }

    def sight(self) -> dict[str, Any]:
        """What looks, for ``stylize`` and ``reconstructions``."""
        from belamy.editing.style.backbone import imported

        path = None if self.weights is None else Path(self.weights)
        network = None if self.backbone is None else imported(self.backbone, path)
        weights = self.weights if network is None else None
        return {"settings": self.settings, "network": network, "weights": weights, "seed": self.seed}


@options
class PaintingOptions(Sight):
    """A style, and how it is painted in."""

    styles: tuple[str, ...]
    """One picture file of a style, or several; none with a network that knows one style."""
    network: str | None = None
    """Paint in one pass, with the network of this run of fast-style or adain-style."""
    size: int | None = None
    """Height in pixels; by default that of the settings: 320, or 400 with VGG-19."""
    steps: int | None = None
    """Steps at each size; by default those of the settings."""
    style_weight: float | None = None
    """Weight of the style against the content."""
    content_weight: float | None = None
    """Weight of the content."""
    smoothness: Annotated[float | None, Within(0)] = None
    """Weight of total variation."""
    lr: float | None = None
    """Learning rate."""
    style_scale: float | None = None
    """Size of the style picture against the content: 2 makes its strokes twice as large."""
    start: Literal["recoloured", "content", "noise"] | None = None
    """Where the painting starts."""
    shares: tuple[float, ...] = ()
    """Weights of several styles against each other."""
    strength: Share = 1.0
    """From the content's own style, 0, to the given one, 1."""
    colours: Literal["style", "luminance", "histogram"] = "style"
    """Whose colours: the style's; or the content's, kept by painting its luminance alone, or by giving the style the
    content's colours first."""
    mask: tuple[str, ...] = ()
    """Where each style is wanted, white for there: one picture file for each style, or - for everywhere."""

    def refuse(self) -> None:
        """Refuse runs as pictures, and what a network that paints in one pass has no use for."""
        from belamy.editing.style.settings import named

        super().refuse()
        for style in self.styles:
            if (Path(style) / "recipe.json").is_file():
                raise UsageError(
                    f"{style} is a run, not a picture. Type: belamy stylize {self.content} --network {style}"
                )
        if self.network is None:
            named(self.settings).changed(**self.changes())
            return
        stepwise = {"settings", "weights", "backbone", "animation", "reconstructions", "colours", "mask"}
        unused = {*CHANGES, *LAYERS, *stepwise}
        standard = {name: field.default for name, field in self.__dataclass_fields__.items()}
        for name in sorted(unused & standard.keys() - {"style_scale"}):
            if getattr(self, name) != standard[name]:
                option = name.replace("_", "-")
                raise UsageError(
                    f"--{option} is for painting step by step; a network paints in one pass. Leave it out."
                )

    def changes(self) -> dict[str, Any]:
        """The settings that the options change."""
        changed = {name: getattr(self, name) for name in (*CHANGES, "size") if getattr(self, name) is not None}
        return changed | self.layers()

    def chosen(self) -> dict[str, Any]:
        """What ``stylize`` is asked for beside the pictures."""
        return {
            **self.sight(),
            "shares": self.shares or None,
            "masks": [None if mask == "-" else mask for mask in self.mask] or None,
            "strength": self.strength,
            "colours": self.colours,
            **self.changes(),
        }

    def trained(self) -> BaseMethod:
        """The network of the run that paints in one pass."""
        from belamy.runs.run import Run

        return Run.open(str(self.network)).method()

    def by_network(self) -> dict[str, Any]:
        """Options of painting in one pass."""
        scale = 1.0 if self.style_scale is None else self.style_scale
        return {"shares": self.shares, "strength": self.strength, "style_scale": scale}


def layer(word: str, option: str) -> tuple[str, float]:
    """A layer and its weight.

    Example:
        >>> layer("b4=0.5", "--style-layers"), layer("stem", "--style-layers")
        (('b4', 0.5), ('stem', 1.0))
    """
    name, equals, weight = word.partition("=")
    try:
        return name, float(weight) if equals else 1.0
    except ValueError:
        raise UsageError(f"{option} {word}: '{weight}' is no weight. Write {name}=0.5.") from None


def stepping(told: Reporter) -> Callable[[Step], None]:
    """A callback for each step."""
    from belamy.progress import duration

    def tell(step: Step) -> None:
        if told.due():
            loss = "" if step.terms is None else f"loss {step.terms.total:.4g}  "
            text = f"step {step.step:,} of {step.steps:,}  {loss}{duration(step.left)} left"
            told.work(step.step / step.steps, text)

    return tell
