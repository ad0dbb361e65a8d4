r"""Sums of latents as people write them: ``mean(glasses) - mean(plain) + mean(woman)``.

    sum     = product { ("+" | "-") product }
    product = factor { ("*" | "/") factor }
    factor  = ("-" | "+") factor | NUMBER | "(" sum ")" | call | group
    call    = "mean" "(" sum { "," sum } ")" | "seed" "(" WHOLE [ "," WHOLE ] ")"
            | "image" "(" STRING ")" | "text" "(" STRING ")" | "label" "(" STRING | WORD | NUMBER ")"
    group   = word { word }                         (all of them hold)
    word    = [ "not" ] ( WORD [ "=" VALUE ] | STRING | WORD "(" WORD ")" )

Within ``mean`` a number alone, or after words, is a word: ``mean(7)``, ``mean(thick 7)``. A text is read into a tree of
the classes below by this grammar alone; nothing of it is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from belamy.errors import UsageError, nearest

LONGEST = 1000
DEEPEST = 50
CALLS = ("mean", "seed", "image", "text", "label")

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?(?![\w.])|\.\d+(?![\w.]))"
    r"|(?P<word>[^\W\d]\w*|\d\w*)|(?P<string>\"[^\"]*\"|'[^']*')|(?P<sign>[-+*/(),=])|(?P<end>$))"
)


class Malformed(UsageError):
    """An expression that cannot be read, with a mark under where."""

    def __init__(self, text: str, at: int, what: str) -> None:
        super().__init__(f"{what} At character {at + 1} of the expression: {_marked(text, at)}")


@dataclass(frozen=True)
class Word:
    """Something that holds of an image or not: a class, an attribute, ``high(thickness)``."""

    name: str
    value: str | None = None
    measure: str | None = None
    wanted: bool = True
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        name = f"{self.name}({self.measure})" if self.measure else self.name
        plain = re.fullmatch(r"\w+(\(\w+\))?", name)
        said = (name if plain else f'"{name}"') + (f"={self.value}" if self.value else "")
        return said if self.wanted else f"not {said}"


@dataclass(frozen=True)
class Group:
    """The images of which all words hold; its value is their mean."""

    words: tuple[Word, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"mean({' '.join(map(str, self.words))})"


@dataclass(frozen=True)
class Seed:
    """Image ``index`` of ``belamy sample --seed``."""

    seed: int
    index: int = 0
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"seed({self.seed}{f', {self.index}' if self.index else ''})"


@dataclass(frozen=True)
class PictureFile:
    """A picture file."""

    path: str
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f'image("{self.path}")'


@dataclass(frozen=True)
class TextLeaf:
    """What a text says, as the generator is told it."""

    said: str
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f'text("{self.said}")'


@dataclass(frozen=True)
class Label:
    """A class as the generator is told it."""

    name: str
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"label({self.name})"


@dataclass(frozen=True)
class Number:
    """A number."""

    value: float
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Sum:
    """``left + sign · right``."""

    left: Node
    right: Node
    sign: int
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Product:
    """``left · right``, or ``left / right``."""

    left: Node
    right: Node
    divides: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Mean:
    """The mean of several values, each counted once."""

    parts: tuple[Node, ...]
    at: int = field(default=0, compare=False)


Leaf = Group | Seed | PictureFile | TextLeaf | Label
Node = Leaf | Number | Sum | Product | Mean


@dataclass(frozen=True)
class Expression:
    """An expression as it was written, and as it was read."""

    text: str
    tree: Node

    def leaves(self) -> list[Leaf]:
        """Groups, seeds, images, texts and labels in it, each once, in the order of the text."""
        return list(dict.fromkeys(_leaves(self.tree)))

    def value(self, find: Callable[[Leaf], Tensor]) -> Tensor:
        """The expression's value.

        Args:
            find: The value of a leaf; it is asked once for each.

        Raises:
            Malformed: Numbers and latents are mixed in a way that means nothing.
        """
        known = {leaf: find(leaf) for leaf in self.leaves()}
        found = self._value(self.tree, known)
        if isinstance(found, float):
            raise Malformed(
                self.text, self.tree.at, f"The result is a number, {found:g}, not a place. For a class write mean(7)."
            )
        if not found.isfinite().all():
            raise Malformed(self.text, self.tree.at, "The result is beyond all numbers. Write smaller factors.")
        return found

    def _value(self, node: Node, known: dict[Leaf, Tensor]) -> Tensor | float:
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Mean):
            parts = [self._value(part, known) for part in node.parts]
            if any(isinstance(part, float) for part in parts):
                raise Malformed(self.text, node.at, "A mean is of groups, seeds or images, not of numbers.")
            return sum(parts[1:], start=parts[0]) / len(parts)
        if isinstance(node, Sum):
            left, right = self._value(node.left, known), self._value(node.right, known)
            if isinstance(left, float) != isinstance(right, float):
                raise Malformed(self.text, node.at, "A number and a place in the latent space do not add up.")
            return left + right if node.sign > 0 else left - right
        if isinstance(node, Product):
            return self._product(node, self._value(node.left, known), self._value(node.right, known))
        return known[node]

    def _product(self, node: Product, left: Tensor | float, right: Tensor | float) -> Tensor | float:
        if node.divides:
            if not isinstance(right, float):
                raise Malformed(self.text, node.at, "Only a number can divide.")
            if right == 0:
                raise Malformed(self.text, node.at, "This divides by 0.")
            return left / right
        if not isinstance(left, float) and not isinstance(right, float):
            raise Malformed(self.text, node.at, "Two places have no product; one of the factors must be a number.")
        return left * right


def parse(text: str) -> Expression:
    """The expression that a text writes.

    Raises:
        Malformed: The text writes none.

    Example:
        >>> [str(leaf) for leaf in parse("mean(thick 7) - 2 * seed(3)").leaves()]
        ['mean(thick 7)', 'seed(3)']
    """
    if len(text) > LONGEST:
        raise UsageError(f"The expression has {len(text):,} characters, but at most {LONGEST:,} are read.")
    return Expression(text, _Reader(text).whole())


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


class _Reader:
    """Reads tokens by the grammar, one function for each rule."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.next, self.depth = text, _tokens(text), 0, 0

    def whole(self) -> Node:
        if self.token.kind == "end":
            raise self.wrong('The expression is empty. Write e.g. "mean(glasses) - mean(plain) + mean(woman)".')
        found = self.sum()
        if self.token.text == ")":
            raise self.wrong("This bracket closes nothing.")
        if self.token.kind != "end":
            raise self.wrong(f"'{self.token.text}' is not expected here; + - * / would be.")
        return found

    def sum(self) -> Node:
        found = self.product()
        while self.token.text in ("+", "-"):
            sign = self.take()
            found = Sum(found, self.product(), 1 if sign.text == "+" else -1, sign.at)
        return found

    def product(self) -> Node:
        found = self.factor()
        while self.token.text in ("*", "/"):
            sign = self.take()
            found = Product(found, self.factor(), sign.text == "/", sign.at)
        return found

    def factor(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong(f"More than {DEEPEST} brackets and signs lie within each other.")
        found = self.unnested_factor()
        self.depth -= 1
        return found

    def unnested_factor(self) -> Node:
        token = self.token
        if token.text in ("-", "+"):
            self.take()
            inner = self.factor()
            return inner if token.text == "+" else Product(Number(-1.0, token.at), inner, at=token.at)
        if token.text == "(":
            self.take()
            found = self.sum()
            self.expect(")", f"The bracket at character {token.at + 1} is not closed.")
            return found
        if token.kind == "number":
            return Number(float(self.take().text), token.at)
        if token.kind == "word" and self.after.text == "(" and token.text in CALLS:
            calls = {
                "mean": self.mean,
                "seed": self.seed,
                "image": self.image,
                "text": self.text_leaf,
                "label": self.label,
            }
            return calls[token.text]()
        if token.kind in ("word", "string"):
            return self.group()
        missing = "Something is missing here" if token.kind == "end" else f"'{token.text}' is not expected here"
        raise self.wrong(f'{missing}: a group, seed(3), image("file.png"), a number or a bracket would be right.')

    def mean(self) -> Node:
        at = self.opened()
        parts = [self.averaged()]
        while self.token.text == ",":
            self.take()
            parts.append(self.averaged())
        self.expect(")", "mean( is not closed.")
        return parts[0] if len(parts) == 1 and isinstance(parts[0], Group) else Mean(tuple(parts), at)

    def averaged(self) -> Node:
        """A part of a mean, where a number alone is a word."""
        names = self.token.kind == "number" and (self.after.kind in ("word", "number") or self.after.text in (")", ","))
        return self.group() if names else self.sum()

    def seed(self) -> Node:
        at = self.opened()
        seed, index = self.whole_number(), 0
        if self.token.text == ",":
            self.take()
            index = self.whole_number()
        self.expect(")", "seed( is not closed; write seed(3), or seed(3, 5) for image 5 of that seed.")
        return Seed(seed, index, at)

    def image(self) -> Node:
        at = self.opened()
        if self.token.kind != "string":
            raise self.wrong('image( needs a file in quotes: image("photo.png").')
        path = self.take().text[1:-1]
        self.expect(")", "image( is not closed.")
        return PictureFile(path, at)

    def text_leaf(self) -> Node:
        at = self.opened()
        if self.token.kind != "string":
            raise self.wrong("text( needs a text in quotes: text('a face with a beard').")
        said = self.take().text[1:-1]
        self.expect(")", "text( is not closed.")
        return TextLeaf(said, at)

    def label(self) -> Node:
        at = self.opened()
        if self.token.kind not in ("string", "word", "number"):
            raise self.wrong('label( needs the name of a class: label("7").')
        name = _bare(self.take())
        self.expect(")", "label( is not closed.")
        return Label(name, at)

    def group(self) -> Group:
        at, words = self.token.at, [self.word()]
        while self.token.kind in ("word", "string", "number"):
            words.append(self.word())
        return Group(tuple(words), at)

    def word(self) -> Word:
        token = self.take()
        wanted = token.text != "not"
        if not wanted:
            if self.token.kind not in ("word", "string", "number"):
                raise self.wrong("not needs a word after it: not glasses.")
            token = self.take()
        name, value, measure = _bare(token), None, None
        if self.token.text == "(" and token.kind == "word":
            if name not in ("high", "low"):
                raise Malformed(
                    self.text, token.at, f"There is no function '{name}'. {nearest(name, (*CALLS, 'high', 'low'))}"
                )
            self.take()
            if self.token.kind != "word":
                raise self.wrong(f"{name}( needs a measure: {name}(thickness).")
            measure = self.take().text
            self.expect(")", f"{name}( is not closed.")
        elif self.token.text == "=":
            self.take()
            if self.token.kind not in ("word", "string", "number"):
                raise self.wrong(f"{name}= needs a value.")
            value = _bare(self.take())
        return Word(name, value, measure, wanted, token.at)

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    @property
    def after(self) -> _Token:
        return self.tokens[min(self.next + 1, len(self.tokens) - 1)]

    def take(self) -> _Token:
        token = self.token
        self.next += token.kind != "end"
        return token

    def opened(self) -> int:
        """Pass the name of a call and its bracket."""
        at = self.take().at
        self.take()
        return at

    def expect(self, sign: str, otherwise: str) -> None:
        if self.token.text != sign:
            raise self.wrong(otherwise)
        self.take()

    def whole_number(self) -> int:
        if not self.token.text.isdecimal():
            raise self.wrong("seed( needs whole numbers from 0 up: seed(3).")
        return int(self.take().text)

    def wrong(self, what: str) -> Malformed:
        return Malformed(self.text, self.token.at, what)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while not tokens or tokens[-1].kind != "end":
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            quote = " The quotes are not closed." if text[at] in "\"'" else ""
            raise Malformed(text, at, f"'{text[at]}' has no meaning here.{quote}")
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return tokens


def _bare(token: _Token) -> str:
    return token.text[1:-1] if token.kind == "string" else token.text


def _leaves(node: Node) -> list[Leaf]:
    if isinstance(node, Sum | Product):
        return [*_leaves(node.left), *_leaves(node.right)]
    if isinstance(node, Mean):
        return [leaf for part in node.parts for leaf in _leaves(part)]
    return [] if isinstance(node, Number) else [node]


def _marked(text: str, at: int) -> str:
    """The text about a place, with an arrow before it."""
    return (
        f"{'…' if at > 30 else ''}{text[max(0, at - 30) : at]}→{text[at : at + 30]}{'…' if len(text) > at + 30 else ''}"
    )
