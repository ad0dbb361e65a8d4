"""The page to paint on: what it serves, to whom, and what is refused; a real server in a thread."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from belamy.api.label_painter import LARGEST_BODY, MapPainter, painting
from belamy.cli import main
from belamy.data.streets import street
from belamy.errors import BelamyError
from belamy.runs.run import Run
from belamy.seeds import SampleDraws
from stories.conftest import Command, served

STYLIST = [
    *("train", "spade", "--data", "streets:side=32,count=24", "--generator", "spade:width=2,hidden=4,latent=4"),
    *("--discriminator", "multi-scale:width=2,count=2,receptive-field=16", "--encoder-width", "2"),
    *("--perceptual-weight", "0", "--batch", "4", "--samples", "24", "--no-progress", "--device", "cpu"),
]


@pytest.fixture(scope="module")
def stylist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "stylist"
    assert main([*STYLIST, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def client(stylist: Path) -> Iterator[httpx.Client]:
    with served(*painting(MapPainter(stylist, device="cpu"))) as found:
        yield found


def sent(classes: np.ndarray, seed: int = 0) -> dict[str, Any]:
    packed = base64.b64encode(classes.astype(np.uint8).tobytes()).decode()
    return {"width": classes.shape[1], "height": classes.shape[0], "classes": packed, "seed": seed}


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


class TestPage:
    def test_it_and_what_it_loads(self, client: httpx.Client) -> None:
        page = client.get("/", headers={"x-belamy-token": ""})
        assert page.status_code == 200 and "script-src 'self'" in page.headers["content-security-policy"]
        for name in ("report.css", "paint.css", "paint.js", "icon.svg"):
            assert f"/static/{name}" in page.text
            assert client.get(f"/static/{name}").status_code == 200
        assert client.get("/static/../paint.html").status_code == 404

    def test_it_begins_with_the_classes_and_a_map(self, client: httpx.Client, stylist: Path) -> None:
        facts = client.get("/api/start").json()
        assert facts["classes"][:2] == ["sky", "hill"] and len(facts["colours"]) == 9
        assert (facts["run"], facts["width"], facts["height"]) == (stylist.name, 32, 32)
        assert base64.b64decode(facts["map"]) == bytes(32 * 32)

    def test_a_painted_map_becomes_what_translate_makes_of_it(self, client: httpx.Client, stylist: Path) -> None:
        classes = street(5, 32, 48).classes
        made = client.post("/api/picture", json=sent(classes, seed=3))
        assert made.status_code == 200 and made.headers["content-type"] == "image/png"
        method: Any = Run.open(stylist).method().eval()
        with torch.no_grad():
            wanted = method.translate(torch.from_numpy(classes.astype(np.int64))[None], SampleDraws(3, [0]))
        error = np.abs(pixels(made.content).astype(float) - ((wanted[0].movedim(0, 2).numpy() + 1) * 127.5))
        assert error.max() <= 1
        assert made.content != client.post("/api/picture", json=sent(classes, seed=4)).content

    def test_maps_are_saved_and_opened(self, client: httpx.Client) -> None:
        classes = street(6, 32, 32).classes
        file = client.post("/api/file", json=sent(classes)).content
        with Image.open(io.BytesIO(file)) as image:
            assert image.mode == "P" and np.array_equal(np.asarray(image), classes)
        opened = client.post("/api/map", json={"file": base64.b64encode(file).decode()}).json()
        assert (opened["width"], opened["height"]) == (32, 32)
        assert base64.b64decode(opened["map"]) == classes.tobytes()


def photo() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "body", "says"),
        [
            ("picture", sent(np.full((32, 32), 9)), "the class 9, beyond the 9 known ones"),
            ("picture", {**sent(np.zeros((32, 32))), "width": 31}, "holds 1,024 pixels, not 31x32"),
            ("picture", {**sent(np.zeros((32, 32))), "classes": "?"}, "no base64"),
            ("picture", sent(np.zeros((30, 32))), "multiples of 8, but these are 32 wide and 30 high"),
            ("picture", {"width": 1}, "does not have the form that is expected: classes, height"),
            ("map", {"file": base64.b64encode(b"no picture").decode()}, "This is no label map: not an image"),
            ("map", {"file": photo()}, "a label map has a palette"),
        ],
    )
    def test_what_cannot_be_painted(self, client: httpx.Client, path: str, body: dict[str, Any], says: str) -> None:
        told = client.post(f"/api/{path}", json=body)
        assert told.status_code in (400, 422) and says in told.json()["message"]

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"x-belamy-token": "guessed"}, 403),
            ({"host": "evil.example"}, 421),
            ({"origin": "http://evil.example"}, 403),
            ({"sec-fetch-site": "cross-site"}, 403),
        ],
    )
    def test_who_may_not(self, client: httpx.Client, headers: dict[str, str], status: int) -> None:
        assert client.get("/api/start", headers=headers).status_code == status

    def test_more_than_a_map(self, client: httpx.Client) -> None:
        assert client.post("/api/map", json={"file": "A" * LARGEST_BODY}).status_code == 413

    def test_runs_without_label_maps(self, trained: Path, tmp_path: Path) -> None:
        with pytest.raises(BelamyError, match="translates nothing"):
            MapPainter(trained)
        words = ["train", "pix2pix", "--data", "outlines:count=24", "--generator", "u-net:width=2,depth=2", "--device",
                 "cpu", "--discriminator", "patch-gan:width=2", "--samples", "8", "--batch", "8"]  # fmt: skip
        assert main([*words, "--no-progress", "--out", str(tmp_path / "lines")]) == 0
        with pytest.raises(BelamyError, match="translates pictures, which are not painted by classes"):
            MapPainter(tmp_path / "lines")

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ("--size 30", "multiples of 8, but these are 30 wide and 30 high"),
            ("--size huge", "The size is 'huge'"),
            ("--size 2048", "at most 1024 pixels a side are painted"),
            ("--start nowhere.png", "There is no file nowhere.png"),
            ("--start note.txt", "note.txt cannot be used"),
            ("--port 70000", "--port is 70"),
        ],
    )
    def test_wrong_words(self, stylist: Path, belamy: Command, tmp_path: Path, words: str, says: str) -> None:
        (tmp_path / "note.txt").write_text("no picture\n")
        done = belamy("paint", stylist, *words.split())
        assert done.returncode == 2 and says in done.stderr, done.stderr
        assert "Traceback" not in done.stderr and "defect" not in done.stderr


class TestBrowser:
    def painted(self, page: Any) -> list[int]:
        """The colours of the map's canvas."""
        script = "Array.from(document.getElementById('map').getContext('2d').getImageData(0, 0, 32, 32).data)"
        values: list[int] = page.evaluate(script)
        return values

    def test_it_is_painted_by_keyboard_and_by_mouse_and_taken_back(
        self, page: Any, client: httpx.Client, tmp_path: Path
    ) -> None:
        page.goto(f"{client.base_url}#{client.headers['x-belamy-token']}")
        page.wait_for_selector("#picture[src^=blob]")
        empty, first = self.painted(page), page.get_attribute("#picture", "src")
        page.get_by_label("road").check()
        page.focus("#map")
        for key in ("ArrowRight", "Shift+ArrowDown", "Space"):
            page.keyboard.press(key)
        assert page.text_content("#where") == "1, 8: road"
        dabbed = self.painted(page)
        assert dabbed != empty
        page.wait_for_selector(f"#picture:not([src='{first}'])")
        box = page.locator("#map").bounding_box()
        page.get_by_label("sun").check()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=4)
        page.mouse.up()
        stroked = self.painted(page)
        assert stroked != dabbed
        page.get_by_label("grass").check()
        page.focus("#map")
        page.keyboard.press("F")
        for wanted in (stroked, dabbed, empty):
            page.keyboard.press("Control+z")
            assert self.painted(page) == wanted
        assert page.locator("#undo").is_disabled()
        page.click("#redo")
        assert self.painted(page) == dabbed
        with page.expect_download() as saved:
            page.click("#save")
        saved.value.save_as(tmp_path / "map.png")
        page.click("#undo")
        page.set_input_files("#open", tmp_path / "map.png")
        page.wait_for_selector("#undo:not([disabled])")
        assert self.painted(page) == dabbed

    def test_without_its_token_it_says_what_to_do(self, page: Any, client: httpx.Client) -> None:
        page.goto(f"{client.base_url}")
        page.get_by_text("Open the page by the whole address").wait_for()
