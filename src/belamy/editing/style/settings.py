"""What decides a transfer of style: the network's layers, the losses, and how the picture is optimised."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from belamy.errors import UsageError, nearest
from belamy.settings import FrozenSettings

NETWORKS = ("efficientnet-lite0", "vgg19")
HEIGHTS = (32, 8192)
"""Of a picture, in pixels."""
Weight = Annotated[float, Field(ge=0)]


class StyleSettings(FrozenSettings):
    """How style is transferred. The defaults are those of ``offline``."""

    subject = "Style transfer"

    network: Literal["efficientnet-lite0", "vgg19"] = "efficientnet-lite0"
    """Whose features are compared. EfficientNet-lite0 comes with the package."""
    pooling: Literal["max", "average"] = "max"
    """Of VGG-19."""
    rescaled: bool = False
    """Scale VGG-19's weights so that each filter's mean output over the pictures is 1."""
    content_layers: dict[str, Weight] = Field(default={"b4": 1.0, "b6": 1.0})
    """Layers of the content and their weights."""
    style_layers: dict[str, Weight] = Field(default={"stem": 1.0, "b0": 1.0, "b2": 1.0, "b4": 1.0, "b7": 1.0})
    """Layers of the style and their weights."""
    loss: Literal["relative", "gatys", "documents"] = "relative"
    """relative: means and covariances, each term over the target's own value; gatys: his sums, Gram matrices by each
    layer's own size; documents: sums, Gram matrices by the image's size and 3 channels."""
    content_weight: float = Field(default=1.0, ge=0)
    """Of the content."""
    style_weight: float = Field(default=1.0, ge=0)
    """Of the style."""
    smoothness: float = Field(default=2.0, ge=0)
    """Of total variation."""
    smoothness_exponent: float = Field(default=1.0, ge=0.5, le=4)
    """Of the squared differences in total variation."""
    shift: int = Field(default=4, ge=0, le=64)
    """The network sees the picture shifted by up to so many pixels, others in each step, so that no pattern of its
    strides shows."""
    pixels: Literal["logit", "levels"] = "logit"
    """What is optimised: the logits of the intensities, which keep them in range, or the levels 0..255 themselves."""
    start: Literal["recoloured", "content", "noise"] = "recoloured"
    """Where the optimisation starts: from the content with the colours of the styles, which spares it half of the way,
    from the content as it is, or from white noise."""
    optimiser: Literal["adam", "sgd", "lbfgs"] = "adam"
    """How the picture is optimised."""
    lr: float = Field(default=0.08, gt=0)
    """Learning rate; of L-BFGS the length of a step before its line search."""
    decay: float = Field(default=1.0, gt=0, le=1)
    """The learning rate falls to this share within each ``decay_steps``, continuously."""
    decay_steps: int = Field(default=100, gt=0)
    """See ``decay``."""
    steps: int = Field(default=100, gt=0, le=1_000_000)
    """Evaluations of the loss and its gradient at each size."""
    size: int = Field(default=320, ge=HEIGHTS[0], le=HEIGHTS[1])
    """Height of the picture in pixels."""
    coarsest: int = Field(default=160, ge=HEIGHTS[0], le=HEIGHTS[1])
    """Where the picture is higher, it is first painted at a half, a quarter … of its size, down to this height."""
    style_scale: float = Field(default=1.0, gt=0, le=8)
    """Height of the style picture over the picture's: 2 makes its strokes twice as large."""
    stretched: bool = False
    """Stretch the style picture to the size of the content; otherwise it keeps its shape."""
    tile: int = Field(default=768, ge=64, le=8192)
    """Pictures with a longer side are looked at in tiles of at most so many pixels a side."""
    margin: int = Field(default=80, ge=0, le=1024)
    """Overlap of tiles at each side; with the network's receptive radius, which is 73 for b7 of EfficientNet-lite0 and
    101 for block5_conv2 of VGG-19, the gradient is exactly that of the whole."""

    def learning_rate(self, step: int) -> float:
        r"""The learning rate of a step, counted from 0: :math:`\mathrm{lr} \cdot \mathrm{decay}^{t/T}`.

        Example:
            >>> SETTINGS["documents"].learning_rate(100)
            96.0
        """
        return self.lr * self.decay ** (step / self.decay_steps)


SETTINGS = {
    "offline": StyleSettings(),
    "documents": StyleSettings(
        network="vgg19",
        content_layers={"block5_conv2": 1.0},
        style_layers={f"block{block}_conv1": 1 / 5 for block in range(1, 6)},
        loss="documents",
        content_weight=2.5e-8,
        style_weight=1e-6,
        smoothness=1e-6,
        smoothness_exponent=1.25,
        shift=0,
        pixels="levels",
        start="content",
        optimiser="sgd",
        lr=100.0,
        decay=0.96,
        steps=4000,
        size=400,
        coarsest=8192,
        stretched=True,
        margin=112,
    ),
    "gatys": StyleSettings(
        network="vgg19",
        pooling="average",
        rescaled=True,
        content_layers={"block4_conv2": 1.0},
        style_layers={f"block{block}_conv1": 1 / 5 for block in range(1, 6)},
        loss="gatys",
        content_weight=1e-3,
        style_weight=1.0,
        smoothness=0.0,
        shift=0,
        pixels="levels",
        start="noise",
        optimiser="lbfgs",
        lr=1.0,
        steps=500,
        size=400,
        coarsest=512,
        margin=112,
    ),
}
"""``offline`` needs no download; ``documents`` is the lecture's example, Keras' of neural style transfer; ``gatys`` is
Gatys et al. 2015, arXiv 1508.06576, with the ratio 10⁻³ of content to style."""


def named(name: str) -> StyleSettings:
    """The settings of that name.

    Raises:
        UsageError: There are none.
    """
    if name not in SETTINGS:
        raise UsageError(f"There are no settings '{name}' of style transfer. {nearest(name, SETTINGS)}")
    return SETTINGS[name]
