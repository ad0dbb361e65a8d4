"""What CLIP sees: features that were learned from captions."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from belamy.errors import DataError, MissingExtra
from belamy.evaluation.features.network import NetworkFeatures, loaded, normalised
from belamy.evaluation.weights import as_safetensors

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
    if weights is None and offline:
        raise DataError(
            f"--offline forbids to fetch the weights of CLIP. Leave it out, or give the file "
            f"open_clip_model.safetensors of {MODEL}, {TRAINED_ON}, with --extractor-weights FILE."
        )
    source = TRAINED_ON if weights is None else as_safetensors(weights)
    network = loaded("CLIP", lambda: open_clip.create_model(MODEL, pretrained=source))

    def sight(images: Tensor) -> tuple[Tensor, None]:
        return network.encode_image(normalised(images, SIDE, _MEANS, _DEVIATIONS)), None

    size = int(network.visual.output_dim)
    return NetworkFeatures("clip-vit-b-32", network, sight, size=size, layer="image embedding", resize=f"clean {SIDE}")
