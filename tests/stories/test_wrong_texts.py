"""Wrong uses of texts and captions: one clear message and exit code 2, or goes on and names what is odd."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import belamy
from belamy.cli import main
from belamy.methods import char_lm, text_gan, text_to_image, word2vec
from belamy.modalities.fields import Media
from belamy.pages import fragment
from belamy.registry import Part

LINES = [f"the cat {number} sat" for number in range(40)]
CAPTIONS = "".join(f"{number:02d}.png,a {'red' if number % 2 else 'blue'} thing\n" for number in range(8))
FILES: dict[str, str | bytes] = {
    "good.txt": "\n".join(LINES),
    "utf16.txt": "\n".join(LINES).encode("utf-16"),
    "utf16le.txt": "\n".join(LINES).encode("utf-16-le"),
    "latin1.txt": "\n".join(f"café {number}" for number in range(40)).encode("latin-1"),
    "bom.txt": b"\xef\xbb\xbf" + "\n".join(LINES).encode(),
    "empty.txt": "",
    "blank.txt": "\n \n\t\n\n",
    "one.txt": "one line alone\n",
    "nul.txt": "a b\0c\nd e\n",
    "mega.txt": "a" * 1_000_000 + "\n" + "\n".join(LINES),
    "control.txt": "\n".join(LINES) + "\n\x07bell\x1b[31mred\n",
    "equal.txt": "\n".join(["the same"] * 40),
    "rtl.txt": "\n".join(f"שלום עולם {number} 😀" for number in range(40)),
    "none.jsonl": '{"text": 3}\nno JSON\n{"label": "x"}\n',
    "half.jsonl": '{"text": "a \\ud800 b"}\n{"text": "c d"}\n{"text": "\\u0000"}\n{"text": "e f\u2028g"}\n',
    "mixed/a.txt": "first text",
    "mixed/b.txt": "café".encode("latin-1"),
    "mixed/c.txt": "last text",
    "named.csv": f"file,title\n{CAPTIONS}",
    "empty.csv": "",
    "others.csv": "file,caption\nx.png,a thing\n",
    "semicolons.csv": "file;caption\n00.png;a thing\n",
    "utf16.csv": f"file,caption\n{CAPTIONS}".encode("utf-16"),
    "latin1.csv": f"file,caption\n{CAPTIONS}03.png,café\n".encode("latin-1"),
    "quotes.csv": 'file,caption\n00.png,"never closed\n01.png,a thing\n',
    "none-said.jsonl": '{"file": "00.png"}\n',
    "more.csv": f"file,caption\n{CAPTIONS}03.png,another\n77.png,of nothing\n",
    "few.csv": "file,caption\n00.png,a thing\n01.png\n",
    "odd.csv": "file,caption\n" + CAPTIONS.replace("a red", "a\0red\x1b"),
    "odd.jsonl": "".join(f'{{"file": "{number:02d}.png", "caption": "a \\ud800 thing"}}\n' for number in range(8)),
    "left.rules": "S -> S 'a'\n",
    "undefined.rules": "S -> NOUN 'sleeps'\n",
    "unreached.rules": "S -> 'a'\nT -> 'b'\n",
    "nothing.rules": "# nothing\n",
    "arrow.rules": "S 'a'\n",
    "quote.rules": "S -> 'a\n",
    "negative.rules": "S -> 'a' [-1] | 'b'\n",
    "weight.rules": "S -> 'a' [nan] | 'b'\n",
    "alternative.rules": "S -> | 'a'\n",
    "endless.rules": "S -> 'a' S [3] | S S | 'a'\n",
    "words.rules": "S -> 'a b'\n",
    "utf16.rules": "S -> 'a' | 'b'\n".encode("utf-16"),
    "precious.txt": "precious",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of every kind, pictures, and four runs that have hardly learned."""
    folder = tmp_path_factory.mktemp("wrong")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    for kind in ("pictures", "beside", "blank"):
        (folder / kind).mkdir()
        for number, each in enumerate(pixels):
            Image.fromarray(each).save(folder / kind / f"{number:02d}.png")
            if kind != "pictures":
                text = " " if kind == "blank" else "<b>bold</b> שלום 😀"
                (folder / kind / f"{number:02d}.txt").write_text(text, encoding="utf-8")
    (folder / "beside" / "03.txt").unlink()
    recipes = {
        "lm": char_lm.Recipe.tiny().changed(data=str(folder / "rtl.txt"), network=Part(name="gru", width=8)),
        "gan": text_gan.Recipe.tiny().changed(data=str(folder / "good.txt")),
        "words": word2vec.Recipe.tiny().changed(data=str(folder / "good.txt")),
        "pictured": text_to_image.Recipe.tiny(),
    }
    for name, recipe in recipes.items():
        changed = recipe.changed(train_samples=16, batch=16)
        belamy.train(changed, out=folder / name, progress=False, device="cpu", watch=False, snapshots=1)
    return folder


