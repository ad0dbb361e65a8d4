"""The page that records and enhances: what it serves, to whom, what is refused; a server, a fake microphone."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from belamy.api import microphone
from belamy.api.microphone import LARGEST_BODY, MOST_SAMPLES, SoundCleaner, listening_page
from belamy.errors import UsageError
from belamy.modalities.waves import read_samples
from belamy.runs.run import Run
from belamy.seeds import SampleDraws
from stories.conftest import Command, served


@pytest.fixture(scope="module")
def client(enhancer_run: Path) -> Iterator[httpx.Client]:
    with served(*listening_page(SoundCleaner(enhancer_run, device="cpu"))) as found:
        yield found


def sent(samples: np.ndarray, rate: int = 16000) -> dict[str, Any]:
    return {"rate": rate, "samples": base64.b64encode(samples.astype("<i2").tobytes()).decode()}


def hum(samples: int) -> np.ndarray:
    return np.rint(9000 * np.sin(np.arange(samples) / 11))


class TestMicrophonePage:
    def test_it_and_what_it_loads(self, client: httpx.Client) -> None:
        page = client.get("/", headers={"x-belamy-token": ""})
        assert page.status_code == 200 and "script-src 'self'" in page.headers["content-security-policy"]
        assert "microphone=(self)" in page.headers["permissions-policy"]
        for name in ("report.css", "microphone.css", "microphone.js", "icon.svg"):
            assert f"/static/{name}" in page.text
        for name in microphone.ASSETS:
            assert client.get(f"/static/{name}").status_code == 200
        assert client.get("/static/../microphone.html").status_code == 404

    def test_it_knows_the_run(self, client: httpx.Client, enhancer_run: Path) -> None:
        wanted = {"run": enhancer_run.name, "rate": 16000, "delay": 4.0, "most": MOST_SAMPLES}
        assert client.get("/api/start").json() == wanted

    def test_a_recording_becomes_what_translate_makes_of_it(self, client: httpx.Client, enhancer_run: Path) -> None:
        made = client.post("/api/clean", json=sent(hum(5000)))
        assert made.status_code == 200 and made.headers["content-type"] == "audio/wav"
        found, rate = read_samples(io.BytesIO(made.content))
        method: Any = Run.open(enhancer_run).method().eval()
        with torch.no_grad():
            given = torch.from_numpy(hum(5000)).float()[None, None] / 32768
            wanted = method.translate(given, SampleDraws(0, [0]))[0].numpy()
        assert rate == 16000 and np.abs(found - wanted).max() < 1 / 32768

    def test_the_rate_of_the_microphone_is_kept(self, client: httpx.Client) -> None:
        found, rate = read_samples(io.BytesIO(client.post("/api/clean", json=sent(hum(4801), 48000)).content))
        assert (rate, found.shape) == (48000, (1, 4801))


class TestMicrophoneRefusals:
    @pytest.mark.parametrize(
        ("body", "says"),
        [
            (sent(hum(0)), "holds 0 bytes"),
            ({"rate": 16000, "samples": "AAAA"}, "holds 3 bytes"),
            ({"rate": 16000, "samples": "?"}, "no base64"),
            ({"rate": 0, "samples": "AAA="}, "form that is expected: rate"),
            ({"rate": 1e5, "samples": "AAA="}, "form that is expected: rate"),
            ({"samples": "AAA=", "path": "/etc/passwd"}, "form that is expected: path, rate"),
        ],
    )
    def test_what_is_no_recording(self, client: httpx.Client, body: dict[str, Any], says: str) -> None:
        told = client.post("/api/clean", json=body)
        assert told.status_code in (400, 422) and says in told.json()["message"]

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"x-belamy-token": "guessed"}, 403),
            ({"host": "evil.example"}, 421),
            ({"origin": "http://evil.example"}, 403),
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"content-type": "audio/wav"}, 415),
        ],
    )
    def test_who_may_not(self, client: httpx.Client, headers: dict[str, str], status: int) -> None:
        assert client.post("/api/clean", json=sent(hum(10)), headers=headers).status_code == status

    def test_more_than_a_recording(self, client: httpx.Client) -> None:
        assert client.post("/api/clean", content=b"x" * (LARGEST_BODY + 1)).status_code in (413, 415)
        told = client.post("/api/clean", json={"rate": 48000, "samples": "A" * LARGEST_BODY})
        assert told.status_code == 413

    def test_runs_of_several_channels(self, monkeypatch: pytest.MonkeyPatch, enhancer_run: Path) -> None:
        two = SimpleNamespace(spec=SimpleNamespace(shape=(2, 1024)))
        monkeypatch.setattr(microphone, "enhancer", lambda *_: two)
        with pytest.raises(UsageError, match="sounds of 2 channels, but a recording has one"):
            SoundCleaner(enhancer_run)

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--microphone", "a.wav"], "are for files"),
            (["--microphone", "--out", "there"], "are for files"),
            (["--microphone", "--bits", "32"], "are for files"),
            (["--microphone", "--port", "70000"], "--port is 70"),
            (["a.wav", "--port", "8001"], "Type --microphone with it"),
        ],
    )
    def test_wrong_words(self, belamy: Command, enhancer_run: Path, words: list[str], says: str) -> None:
        done = belamy("enhance", enhancer_run, *words)
        assert done.returncode == 2 and says in " ".join(done.stderr.split()), done.stderr


def until(page: Any, script: str) -> None:
    """Waits until a script says so; the page's policy lets no script be evaluated that waits by itself."""
    for _ in range(600):
        if page.evaluate(script):
            return
        page.wait_for_timeout(100)
    raise AssertionError(page.text_content("#said"))


class TestFakeMicrophone:
    def test_it_records_and_plays_both(self, page: Any, client: httpx.Client) -> None:
        page.goto(f"{client.base_url}#{client.headers['x-belamy-token']}")
        page.get_by_role("button", name="Record").press("Enter")
        page.get_by_role("button", name="Stop").wait_for()
        until(page, "parseFloat(document.getElementById('clock').textContent) > 1")
        page.get_by_role("button", name="Stop").press("Enter")
        until(page, "['given', 'made'].every((name) => document.getElementById(name).duration > 1)")
        lengths = page.evaluate("['given', 'made'].map((name) => document.getElementById(name).duration)")
        assert lengths[0] == pytest.approx(lengths[1], abs=1e-3)
        inked = (
            "Array.from(document.getElementById('{}').getContext('2d').getImageData(0, 0, 300, 60).data).some(Boolean)"
        )
        for name in ("given-wave", "made-wave", "given-spectrum", "made-spectrum"):
            assert page.evaluate(inked.format(name)), name

    def test_without_its_token_it_says_what_to_do(self, page: Any, client: httpx.Client) -> None:
        page.goto(f"{client.base_url}")
        page.get_by_text("Open the page by the whole address").wait_for()
