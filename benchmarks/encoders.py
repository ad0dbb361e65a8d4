"""What an encoder is good for, measured: anomalies, retrieval of images and documents, few labels, noise, segmentation.

python benchmarks/encoders.py anomaly [--digits 0 1 … 9] [--samples 40000]    one training for each digit left out
python benchmarks/encoders.py retrieval RUN [--queries 1000]                  of an autoencoder of labelled images
python benchmarks/encoders.py text RUN                                        of an autoencoder of labelled documents
python benchmarks/encoders.py labels RUN [--per-class 10] [--seeds 5]
python benchmarks/encoders.py noise RUN [--noise 0.4]                         of a denoising autoencoder
python benchmarks/encoders.py segmentation RUN [--noise 0.4] [--per-class 3]
python benchmarks/encoders.py codes RUN                                         of a run that reconstructs
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import get_args

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn.functional import normalize, pad, unfold

from belamy import recipes
from belamy.data import Dataset, open_data, to_float
from belamy.data.dataset import Memory
from belamy.data.masks import read_masks
from belamy.editing.anomaly import Kind, fit
from belamy.editing.inversion import psnr
from belamy.editing.restoration import noisy, restore
from belamy.editing.retrieval import Metric, index
from belamy.editing.segmentation import Features, encoder_features, intersection_over_union, learn
from belamy.evaluation import intervals
from belamy.evaluation.neighbours import nearest
from belamy.evaluation.ranking import auroc
from belamy.evaluation.statistics import Interval
from belamy.judges.pretraining import drawn, few_labels
from belamy.methods.base import BaseMethod, DataSpec, Reconstructs
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.sampling.points import encoded
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer, open_recipe_data

NORMAL = 10_000
"""Normal images that every rival is given."""
BLOCK = 1 << 24
"""Distances that are ranked together."""
SCORES: tuple[Kind, ...] = ("neighbours", "latent", "error")
CONSOLE = Console(width=140)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["anomaly", "retrieval", "text", "labels", "noise", "segmentation", "codes"])
    parser.add_argument("run", nargs="?")
    parser.add_argument("--digits", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--samples", type=int, default=40_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--per-class", type=int)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--noise", type=float, default=0.4)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "anomaly":
        anomaly(asked.digits, asked.samples)
        return
    run = Run.open(asked.run)
    method, data = run.method(), open_recipe_data(run.recipe)
    if asked.what in ("retrieval", "text"):
        retrieval(method, data, asked.queries, words=asked.what == "text")
    elif asked.what == "labels":
        labels(method, data, asked.per_class or 10, asked.seeds)
    elif asked.what == "noise":
        noise(method, data, asked.noise)
    elif asked.what == "codes":
        codes(method, data)
    else:
        segmentation(method, data, asked.noise, asked.per_class or 3)


def anomaly(digits: list[int], samples: int) -> None:
    """Nine digits are normal; the area under the ROC curve of telling the tenth among all test images."""
    data = open_data("mnist")
    assert data.labels is not None
    train, test = data.indices("train"), data.indices("test")
    images, truth = data.images(test), data.labels[test]
    found: dict[str, list[float]] = {}
    for digit in digits:
        kept = train[data.labels[train] != digit]
        began = time.process_time()
        method = autoencoder(
            Dataset("nine", Memory(data.images(kept)), official={"train": torch.arange(len(kept))}), samples
        )
        seconds = time.process_time() - began
        normal = data.images(kept[:: len(kept) // NORMAL][:NORMAL])
        scores: dict[str, Tensor] = {
            f"autoencoder, {kind}": fit(method, normal, normal[:100], kind).scores(images) for kind in SCORES
        }
        scores |= rivals(normal.flatten(1).double() / 255, images.flatten(1).double() / 255)
        for name, score in scores.items():
            found.setdefault(name, []).append(auroc(score[truth != digit], score[truth == digit]))
        told = ", ".join(f"{name} {each[-1]:.3f}" for name, each in found.items())
        CONSOLE.print(f"without {digit} ({seconds:.0f} CPU-s of training): {told}", highlight=False)
    table = Table(title=f"AUROC of the digit left out, {samples:,} training samples")
    for heading in ("score", "mean", *map(str, digits)):
        table.add_column(heading)
    for name, each in found.items():
        table.add_row(name, f"{np.mean(each):.3f}", *(f"{value:.2f}" for value in each))
    CONSOLE.print(table)


def autoencoder(data: Dataset, samples: int) -> BaseMethod:
    """The recipe autoencoder-mnist, quickly: a rate twice as high that falls along a half cosine."""
    recipe = recipes.get("autoencoder-mnist").changed(
        samples=samples, schedule=Part(name="cosine"), optimizer=Part(name="adam", lr=2e-3, beta1=0.9)
    )
    trainer = make_trainer(
        recipe, DataSpec.pictures(data.shape), data, Options("cpu", watch=False, progress=False), World()
    )
    while trainer.clock.samples < recipe.train_samples:
        trainer.step()
    return trainer.method.eval()


def rivals(normal: Tensor, images: Tensor) -> dict[str, Tensor]:
    """Scores of images ``[n, pixels]`` by principal components and by scikit-learn's isolation forest."""
    from sklearn.decomposition import PCA
    from sklearn.ensemble import IsolationForest

    found = {}
    for count in (8, 32):
        components = PCA(count, random_state=0).fit(normal.numpy())
        codes = components.transform(images.numpy())
        error = (images.numpy() - components.inverse_transform(codes)) ** 2
        found[f"PCA {count}, error"] = torch.from_numpy(error.sum(1))
    among, spread = components.transform(normal.numpy()), components.explained_variance_**0.5
    near = nearest(torch.from_numpy(codes / spread), torch.from_numpy(among / spread), 5)
    found["PCA 32, neighbours"] = near.distances.mean(1)
    for name, rows, others in (("pixels", normal.numpy(), images.numpy()), ("PCA 32", among, codes)):
        forest = IsolationForest(random_state=0).fit(rows)
        found[f"isolation forest, {name}"] = torch.from_numpy(-forest.score_samples(others))
    return found


