"""How well latent directions do what they say, on digits and on drawn faces, with the same in pixels as control.

    belamy train vae-digits  --out runs/vae-digits
    belamy train vae-avatars --out runs/vae-avatars
    belamy train gan-avatars --out runs/gan-avatars
    python benchmarks/directions.py digits runs/vae-digits
    python benchmarks/directions.py faces runs/vae-avatars
    python benchmarks/directions.py faces runs/gan-avatars --direction learned --layer network.layers.5

Digits: the thickness of 500 test digits over steps -3 … 3, whether it rises with every step, and whether the judge of
digits still sees the digit; then 200 sums mean(thick 7) - mean(thin 7) + mean(thin 1) of random test digits. Thick and
thin are the outer thirds; a sum succeeds that the judge takes for a 1 and that is thicker than the median digit.
Faces: each attribute added to those of 300 test (or newly drawn) faces that lack it and taken from those that have it,
by judges that have seen neither networks nor directions, at the steps to give and to take that were best on 300 other
faces. Hair colour is asked for where hair is seen before and after: a face without a hat, or with long hair. Then 200
sums (glasses, beard) - (no glasses, beard) + (no glasses, no beard), of means of 3, 10 or 64 faces: right are those
with glasses and no beard, and one face those of whose hat, hair and smile the judges are as certain as of 19 in 20
single faces.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from belamy.api.steering import Steering
from belamy.data import to_float, to_uint8
from belamy.data.measures.thickness import Measure as Thickness
from belamy.editing.attribute_predictors import ClassifierPredictor
from belamy.editing.directions import DIRECTIONS, DirectionData
from belamy.editing.evidence import present
from belamy.judges.attribute_predictors import attribute_predictors
from belamy.methods.base import BaseMethod, Encodes
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.sampling.points import encoded, pixels_at, sampler
from belamy.seeds import generator

ALPHAS = (-3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
WHOLE = [place for place, alpha in enumerate(ALPHAS) if alpha == int(alpha)]
GENTLE = [place for place, alpha in enumerate(ALPHAS) if abs(alpha) <= 1.5]
FACES = ("smile", "glasses", "beard", "hat", "long_hair", "bun")
REACH = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)
HAIR = "hair_color"
SAME_COLOUR = 40
"""Levels of 255: the faces have eight skins and eight hair colours, some of which hardly differ."""
TRIALS = 200
COUNT, CHOOSING = 300, 2
"""Faces to choose a step on and to count on; the seed of those drawn to choose on."""
CHANGED, KEPT = 0.9, 0.85
WAYS = {"give": 1.0, "take": -1.0}
OPEN, DOUBTFUL = ("smile", "hat", "long_hair"), 0.05
Render = Callable[[Tensor], Tensor]
Judges = Mapping[str, ClassifierPredictor]


def spaces(steering: Steering) -> dict[str, tuple[Callable[[Tensor], Tensor], Render]]:
    """Latents and pixels: how images go in and come out."""
    shape = steering.data.shape
    return {
        "latents": (partial(encoded, steering.method), partial(pixels_at, steering.method, batch=512)),
        "pixels": (lambda images: to_float(images).flatten(1), lambda points: to_uint8(points.view(-1, *shape))),
    }


def digits(steering: Steering) -> dict[str, Any]:
    """Both tables, in latents and in pixels."""
    data, measure = steering.data, Thickness()
    (judge,) = attribute_predictors(data, ["class"])
    assert data.labels is not None
    train, test = data.indices("train")[:10_000], data.indices("test")[:500]
    names = ["thickness", *data.classes]
    told = {}
    for space, (inward, outward) in spaces(steering).items():
        known = {name: present(data, train, data.images(train), name) for name in names}
        evidence = DirectionData(inward(data.images(train)), known, steering.method)
        part = Part(name="mean-difference", within=True)
        vector = DIRECTIONS.build(part).find(evidence, ["thickness"])["thickness"]
        start = inward(data.images(test))
        series = [outward(start + alpha * vector) for alpha in ALPHAS]
        thickness = torch.stack([measure(images) for images in series])
        same = torch.stack([judge.predict(images).verdict == data.labels[test] for images in series]).double()
        told[space] = {
            "rises over -3 -2 … 3": _share((thickness[WHOLE].diff(dim=0) > 0).all(0)),
            "rises over every step of 0.5 and 1": _share((thickness.diff(dim=0) > 0).all(0)),
            "digit kept at |step| <= 1.5, least": round(float(same[GENTLE].mean(1).min()), 4),
            "digit kept, by step": {f"{a:+g}": round(float(s), 3) for a, s in zip(ALPHAS, same.mean(1), strict=True)},
            "mean thickness, by step": {
                f"{a:+g}": round(float(t), 2) for a, t in zip(ALPHAS, thickness.mean(1), strict=True)
            },
            **{f"thick 1, means of {n}": _sums(steering, inward, outward, judge, n) for n in (3, 5, 10)},
        }
    return told


def _sums(steering: Steering, inward: Render, outward: Render, judge: Any, members: int) -> float:
    """Share of sums that are a 1, by the judge, and thicker than the median test digit."""
    data, test = steering.data, steering.data.indices("test")
    assert data.labels is not None
    labels, thickness = data.labels[test], Thickness()(data.images(test))
    thin, middle, thick = thickness.quantile(torch.tensor([1 / 3, 1 / 2, 2 / 3], dtype=thickness.dtype))
    groups = [(1, (labels == 7) & (thickness > thick)), (-1, (labels == 7) & (thickness < thin)),
              (1, (labels == 1) & (thickness < thin))]  # fmt: skip
    numbers = generator(0, "sums")
    sums = []
    for _ in range(TRIALS):
        chosen = [test[group][torch.randperm(int(group.sum()), generator=numbers)[:members]] for _, group in groups]
        means = [inward(data.images(images)).mean(0) for images in chosen]
        sums.append(sum((sign * mean for (sign, _), mean in zip(groups, means, strict=True)), torch.zeros(1)))
    images = outward(torch.stack(sums))
    return _share((judge.predict(images).verdict == 1) & (Thickness()(images) > middle))


def faces(steering: Steering, part: str) -> dict[str, Any]:
    """For each attribute the best steps, their success and what each other attribute keeps; and the sentence."""
    judges = {judge.name: judge for judge in attribute_predictors(steering.data)}
    names = [name for name in FACES if name in judges]
    found = steering.find(Part.parse(part), names)
    data, held = steering.data, steering.data.indices("test")
    chosen, counted = _starts(steering)
    told: dict[str, Any] = {}
    for name in names:
        steps, moves = {}, []
        for way, sign in WAYS.items():
            of = partial(_moved, steering.method, judges, name, way)
            steps[way] = max(REACH, key=lambda step: _score(_told([of(chosen, sign * step * found[name])])))
            moves.append(of(counted, sign * steps[way] * found[name]))
        real = data.attributes[name].codes[held]
        told[name] = {
            "judge on held-out faces": _share(judges[name].predict(data.images(held)).verdict == real),
            **_reconstructed(steering, judges[name], held, real),
            "step": steps,
            **{way: _share(move["changed"]) for way, move in zip(WAYS, moves, strict=True)},
            **_told(moves),
        }
    return {**told, "sentence": _sentence(steering, judges)}


def _starts(steering: Steering) -> tuple[Tensor, Tensor]:
    """Latents to choose steps on, of the last training faces, and to count on, of test faces; or both drawn anew."""
    counted, _ = steering.beginnings(COUNT, 0)
    if isinstance(steering.method, Encodes):
        return encoded(steering.method, steering.data.images(steering.data.indices("train")[-COUNT:])), counted
    return sampler(steering.method).latents(CHOOSING, range(COUNT)), counted


def _moved(
    method: BaseMethod, judges: Judges, name: str, way: str, latents: Tensor, vector: Tensor
) -> dict[str, Tensor]:
    """Of the faces without an attribute, or with it: which a step changes, and which keep each other.  # [n] bool"""
    before = _looked(judges, pixels_at(method, latents, batch=256))
    start = before[name] == (way == "take")
    before = {other: verdict[start] for other, verdict in before.items()}
    after = _looked(judges, pixels_at(method, latents[start] + vector, batch=256))
    same = {other: _near(judge.values)[after[other], before[other]] for other, judge in judges.items()}
    visible = _hair_seen(before) & _hair_seen(after)
    kept = {other: held[visible] if other == HAIR else held for other, held in same.items() if other != name}
    return {"changed": ~same[name], **kept}


