"""The tree of errors and its suggestions."""

from pathlib import Path

import pytest

from belamy import errors
from belamy.errors import BelamyError, Interrupted, MissingExtra, nearest


def tree() -> list[type[BelamyError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BelamyError)]


def test_the_tree_drawn_at_the_top_is_the_tree() -> None:
    drawing = errors.__doc__ or ""
    drawn = {line.split("── ")[1].split()[0] for line in drawing.splitlines() if "── " in line}
    assert drawn == {kind.__name__ for kind in tree()} - {"BelamyError"}


@pytest.mark.parametrize("kind", tree(), ids=lambda kind: kind.__name__)
def test_exit_codes(kind: type[BelamyError]) -> None:
    assert kind.exit_code == {"NotFinite": 3, "Interrupted": 130}.get(kind.__name__, 2)


def test_what_to_type_after_an_interruption() -> None:
    text = str(Interrupted(Path("runs/digits-1"), 12_800))
    assert text == "Stopped after 12,800 samples and saved. Go on with: belamy resume runs/digits-1"


def test_a_missing_extra_names_it() -> None:
    assert str(MissingExtra("av", "video", "Writing MP4")) == (
        "Writing MP4 needs the package 'av'. Type: pip install 'belamy[video]'"
    )


@pytest.mark.parametrize(
    ("name", "names", "said"),
    [
        ("hing", ["hinge", "wasserstein"], "Did you mean 'hinge'?"),
        ("dcgan-minst", ["dcgan-mnist", "dcgan-frog", "vae"], "Did you mean 'dcgan-mnist' or 'dcgan-frog'?"),
        ("xyz", ["b", "a"], "Known: a, b."),
        ("xyz", [], "Known: none."),
        ("", ["a"], "Known: a."),
    ],
)
def test_nearest(name: str, names: list[str], said: str) -> None:
    assert nearest(name, names) == said
