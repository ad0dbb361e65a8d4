"""What CLIP sees: features that were learned from captions."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from belamy.errors import MissingExtra
from belamy.evaluation.features.network import NetworkFeatures, foreign_weights, loaded, normalised

MODEL, TRAINED_ON = "ViT-B-32", "laion2b_s34b_b79k"
SIDE = 224
_MEANS, _DEVIATIONS = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def clip_features(*, weights: Path | None = None, offline: bool = False) -> NetworkFeatures:
    """The image embedding of CLIP ViT-B/32 trained on LAION-2B: 512 numbers, not normalised.

    Images are made 224×224 by the clean bicubic resize and normalised as CLIP's were.

    References:
        Radford et al. 2021, arXiv 2103.00020; the weights: Cherti et al. 2022, arXiv 2212.07143.

    Args:
        weights: open_clip's ``open_clip_model.safetensors`` of this model; None lets open_clip fetch it.
        offline: Never touch the network.

    Raises:
        MissingExtra: open_clip is not installed.
        DataError: The weights are not at hand.
    """
    try:
        import open_clip
    except ImportError as error:
        raise MissingExtra("open_clip_torch", "clip", "Looking with CLIP") from error
    file = foreign_weights("CLIP", f"open_clip_model.safetensors of {MODEL}, {TRAINED_ON},", weights, offline)
    network = loaded("CLIP", lambda: open_clip.create_model(MODEL, pretrained=file or TRAINED_ON))

    def sight(images: Tensor) -> tuple[Tensor, None]:
        return network.encode_image(normalised(images, SIDE, _MEANS, _DEVIATIONS)), None

    size = int(network.visual.output_dim)
    return NetworkFeatures("clip-vit-b-32", network, sight, size=size, layer="image embedding", resize=f"clean {SIDE}")