def retrieval(method: BaseMethod, data: Dataset, queries: int, words: bool) -> None:
    """Mean average precision of held-out queries among all training images or documents."""
    assert data.labels is not None
    train, test = data.indices("train"), data.indices("test")[:queries]
    pixels = {"held": data.images(test), "among": data.images(train)}
    rows = {name: images.flatten(1).double() for name, images in pixels.items()}
    code = index(method, data)
    asked = encoded(method, pixels["held"])
    spaces = {
        "words" if words else "pixels": (rows["held"], rows["among"]),
        "the same, cosine": tuple(normalize(each, dim=1) for each in rows.values()),
    }
    if words:
        weights = inverse_frequencies(pixels["among"])
        weighted = [normalize(each * weights, dim=1) for each in rows.values()]
        spaces["inverse document frequencies, cosine"] = tuple(weighted)
        from sklearn.decomposition import TruncatedSVD

        svd = TruncatedSVD(code.codes.shape[1], random_state=0).fit(weighted[1].numpy())
        reduced = [normalize(torch.from_numpy(svd.transform(each.numpy())), dim=1) for each in weighted]
        spaces[f"latent semantic analysis, {code.codes.shape[1]}"] = tuple(reduced)
    for metric in get_args(Metric):
        held = replace(code, metric=metric)
        spaces[f"code of {code.codes.shape[1]}, {metric}"] = (held.changed(asked), held.changed(code.codes))
    table = Table(title=f"mean average precision, {len(test):,} queries among {len(train):,}")
    for heading in ("compared by", "mAP", "of the 10 nearest"):
        table.add_column(heading)
    for name, (left, right) in spaces.items():
        each = average_precisions(left, data.labels[test], right, data.labels[train])
        among = data.labels[train][nearest(left, right, 10).indices] == data.labels[test][:, None]
        table.add_row(name, shown(intervals.mean(each[~each.isnan()])), f"{among.double().mean():.3f}")
    CONSOLE.print(table)


