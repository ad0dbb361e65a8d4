"""Docstrings in a terminal: no markup is left, and formulas read as formulas."""

from __future__ import annotations

import re

import pytest

from belamy.cli import main
from belamy.cli.verbs.parts import registries
from belamy.docstrings import docstring, formula, plain

MARKUP = re.compile(r"``|:\w+:`|\.\. \w+::|\\[A-Za-z]|\*\*")


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\tfrac12 \lVert\nabla_x D(x)\rVert_2^2", "1/2 ‖∇_x D(x)‖_2²"),
        (r"\frac{1}{N-1} \sum_{j \ne i} \sqrt{x_{ij}^2 + \epsilon}", "1/(N-1) Σ_(j ≠ i) √(x_ij² + ε)"),
        (r"L_D = -\log\sigma(s_r), \qquad L_G = \bar s_f", "L_D = -log σ(s_r),  L_G = s̄_f"),
        (r"\hat w = c\,w, e^{-s^2/2S}, W^\top, r^*, \Phi^{-1}", "ŵ = c w, e^(-s²/2S), Wᵀ, r^*, Φ⁻¹"),
        (r"\begin{cases} m & m < \varepsilon \\ 1 & \text{else}\end{cases}", "(m if m < ε; 1 else)"),
        (r"\mathrm{KL}\bigl(p\,\Vert\,q\bigr) \approx \mathbb{E} D_\infty", "KL(p ‖ q) ≈ E D_∞"),
        (r"\operatorname{sign} x", "sign x"),
    ],
)
def test_formulas(latex: str, text: str) -> None:
    written = re.sub(" +", " ", formula(latex))
    assert written == re.sub(" +", " ", text)


def test_markup_goes_and_the_lines_stay() -> None:
    text = (
        "The sum of ``x``, *slowly*; 2 * 3 * 4 = 24.\n\n.. math:: a^2,\n   \\qquad b\n\nwith "
        ":class:`~belamy.runs.Run`, :func:`belamy.draw` and **bold** :math:`\\alpha`.\n\nArgs:\n    x: One.\n"
    )
    assert plain(text).splitlines() == [
        "The sum of `x`, slowly; 2 * 3 * 4 = 24.", "", "    a²,    b", "",
        "with `Run`, `belamy.draw` and bold α.", "", "Args:", "    x: One.",
    ]  # fmt: skip


def test_no_part_shows_markup() -> None:
    for registry, _ in registries().values():
        for name in registry.names():
            raw = docstring(registry.load(name))
            left = MARKUP.findall(plain(raw))
            assert not left, f"{registry.kind} {name}: {left}"
            assert len(plain(raw)) > len(raw) / 2


def test_a_part_is_explained_in_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parts", "frechet"]) == 0
    page = capsys.readouterr().out
    assert "‖μ_r-μ_f‖² + tr(Σ_r" in page and not MARKUP.search(page)
    assert main(["train", "dcgan-mnist", "--penalties", "gradient-penalty", "--help"]) == 0
    assert not MARKUP.search(capsys.readouterr().out)


def test_metrics_are_known_by_the_words_of_papers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parts", "FID"]) == 0
    assert capsys.readouterr().out.startswith("frechet: metric")
    for words, near in (
        (["parts", "fidd"], "fid"), (["evaluate", "x.npz", "--against", "y", "--metrics", "kidd"], "kid"),
        (["train", "digits", "--evaluate-every", "64", "--metrics", "recal"], "recall"),
    ):  # fmt: skip
        assert main(words) == 2
        assert f"Did you mean '{near}'" in (said := capsys.readouterr().err), said
