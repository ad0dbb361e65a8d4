"""Parts found by their file names."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Protocol, Self

import pytest
from pydantic import TypeAdapter
from torch import Tensor, nn

import belamy
from belamy.errors import UsageError
from belamy.methods.base import OPTIMIZERS
from belamy.methods.gan import ADVERSARIAL, GENERATORS, PENALTIES, Recipe
from belamy.registry import Module, Part, Registry, breach

PARTS = """
class {role}:
    def __init__(
        self, shape: tuple[int, int, int], classes: int = 0, *,
        depth: int = 3, rate: float = 0.5, flag: bool = False, name_of: str = "a",
        sizes: tuple[int, ...] = (1, 2), limit: float | None = None,
    ) -> None:
        self.given = (shape, classes, depth, rate, flag, name_of, sizes, limit)
"""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A package with a part, a part of another role, and a private module that cannot be imported."""
    package = tmp_path / f"parts_{tmp_path.name.replace('-', '_')}"
    package.mkdir()
    (package / "__init__.py").write_text("class Thing: ...")
    (package / "two_words.py").write_text(PARTS.format(role="Thing"))
    (package / "other.py").write_text(PARTS.format(role="Other"))
    (package / "_private.py").write_text("class Thing: ...\nraise RuntimeError")
    (package / "broken.py").write_text("raise RuntimeError('imported')\nclass Thing: ...")
    monkeypatch.syspath_prepend(str(tmp_path))
    return Registry(package.name, "thing", "Thing")


class TestNames:
    def test_a_file_is_a_name_and_nothing_is_imported(self, registry: Registry) -> None:
        assert registry.names() == ["broken", "two-words"]
        assert f"{registry.package}.broken" not in sys.modules

    def test_either_spelling_loads(self, registry: Registry) -> None:
        assert registry.load("two-words") is registry.load("two_words")

    def test_an_unknown_name_suggests(self, registry: Registry) -> None:
        with pytest.raises(UsageError, match=r"There is no thing 'two-word'\. Did you mean 'two-words'"):
            registry.load("two-word")

    def test_a_part_of_another_role_is_not_on_the_shelf(self, registry: Registry) -> None:
        with pytest.raises(UsageError, match="no thing 'other'"):
            registry.load("other")

    def test_a_shelf_that_does_not_exist_is_empty(self) -> None:
        assert Registry("belamy.nowhere", "thing", "Thing").names() == []


class TestOptions:
    def test_they_are_the_keyword_only_parameters(self, registry: Registry) -> None:
        options = registry.options("two-words")
        assert list(options) == ["depth", "rate", "flag", "name_of", "sizes", "limit"]
        assert options["depth"].annotation is int
        assert options["sizes"].default == (1, 2)

    def test_text_becomes_what_the_constructor_declares(self, registry: Registry) -> None:
        part = Part.parse("two_words:depth=4, rate=1e-3,flag=true,name-of=b,sizes=4x8,limit=none")
        assert registry.build(part, shape=(1, 2, 3)).given == ((1, 2, 3), 0, 4, 1e-3, True, "b", (4, 8), None)
        assert registry.build(Part.parse("two-words:sizes=7,limit=2"), shape=()).given[-2:] == ((7,), 2.0)

    def test_what_the_data_decides_goes_to_those_who_declare_it(self, registry: Registry) -> None:
        assert registry.build(Part(name="two-words"), shape=(1, 1, 1), classes=9, latent=3).given[:2] == ((1, 1, 1), 9)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("two-words:dept=4", r"thing 'two-words' has no option 'dept'. Did you mean 'depth'\?"),
            ("two-words:depth=four", "two-words.depth is 'four', but it must be a whole number."),
            ("two-words:depth=1.5", "two-words.depth is '1.5', but it must be a whole number."),
            ("two-words:flag=perhaps", "two-words.flag is 'perhaps', but it must be true or false."),
            ("two-words:rate=", "two-words.rate is ''"),
            ("two-words:shape=3", "no option 'shape'"),
            ("two-words:sizes=axb", "two-words.sizes"),
            ("two-words:depth", "write two-words:option=value"),
            ("", "There is no thing ''"),
        ],
    )
    def test_a_wrong_one_is_one_clear_message(self, registry: Registry, text: str, said: str) -> None:
        with pytest.raises(UsageError, match=said):
            registry.check(Part.parse(text))


class TestPart:
    def test_text_and_back(self) -> None:
        for text in ("r1", "r1:weight=5,every=16"):
            assert str(Part.parse(text)) == text

    def test_parts_are_values(self) -> None:
        part = Part.parse("r1:weight=5")
        assert part == Part.parse("r1:weight=5") != Part(name="r1")
        with pytest.raises(ValueError, match="frozen"):
            part.name = "r2"  # type: ignore[misc]

    @pytest.mark.parametrize(
        ("registry", "text", "plain"),
        [
            (PENALTIES, "r1", "r1"),
            (PENALTIES, "r1:every=16", {"name": "r1", "every": 16}),
            (ADVERSARIAL, "least_squares", "least-squares"),
            (OPTIMIZERS, "adam:lr=1e-4", {"name": "adam", "lr": 1e-4}),
        ],
    )
    def test_json_is_plain(self, registry: Registry, text: str, plain: object) -> None:
        from typing import Annotated

        adapter: TypeAdapter[Part] = TypeAdapter(Annotated[Part, registry])
        part = adapter.validate_python(text)
        assert adapter.dump_python(part, mode="json") == plain
        assert adapter.validate_json(adapter.dump_json(part)) == part

    def test_a_recipe_refuses_a_wrong_part(self) -> None:
        with pytest.raises(UsageError, match=r"no penalty 'r3'\. Known: .*gradient-penalty, .*r1, r2"):
            Recipe.tiny().changed(penalties=("r3",))
        with pytest.raises(UsageError, match="'r1' has no option 'wait'"):
            Recipe.tiny().changed(penalties=("r1:wait=3",))
        with pytest.raises(UsageError, match="no generator"):
            Recipe.tiny().changed(generator="classifier-mnist")