def _told(moves: Sequence[dict[str, Tensor]]) -> dict[str, float]:
    """The shares, over all faces that were moved."""
    return {what: _share(torch.cat([move[what] for move in moves])) for what in moves[0]}


def _looked(judges: Judges, images: Tensor) -> dict[str, Tensor]:
    return {name: judge.predict(images).verdict for name, judge in judges.items()}


def _score(told: dict[str, float]) -> float:
    """Above 1 where enough change and enough stay."""
    return min(told["changed"] / CHANGED, min(share for other, share in told.items() if other != "changed") / KEPT)


def _reconstructed(steering: Steering, judge: ClassifierPredictor, held: Tensor, real: Tensor) -> dict[str, float]:
    if not isinstance(steering.method, Encodes):
        return {}
    images = pixels_at(steering.method, encoded(steering.method, steering.data.images(held)), batch=256)
    return {"judge on their reconstructions": _share(judge.predict(images).verdict == real)}


def _sentence(steering: Steering, judges: Judges) -> dict[str, Any]:
    """How many of 200 sums (glasses, beard) - (no glasses, beard) + (no glasses, no beard) come out with glasses and no
    beard; and how many of them are one face, not several through each other.
    """
    method, data = steering.method, steering.data
    if isinstance(method, Encodes):
        held = data.indices("test")
        images, verdicts = data.images(held), {name: data.attributes[name].codes[held] for name in judges}
        latents = encoded(method, images)
    else:
        latents = sampler(method).latents(CHOOSING + 1, range(2000))
        images = pixels_at(method, latents, batch=256)
        verdicts = _looked(judges, images)
    glasses, beard = verdicts["glasses"] == 1, verdicts["beard"] == 1
    groups = [(1, glasses & beard), (-1, ~glasses & beard), (1, ~glasses & ~beard)]
    spaces: dict[str, tuple[Tensor, Render]] = {
        "latents": (latents, partial(pixels_at, method, batch=256)),
        "pixels": (to_float(images).flatten(1), lambda points: to_uint8(points.view(-1, *data.shape))),
    }
    certain = _certainty(judges, images).quantile(DOUBTFUL)
    told: dict[str, Any] = {}
    for members in (3, 10, 64):
        numbers = generator(0, "sentence")
        trials = [[(sign, _some(group, members, numbers)) for sign, group in groups] for _ in range(TRIALS)]
        for space, (points, outward) in spaces.items():
            sums = [torch.stack([sign * points[some].mean(0) for sign, some in trial]).sum(0) for trial in trials]
            made = outward(torch.stack(sums))
            looked = _looked(judges, made)
            right = (looked["glasses"] == 1) & (looked["beard"] == 0)
            one = _certainty(judges, made) >= certain
            told[f"{space}, means of {members}"] = {"right": _share(right), "right and one face": _share(right & one)}
    return told


