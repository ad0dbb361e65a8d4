"""A classifier: the smallest method, and the judge of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.data import Batch
from belamy.errors import DataError
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.requirements import MAIN, kind_of
from belamy.registry import Part, Registry
from belamy.seeds import Draws

CLASSIFIERS = Registry("belamy.networks", "classifier", "Classifier")


class Recipe(base.BaseRecipe):
    """A classifier of labelled images."""

    classifier: Annotated[Part, CLASSIFIERS] = Part(name="classifier-mnist")
    """The network that maps an image to the scores of the classes."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How it learns."""
    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of normal noise on training images, which are in [-1, 1]."""
    printed_test: bool = False
    """Evaluate on test images scaled to [-511, -1], the defect of the book's classifier-mnist."""

    @classmethod
    def tiny(cls) -> Self:
        """The book's classifier on few digits."""
        return cls(train_samples=640, batch=32, ema_half_life=64)


class Method(base.BaseMethod):
    """One player that minimises the cross-entropy of the labels."""

    averaged = ("classifier",)
    objective_terms = ("classifier.cross-entropy",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        if len(spec.classes) < 2:
            raise DataError(
                "A classifier needs labelled data of at least two classes. Put the images of each class into a "
                "folder of its own, or name a CSV file of labels with --labels."
            )
        self.classifier: nn.Module = CLASSIFIERS.build(recipe.classifier, shape=spec.shape, classes=len(spec.classes))

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        """Data of the kind that the network takes."""
        return {MAIN: kind_of(CLASSIFIERS, recipe.classifier)}

    @property
    def players(self) -> dict[str, Player]:
        """One player, the classifier."""
        return {"classifier": Player(self.classifier, self.recipe.optimizer)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        batch = next(data)
        images = batch.main
        if self.recipe.noise:
            images = images + self.recipe.noise * draw.normal("noise", *images.shape)
        loss, accuracy = _judged(self.classifier(images), batch)
        yield Turn("classifier", {"cross-entropy": loss}, signals={"accuracy": accuracy})

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """Cross-entropy and accuracy."""
        images = batch.main
        if self.recipe.printed_test:
            # (x - 255) * 2 - 1 for x in 0..255, as printed; ours is x / 127.5 - 1
            images = ((images + 1) * 127.5 - 255) * 2 - 1
        loss, accuracy = _judged(self.classifier(images), batch)
        return {"loss": loss, "accuracy": accuracy}

    def classify(self, images: Tensor) -> Tensor:
        """Logits ``[n, classes]`` of images in [-1, 1]."""
        logits: Tensor = self.classifier(images)
        return logits


def _judged(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Cross-entropy and correctness ``[N]`` of logits."""
    assert batch.labels is not None  # the domain has classes
    correct = (logits.detach().argmax(1) == batch.labels).to(logits.dtype)
    return cross_entropy(logits, batch.labels, reduction="none"), correct
