"""What DINOv2 sees: the features that agree best with people's judgement of photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from belamy.errors import MissingExtra
from belamy.evaluation.features.network import NetworkFeatures, foreign_weights, loaded, normalised
from belamy.networks.photographs import DEVIATIONS, MEANS

MODEL = "vit_large_patch14_dinov2.lvd142m"
SIDE = 224


def dinov2_features(*, weights: Path | None = None, offline: bool = False) -> NetworkFeatures:
    """The class token of DINOv2 ViT-L/14, after its last normalisation: 1,024 numbers.

    Images are made 224×224 by the clean bicubic resize and normalised as ImageNet is.

    References:
        Oquab et al. 2023, arXiv 2304.07193; as features of a Fréchet distance: Stein et al. 2023, arXiv 2306.04675.

    Args:
        weights: timm's ``model.safetensors`` of ``vit_large_patch14_dinov2.lvd142m``; None lets timm fetch it.
        offline: Never touch the network.

    Raises:
        MissingExtra: timm is not installed.
        DataError: The weights are not at hand.
    """
    try:
        import timm
    except ImportError as error:
        raise MissingExtra("timm", "dinov2", "Looking with DINOv2") from error
    file = foreign_weights("DINOv2", f"model.safetensors of timm/{MODEL}", weights, offline)
    source: dict[str, Any] = {} if file is None else {"pretrained_cfg_overlay": {"file": file}}
    network = loaded(
        "DINOv2", lambda: timm.create_model(MODEL, pretrained=True, num_classes=0, img_size=SIDE, **source)
    )

    def sight(images: Tensor) -> tuple[Tensor, None]:
        return network(normalised(images, SIDE, MEANS, DEVIATIONS)), None

    return NetworkFeatures(
        "dinov2-vit-l-14", network, sight, size=network.num_features, layer="class token", resize=f"clean {SIDE}"
    )
