"""Docstrings as people read them in a terminal or on a page: without markup, formulas written out."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import unicodedata
from collections.abc import Iterator

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", flags=re.DOTALL)
_SYMBOLS = dict(re.findall(r"(\w+)=(\S)", """
    alpha=α beta=β gamma=γ delta=δ epsilon=ε varepsilon=ε theta=θ lambda=λ mu=μ nu=ν xi=ξ pi=π rho=ρ sigma=σ tau=τ phi=φ
    psi=ψ Phi=Φ Psi=Ψ Sigma=Σ Delta=Δ nabla=∇ sum=Σ prod=Π infty=∞ to=→ leftarrow=← Longrightarrow=⟹ approx=≈ sim=~ ne=≠
    le=≤ ge=≥ in=∈ propto=∝ mid=| Vert=‖ lVert=‖ rVert=‖ lceil=⌈ rceil=⌉ odot=⊙ cdot=· times=× pm=± bigcup=⋃ dots=…
    ldots=… top=ᵀ partial=∂ circ=∘ Omega=Ω omega=ω varphi=φ int=∫ langle=⟨ rangle=⟩ lfloor=⌊ rfloor=⌋ ell=ℓ perp=⊥
    Lambda=Λ chi=χ eta=η zeta=ζ Rightarrow=⇒ wedge=∧ vee=∨ lvert=| rvert=| mp=∓ cap=∩ notin=∉ angle=∠
"""))  # fmt: skip
_SYMBOLS |= {
    "log": "log ",
    "ln": "ln ",
    "exp": "exp ",
    "quad": "\u2003",
    "qquad": "\u2003",
    ",": " ",
    ";": " ",
    "!": "",
}
_SYMBOLS |= dict.fromkeys(("bigl", "bigr", "Bigl", "Bigr", "big", "Big", "left", "right", "mathrm", "mathbb", "mathcal",
                           "text", "textstyle", "operatorname", "mathbf"), "")  # fmt: skip
_SPELLED = {r"\lVert ": r"\lVert{}", r"\begin{cases}": "(", r"\end{cases}": ")", r"\\": "; ",
            r"& \text{else}": "else", "&": "if"}  # fmt: skip
_MARKS = {"bar": "\u0304", "hat": "\u0302", "tilde": "\u0303"}
_RAISED = str.maketrans("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ")


def docstring(described: type) -> str:
    """The docstring of a class; read from its source where Python was told to forget it, as by ``python -OO``."""
    if sys.flags.optimize < 2:
        return inspect.getdoc(described) or ""
    for each in described.__mro__[:-1]:
        definition = ast.parse(textwrap.dedent(inspect.getsource(each))).body[0]
        if isinstance(definition, ast.ClassDef) and (found := ast.get_docstring(definition)):
            return found
    return ""


def plain(text: str) -> str:
    r"""A docstring without its markup: code in single quotes, formulas as text.

    Example:
        >>> plain(r"The class :func:`~belamy.draw` of ``x``, *slowly*: :math:`\tfrac12 \lVert\nabla_x D\rVert_2^2`.")
        'The class `draw` of `x`, slowly: 1/2 ‖∇_x D‖_2².'
    """
    text = re.sub(r"^( *)\.\. math::[ \n]*(.*(?:\n(?:\1 +.*|(?=\n\1 )))*)", _block, text, flags=re.MULTILINE)
    text = re.sub(r":math:`([^`]+)`", lambda found: formula(found[1]), text)
    text = re.sub(
        r":\w+:`(~?)([^`]+)`", lambda found: f"`{found[2].rpartition('.')[2] if found[1] else found[2]}`", text
    )
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    return re.sub(r"(?<![\w*])(\*{1,2})(?=\S)([^*\n]+?)(?<=\S)\1(?![\w*])", r"\2", text)


def _block(found: re.Match[str]) -> str:
    return f"{found[1]}    {formula(' '.join(found[2].split()))}"


def formula(latex: str) -> str:
    r"""A formula of LaTeX as one line of text.

    Example:
        >>> formula(r"\frac{1}{n} \sum_i \sqrt{x_i^2 + \epsilon}")
        '1/n Σ_i √(x_i² + ε)'
    """
    for written, meant in _SPELLED.items():
        latex = latex.replace(written, meant)
    text = re.sub(r" +", " ", "".join(_written(iter(_TOKEN.findall(latex)))))
    text = unicodedata.normalize("NFC", text)
    return re.sub(r" ([,.;)\]])", r"\1", text.replace("( ", "(")).replace("\u2003", "  ").strip()


def _written(tokens: Iterator[str], until: str = "") -> Iterator[str]:
    """Pieces of text, up to the token that ends a group."""
    for token in tokens:
        if token == until:
            return
        yield _piece(token, tokens)


def _piece(token: str, tokens: Iterator[str]) -> str:
    name = token[1:] if token[0] == "\\" and len(token) > 1 else ""
    if token == "{":
        return "".join(_written(tokens, "}"))
    if token == "^":
        raised = _argument(tokens)
        return raised if raised == "ᵀ" else _raised(raised)
    if token == "_":
        lowered = _argument(tokens)
        return f"_{lowered}" if re.fullmatch(r"\w+|.", lowered) else f"_({lowered})"
    if name in ("frac", "tfrac", "dfrac"):
        over, under = _argument(tokens), _argument(tokens)
        return f"{_bracketed(over)}/{_bracketed(under)} "
    if name == "sqrt":
        return f"√{_bracketed(_argument(tokens))}"
    if name in _MARKS:
        return f"{_argument(tokens)}{_MARKS[name]}"
    return _SYMBOLS.get(name, name) if name else token


def _argument(tokens: Iterator[str]) -> str:
    """The next group or sign."""
    token = next((token for token in tokens if not token.isspace()), "")
    return _piece(token, tokens).strip() if token else ""


def _bracketed(text: str) -> str:
    return text if re.fullmatch(r"[\w.\u0300-\u036f²·]+|√.\S?", text) else f"({text})"


def _raised(text: str) -> str:
    raised = text.translate(_RAISED)
    return raised if not set(raised) & set(text) else f"^{text}" if len(text) == 1 else f"^({text})"