TO = ["--no-progress", "--device", "cpu", "--out", "{0}/new"]
LEARN = ["train", "char-lm", *TO, "--data"]
DRAW = ["sample", *TO, "--count", "2"]
SEEN = ["data", "{0}/pictures", "--modality"]
ADD = ["arithmetic", "--out", "{0}/new.png"]
WALK = ["walk", "--out", "{0}/new.png"]
UTF16 = ["looks like UTF-16", "iconv -f UTF-16"]
REFUSED: list[tuple[list[str], list[str]]] = [
    # Files of texts
    ([*LEARN, "{0}/utf16.txt"], [*UTF16, "--modality text:encoding=utf-16"]),
    ([*LEARN, "{0}/utf16le.txt"], [*UTF16, "--modality text:encoding=utf-16"]),
    ([*LEARN, "{0}/latin1.txt"], ["looks like LATIN1", "--modality text:encoding=latin-1"]),
    ([*LEARN, "{0}/good.txt", "--modality", "text:encoding=utf-16"], ["not a text in utf-16", "text:encoding=utf-8"]),
    ([*LEARN, "{0}/good.txt", "--modality", "text:encoding=klingon"], ["'klingon', which is none", "encoding=latin-1"]),
    ([*LEARN, "{0}/empty.txt"], ["holds 0 documents", "a document on each line"]),
    ([*LEARN, "{0}/blank.txt"], ["holds 0 documents", "a document on each line"]),
    ([*LEARN, "{0}/one.txt"], ["holds 1 document, but", "2 or more"]),
    ([*LEARN, "{0}/nul.txt"], ["NUL character in line 1", "Take it out"]),
    ([*LEARN, "{0}/none.jsonl"], ["holds 0 documents", "3 left out", 'none.jsonl:1: no object with a "text"']),
    ([*LEARN, "{0}/half.jsonl", "--length", "1"], ["The length is 1", "2 symbols at the least"]),
    ([*LEARN, "{0}/good.txt", "--modality", "text:vocabulary=3"], ["text:vocabulary is 3", "4 to 100,000"]),
    ([*LEARN, "{0}/good.txt", "--modality", "text:unit=letters"], ["text.unit is 'letters'", "it must be"]),
    ([*LEARN, "{0}/good.txt", "--conditional"], ["--conditional needs texts with classes", "leave it out"]),
    ([*LEARN, "{0}/pictures"], ["not data of the kind text", "type: belamy data"]),
    (["train", "word2vec", *TO, "--data", "{0}/good.txt", "--modality", "text"], ["Type --modality text:unit=words"]),
    (["train", "scratchgan", *TO, "--rollouts", "-1"], ["--rollouts = -1", "greater than or equal to 0"]),
    # Captions
    ([*SEEN, "image:captions=beside"], ["None of the 8 pictures", "a file 00.txt"]),
    (["data", "{0}/blank", "--modality", "image:captions=beside"], ["None of the 8 pictures", "some text in it"]),
    ([*SEEN, "image:captions={0}/others.csv"], ["None of the 8 pictures", "a row '00.png,…'"]),
    ([*SEEN, "image:captions={0}/named.csv"], ["columns file and caption", "has file, title", "file,caption"]),
    ([*SEEN, "image:captions={0}/empty.csv"], ["columns file and caption", "has none"]),
    ([*SEEN, "image:captions={0}/semicolons.csv"], ["parted by a comma", "has file;caption"]),
    ([*SEEN, "image:captions={0}/quotes.csv"], ["not a table of captions", "line 3", "quotation marks"]),
    ([*SEEN, "image:captions={0}/utf16.csv"], UTF16),
    ([*SEEN, "image:captions={0}/latin1.csv"], ["looks like LATIN1"]),
    ([*SEEN, "image:captions={0}/none-said.jsonl"], ["line 1", 'no object with a "file" and a "caption"']),
    ([*SEEN, "image:captions=cpations.csv"], ["no file of captions 'cpations.csv'"]),
    (["train", "text-to-image", *TO, "--data", "{0}/pictures"], ["needs the field 'caption'", "captions=beside"]),
    # Grammars
    *(
        (["data", f"grammar:rules={{0}}/{name}.rules"], says)
        for name, says in {
            "left": ["no finite mean length", "Lower the weights"],
            "endless": ["no finite mean length", "Lower the weights"],
            "undefined": ["no rule for NOUN", "quotation marks"],
            "unreached": ["rules for T, but none leads there", "Leave them out"],
            "nothing": ["has no rules", "Write e.g."],
            "arrow": ["line 1, is no rule", "Write e.g."],
            "quote": ["neither a symbol nor one word", "Write e.g."],
            "words": ["'a b' is neither a symbol nor one word", "Write e.g."],
            "negative": ["the weight [-1] is no number above 0", "Write e.g."],
            "weight": ["the weight [nan] is no number above 0", "Write e.g."],
            "alternative": ["an alternative of nothing", "Write e.g."],
            "utf16": UTF16,
        }.items()
    ),
    # What is drawn
    ([*DRAW, "{0}/lm", "--temperature", "-1"], ["--temperature is -1", "0..100"]),
    ([*DRAW, "{0}/lm", "--temperature", "nan"], ["--temperature is nan", "finite"]),
    ([*DRAW, "{0}/lm", "--top-p", "2"], ["--top-p is 2", "0..1"]),
    ([*DRAW, "{0}/lm", "--top-p", "nan"], ["--top-p is nan", "finite"]),
    ([*DRAW, "{0}/lm", "--top-k", "-1"], ["--top-k is -1", "0..100,000"]),
    ([*DRAW, "{0}/gan", "--top-k", "3"], ["no option '--top-k'", "--help"]),
    ([*DRAW, "{0}/lm", "--text", "a cat"], ["learned without captions", "Leave --text out"]),
    ([*DRAW, "{0}/lm", "--steps", "3"], ["--steps chooses nothing", "Leave it out"]),
    ([*DRAW, "{0}/lm", "--format", "png"], ["makes texts", "Leave --format out"]),
    ([*DRAW, "{0}/pictured", "--text", ""], ["The text is empty"]),
    ([*DRAW, "{0}/pictured", "--text", "a face", "a purple שלום 😀"], ["No caption", "'purple', 'שלום', '😀'"]),
    ([*DRAW, "{0}/pictured", "--text", "a " * 99], ["has 99 words", "Say it in fewer"]),
    (["sample", "{0}/lm", "--out", "{0}/precious.txt"], ["is there already", "--overwrite"]),
    (["sample", "{0}/pictured", "--count", "2", "--out", "{0}/new.txt"], ["would hold texts", "makes pictures"]),
    ([*WALK, "{0}/lm"], ["no way leads from one text to another", "train text-gan"]),
    ([*WALK, "{0}/pictured", "--texts", "a face", "a face"], ["--texts names 'a face' alone", "Name 2 that differ"]),
    ([*WALK, "{0}/pictured", "--texts", "a face"], ["--texts names one thing alone"]),
    ([*WALK, "{0}/gan", "--texts", "a", "b"], ["no vectors of texts", "gan-cls-avatars"]),
    (["continue", "{0}/lm", "he"], ["does not know 'h', 'e'", "Its 17 characters are"]),
    (["continue", "{0}/lm", "ע", "--length", "0"], ["--length is 0"]),
    (["continue", "{0}/lm", "ע", "--out", "{0}/precious.txt"], ["is there already", "--overwrite"]),
    (["continue", "{0}/gan", "the"], ["needs a run of a language model", "train char-lm"]),
    # Sums of words and of texts
    ([*ADD, "{0}/words", "cat - "], ["Something is missing", "character 7"]),
    ([*ADD, "{0}/words", "(cat + sat"], ["bracket at character 1 is not closed"]),
    ([*ADD, "{0}/words", "cat + sat)"], ["closes nothing"]),
    ([*ADD, "{0}/words", "cat - caat"], ["does not know the word 'caat'", "'cat'"]),
    ([*ADD, "{0}/words", "cat * sat"], ["have no product"]),
    ([*ADD, "{0}/words", "cat / 0"], ["divides by 0"]),
    ([*ADD, "{0}/words", "cat - cat"], ["'cat - cat' cancels out", "other words"]),
    ([*ADD, "{0}/words", "1e300 * 1e300 * cat"], ["beyond all numbers", "smaller factors"]),
    ([*ADD, "{0}/words", "3"], ["a number, 3, not a place"]),
    ([*ADD, "{0}/pictured", "text('a face') - text('a purple face')"], ["No caption", "'purple'"]),
    ([*ADD, "{0}/pictured", "text('a face'"], ["text( is not closed"]),
    # Texts against something else
    (["evaluate", "{0}/lm", "--against", "{0}/pictures"], ["not data of the kind text", "type: belamy data"]),
    (["evaluate", "{0}/equal.txt", "--against", "{0}/good.txt"], ["nothing can be learned", "--modality text"]),
    (["evaluate", "{0}/good.txt"], ["--against DATA"]),
    (["evaluate", "{0}/pictured", "--metrics", "bleu"], ["'bleu' judges texts", "holds pictures", "Leave it out"]),
    (["evaluate", "{0}/lm", "--metrics", "bleu:unit=letters"], ["bleu.unit is 'letters'", "it must be"]),
    (["evaluate", "{0}/lm", "--metrics", "grammar"], ["needs the grammar", "Leave it out"]),
    (["evaluate", "{0}/lm", "--extractor", "pixels"], ["sees pictures", "holds texts", "ngrams"]),
    (["score", "{0}/lm", "{0}/pictures"], ["not data of the kind text"]),
    (["score", "{0}/gan", "{0}/good.txt"], ["how likely data are", "train char-lm"]),
]  # fmt: skip