def _some(group: Tensor, members: int, numbers: torch.Generator) -> Tensor:
    return group.nonzero()[:, 0][torch.randperm(int(group.sum()), generator=numbers)[:members]]


def _certainty(judges: Judges, images: Tensor) -> Tensor:
    """How sure the judges are of what a sum of several faces leaves open, at least.  # [n]"""
    chances = [judges[name].probabilities(images).amax(1) for name in OPEN if name in judges]
    return torch.stack(chances).amin(0)


def _hair_seen(verdicts: Mapping[str, Tensor]) -> Tensor:
    """Where hair is not all under a hat.  # [n] bool"""
    return (
        (verdicts["hat"] == 0) | (verdicts["long_hair"] == 1)
        if "hat" in verdicts
        else torch.ones_like(verdicts[HAIR]).bool()
    )


def _near(values: Sequence[str]) -> Tensor:
    """Which values count as the same: each itself, and of colours all within 40 levels in every channel.  # [K, K]"""
    if not all(re.fullmatch(r"[0-9a-f]{6}", value) for value in values):
        return torch.eye(len(values), dtype=torch.bool)
    levels = torch.tensor([[int(value[at : at + 2], 16) for at in (0, 2, 4)] for value in values])
    return (levels[:, None] - levels).abs().amax(2) <= SAME_COLOUR


def _share(right: Tensor) -> float:
    return round(float(right.double().mean()), 4)


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("digits", "faces"))
    parser.add_argument("run")
    parser.add_argument("--direction", default="mean-difference")
    parser.add_argument("--layer", help="steer among its features, not among the latents")
    form = parser.parse_args()
    torch.set_num_threads(1)
    steering = Steering.open(Run.open(form.run), "cpu", layer=form.layer)
    told = digits(steering) if form.what == "digits" else faces(steering, form.direction)
    sys.stdout.write(f"{json.dumps(told, indent=1)}\n")


if __name__ == "__main__":
    main()