def average_precisions(queries: Tensor, labels: Tensor, points: Tensor, kinds: Tensor) -> Tensor:
    r"""How far in front of a ranking by distance those of the query's own kind are.  # [q] float64

    .. math:: \mathrm{AP} = \frac{1}{R} \sum_{k=1}^{n} [y_k = y]\, \frac{\#\{j \le k : y_j = y\}}{k}

    over the whole ranking of n points, R of which are of the kind; queries of a kind that no point has are NaN. Of
    equal distances the earlier point comes first.
    """
    place = torch.arange(1, len(points) + 1, dtype=torch.float64)
    parts = []
    for chosen in torch.arange(len(queries)).split(max(1, BLOCK // len(points))):
        far = torch.cdist(queries[chosen].double(), points.double())
        same = kinds[far.argsort(dim=1, stable=True)] == labels[chosen, None]
        precision = same.cumsum(1) / place
        parts.append((precision * same).sum(1) / same.sum(1))
    return torch.cat(parts)


def inverse_frequencies(bags: Tensor) -> Tensor:
    """ln(n / n_w) of every word; 0 of words that are nowhere."""
    having = (bags.flatten(1) > 0).double().sum(0)
    return torch.where(having > 0, (len(bags) / having.clamp_min(1)).log(), 0.0)


def labels(method: BaseMethod, data: Dataset, per_class: int, seeds: int) -> None:
    """Accuracy of classifiers taught by few labels, by how their encoder started."""
    found = few_labels(method, data, per_class=per_class, seeds=seeds, say=CONSOLE.print)
    table = Table(title=f"{per_class} labels of each class, {seeds} seeds, {found.tested:,} test images")
    for heading in ("encoder", "accuracy, mean ± sd"):
        table.add_column(heading)
    for start, each in found.accuracies.items():
        table.add_row(start, f"{np.mean(each):.1%} ± {np.std(each, ddof=1):.1%}")
    pairs = zip(found.accuracies["pretrained"], found.accuracies["scratch"], strict=True)
    gains = [after - before for after, before in pairs]
    table.add_row("gain of pretraining", f"{np.mean(gains):+.1%} ± {np.std(gains, ddof=1):.1%}")
    CONSOLE.print(table)


def noise(method: BaseMethod, data: Dataset, amount: float, count: int = 1000) -> None:
    """Peak signal-to-noise ratio of noisy held-out images, of what comes back, and of the best blur."""
    images = data.images(data.indices("test")[:count])
    found = restore(method, images, amount)
    rows = {"noisy": found.before, "restored": found.after}
    blurs = {width: psnr(blurred(found.seen, width), images) for width in (0.6, 0.8, 1.0, 1.2, 1.5)}
    best = max(blurs, key=lambda width: float(blurs[width].mean()))
    rows[f"blurred, the best of five widths ({best})"] = blurs[best]
    for name, each in rows.items():
        CONSOLE.print(f"{name}: {shown(intervals.mean(each), 2)} dB")


def codes(method: BaseMethod, data: Dataset) -> None:
    """How far held-out images are from their reconstructions, and their classes told by codes and by pixels."""
    from sklearn.linear_model import RidgeClassifier

    assert data.labels is not None
    assert isinstance(method, Reconstructs)
    train, test = data.indices("train")[:NORMAL], data.indices("test")
    images = {"among": data.images(train), "held": data.images(test)}
    with torch.no_grad():
        again = torch.cat([method.reconstruct(to_float(part)) for part in images["held"].split(500)])
    errors = ((again - to_float(images["held"])) / 2).square().flatten(1).mean(1)
    CONSOLE.print(f"squared error of {len(test):,} reconstructions: {shown(intervals.mean(errors), 4)}")
    kinds, truth = data.labels[train], data.labels[test]
    for name, rows in {
        "code": {key: encoded(method, each).double() for key, each in images.items()},
        "pixels": {key: each.flatten(1).double() / 255 for key, each in images.items()},
    }.items():
        mean, spread = rows["among"].mean(0), rows["among"].std(0).clamp_min(1e-3) if name == "code" else 1.0
        among, held = ((each - mean) / spread for each in (rows["among"], rows["held"]))
        linear = RidgeClassifier().fit(among.numpy(), kinds.numpy())
        told = {
            "5 nearest": kinds[nearest(held, among, 5).indices].mode(1).values,
            "linear": torch.from_numpy(linear.predict(held.numpy())),
        }
        for how, guess in told.items():
            right = intervals.wilson(int((guess == truth).sum()), len(truth))
            CONSOLE.print(f"{name}, {how} among {len(train):,}: {shown(right)}")


def blurred(images: Tensor, width: float) -> Tensor:
    """Images under a normal blur of a standard deviation in pixels."""
    from scipy.ndimage import gaussian_filter

    return torch.from_numpy(
        gaussian_filter(images.numpy().astype(np.float32), (0, 0, width, width)).round().clip(0, 255)
    )


def segmentation(method: BaseMethod, data: Dataset, amount: float, per_class: int, count: int = 500) -> None:
    """Which pixels of noisy digits are ink, and of which digit, by heads on a frozen encoder and on raw pixels."""
    assert data.labels is not None
    chosen = drawn(data.labels, data.indices("train"), per_class, 0)
    held = data.indices("test")[:count]
    classes = len(data.classes) + 1
    images = {name: noisy(data.images(rows), amount, number) for number, (name, rows) in
              enumerate({"learned": chosen, "held": held}.items())}  # fmt: skip
    masks = {name: read_masks("ink-by-class", data, rows).classes for name, rows in
             {"learned": chosen, "held": held}.items()}  # fmt: skip
    ways: dict[str, Features] = {
        "frozen encoder": encoder_features(method),
        "raw pixel": patches(1),
        "7 x 7 raw pixels": patches(7),
    }
    table = Table(title=f"noise {amount:g}; {len(chosen)} images with masks, {count} tested")
    for heading in ("head on", "IoU of ink", "mean IoU of ten digits"):
        table.add_column(heading)
    for name, features in ways.items():
        found = learn(features, images["learned"], masks["learned"], classes).segment(images["held"])
        whole = intersection_over_union(found.clamp(max=1), masks["held"].clamp(max=1), 2)[1]
        each = intersection_over_union(found, masks["held"], classes)[1:].nanmean()
        table.add_row(name, f"{whole:.3f}", f"{each:.3f}")
    cut = otsu(images["held"])
    whole = intersection_over_union((images["held"][:, 0] > cut).long(), masks["held"].clamp(max=1), 2)[1]
    table.add_row("Otsu's threshold, no head", f"{whole:.3f}", "cannot tell")
    CONSOLE.print(table)


def patches(side: int) -> Features:
    """The raw pixels about each pixel as its features."""

    def features(images: Tensor) -> Tensor:
        floats = pad(to_float(images), (side // 2,) * 4, value=-1.0)
        return unfold(floats, side).unflatten(2, images.shape[2:])

    return features


def otsu(images: Tensor) -> int:
    """The threshold that parts the pixels' histogram into the two most compact kinds (Otsu 1979)."""
    counts = torch.bincount(images.flatten().long(), minlength=256).double()
    values = torch.arange(256, dtype=torch.float64)
    low, total = counts.cumsum(0), (counts * values).cumsum(0)
    high = low[-1] - low
    between = low * high * (total / low.clamp_min(1) - (total[-1] - total) / high.clamp_min(1)).square()
    return int(between.argmax())


def shown(found: Interval, places: int = 3) -> str:
    """A number with its interval."""
    return f"{found.value:.{places}f} ({found.low:.{places}f} to {found.high:.{places}f})"


if __name__ == "__main__":
    main()