class TestEntryPoints:
    def installed(self, folder: Path, entries: str) -> None:
        info = folder / "extra-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[belamy.losses.adversarial]\n{entries}\n")

    def names(self, folder: Path) -> list[str]:
        source = Path(__file__).parents[2] / "src"
        script = (
            "from belamy.registry import Registry\n"
            "print(*Registry('belamy.losses.adversarial', 'adversarial loss', 'Adversarial').names())"
        )
        made = subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": f"{source}:{folder}"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        return made.stdout.split()

    def test_a_package_adds_parts(self, tmp_path: Path) -> None:
        (tmp_path / "extra.py").write_text("class Adversarial: ...\n")
        self.installed(tmp_path, "my_loss = extra:Adversarial")
        assert {"my-loss", "hinge"} <= set(self.names(tmp_path))

    def test_a_package_that_is_broken_breaks_nothing_else(self, tmp_path: Path) -> None:
        """Its module has gone, or the package that holds it."""
        self.installed(tmp_path, "gone = nowhere\nlost = nowhere.at.all:Adversarial")
        names = self.names(tmp_path)
        assert "hinge" in names and "gone" not in names and "lost" not in names


def test_every_generator_says_its_native_shape() -> None:
    for name in GENERATORS.names():
        made = GENERATORS.load(name)
        kind = getattr(made, "modality", "image")
        axes = {"image": 3, "volume": 4, "audio": 2, "text": 2, "music": 3}
        assert len(made.native_shape) == (1 if isinstance(kind, tuple) else axes[kind])


class Wanted(Protocol):
    """A contract of everything that one can ask for."""

    width: int

    @property
    def height(self) -> int: ...

    @classmethod
    def small(cls) -> Self: ...

    def scale(self, by: float, *, around: float = 0.0) -> float: ...

    def __call__(self, x: float) -> float: ...


class Whole:
    """Keeps it, an attribute and a method of its own making only once it is built."""

    height = 3

    def __init__(self, **without: bool) -> None:
        if not without.get("width"):
            self.width = 2
        if not without.get("scale"):
            self.scale = lambda by, around=0.0: by + around

    @classmethod
    def small(cls) -> Whole:
        return cls()

    def __call__(self, x: float) -> float:
        return x


class TestContract:
    def test_a_part_that_keeps_it(self) -> None:
        assert breach(Whole, Wanted) is None
        assert breach(Whole(), Wanted) is None

    def test_what_may_come_with_the_instance_is_asked_of_the_instance(self) -> None:
        assert breach(Whole(width=True), Wanted) == "lacks width"
        assert breach(Whole(scale=True), Wanted) == "lacks scale(by, around)"

    @pytest.mark.parametrize(
        ("broken", "said"),
        [
            ({"small": None}, "lacks small()"),
            ({"scale": lambda self: 1.0}, "has a scale that does not take (by, around)"),
            ({"scale": lambda self, by: 1.0}, "has a scale that does not take (by, around)"),
            ({"scale": staticmethod(lambda by, around: 1.0)}, None),
            ({"scale": lambda *words, **named: 1.0}, None),
            ({"__call__": lambda self: 1.0}, "has a __call__ that does not take (x)"),
        ],
    )
    def test_a_class_that_breaks_it(self, broken: dict[str, object], said: str | None) -> None:
        class Broken(Whole):
            pass

        for name, value in broken.items():
            setattr(Broken, name, value)
        assert breach(Broken, Wanted) == said

    def test_a_module_must_be_one_and_have_a_pass(self) -> None:
        class Passes(Module, Protocol):
            def forward(self, x: Tensor) -> Tensor: ...

        assert breach(Whole, Passes) == "is no torch.nn.Module"
        assert breach(nn.Module(), Passes) == "lacks forward(x)"
        assert breach(nn.Linear(1, 1), Passes) is None

    def test_an_option_that_is_needed_is_asked_for(self, registry: Registry) -> None:
        folder = Path(sys.path[0]) / registry.package
        (folder / "asking.py").write_text("class Thing:\n    def __init__(self, *, gain: float) -> None: ...")
        with pytest.raises(UsageError, match=r"'asking' .* needs gain, which is not guessed: type asking:gain="):
            registry.build(Part(name="asking"))
        registry.build(Part(name="asking", gain=2))

    def test_every_part_of_every_registry_keeps_its_contract(self) -> None:
        """As far as its class tells; the contract tests build them."""
        modules = {name for name, spec in sys.modules.items() if name.startswith("belamy.")}
        for path in Path(belamy.__file__).parent.rglob("*.py"):
            if re.search(r"\bRegistry\(\"", path.read_text(encoding="utf-8")):
                name = ".".join(path.relative_to(Path(belamy.__file__).parents[1]).with_suffix("").parts)
                modules.add(name.removesuffix(".__init__"))
        found = {}
        for name in modules:
            values = vars(import_module(name)).values()
            found |= {(each.package, each.role): each for each in values if isinstance(each, Registry)}
        assert len(found) > 30
        for registry in found.values():
            assert issubclass(registry.contract, Protocol), registry
            for name in registry.names():
                registry.load(name)