def bytes_of(folder: Path) -> dict[str, str]:
    """Every file and the hash of its bytes."""
    return {str(path): hashlib.md5(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def before(place: Path) -> dict[str, str]:
    return bytes_of(place)


Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """Called, it gives the exit code of a command, what it told and its complaint."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BELAMY_CACHE", str(tmp_path / "cache"))

    def call(words: list[str]) -> tuple[int, str, str]:
        code = main([word.replace("{0}", str(place)) for word in words])
        found = capsys.readouterr()
        return code, found.out, found.err

    return call


@pytest.mark.parametrize(("words", "says"), REFUSED, ids=[" ".join(words)[-50:] for words, _ in REFUSED])
def test_one_message_and_every_byte_is_as_it_was(
    place: Path, before: dict[str, str], said: Said, words: list[str], says: list[str]
) -> None:
    code, _, complaint = said(words)
    assert code == 2, complaint
    assert complaint.startswith("belamy: ") and complaint.count("\n") == 1 and len(complaint) < 700, complaint
    assert "Traceback" not in complaint and "Unexpected" not in complaint
    assert [text for text in says if text not in complaint] == [], complaint
    assert bytes_of(place) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["data", "{0}/bom.txt", "--modality", "text"], ["a byte order mark"]),
        (["data", "{0}/control.txt", "--modality", "text"], ["control characters", "(U+0007)"]),
        (["data", "{0}/mega.txt", "--modality", "text"], ["1,000,000 characters", "--length 1000001"]),
        (["data", "{0}/equal.txt", "--modality", "text"], ["all 40 texts are the same"]),
        (["data", "{0}/mixed", "--modality", "text"], ["b.txt", "encoding=latin-1"]),
        (["data", "{0}/half.jsonl", "--modality", "text"], ["half.jsonl:1", "half.jsonl:3", "half a character"]),
        (["data", "{0}/beside", "--modality", "image:captions=beside"], ["1 pictures have no caption, e.g. 03.png"]),
        ([*SEEN, "image:captions={0}/few.csv"], ["7 pictures have no caption, e.g. 01.png"]),
        ([*SEEN, "image:captions={0}/more.csv"], ["1 captions in", "77.png"]),
    ],
)  # fmt: skip
def test_it_goes_on_and_names_what_is_odd(said: Said, words: list[str], says: list[str]) -> None:
    code, _, complaint = said([*words, "--json", "facts.json"])
    assert code == 0, complaint
    facts = json.dumps(json.loads(Path("facts.json").read_text()), ensure_ascii=False)
    assert [text for text in says if text not in facts] == [], facts


@pytest.mark.parametrize("name", ["odd.csv", "odd.jsonl"])
def test_captions_hold_no_control_characters(place: Path, name: str) -> None:
    data = belamy.data.open_data(place / "pictures", modality=f"image:captions={place / name}")
    symbols = data.spec.fields["caption"].classes
    assert "".join(symbols[3:]).isprintable() and {*"a thing"} <= {*symbols}


def test_texts_of_any_script_are_drawn(place: Path, said: Said) -> None:
    for out in ("drawn", "drawn.txt"):
        code, _, complaint = said(
            ["sample", "{0}/lm", "--no-progress", "--device", "cpu", "--count", "2", "--out", out]
        )
        assert code == 0, complaint
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path("drawn").glob("*.txt"))]
    assert len(texts) == 2 and Path("drawn.txt").read_text(encoding="utf-8") == "\n".join(texts) + "\n"
    assert '<pre dir="auto">' in (place / "lm" / "report.html").read_text(encoding="utf-8")


def test_texts_on_pages_are_no_markup_and_run_in_their_own_direction() -> None:
    text = "<script>alert(1)</script> שלום & 😀"
    sheet = np.zeros((2, 2, 3), np.uint8)
    page = fragment("samples", title=text, sheet=sheet, media=[Media("text/plain", text.encode(), text)])
    assert "<script" not in page and page.count("&lt;script&gt;alert(1)&lt;/script&gt; שלום &amp; 😀") == 4
    assert '<pre dir="auto">&lt;script' in page and '<figcaption dir="auto">&lt;script' in page
