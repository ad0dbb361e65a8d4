"""A survey as participants, the administrator and intruders meet it: a real server, a real browser."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
import pytest
import torch

from belamy.cli.verbs.survey import Form, made, told
from belamy.errors import MissingExtra
from belamy.survey.analysis import analyse
from belamy.survey.design import QUESTIONS, Design
from belamy.survey.server import listening, prepared
from belamy.survey.stimuli import WAV, Collection, stimuli, wav
from belamy.survey.store import Store
from stories.conftest import Command, environment, write_photos

TOKEN = "x-belamy-token"
HTTP = httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0), verify=False)
"""Asks pages of this machine, which have no certificates: to read their list takes longer than all else."""


@dataclass
class Server:
    """A server that is up."""

    facts: dict[str, Any]
    process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return str(self.facts["address"])

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def token(self, number: int = 0) -> str:
        return str(self.facts["participants"][number]["link"]).rpartition("#")[2]

    @property
    def administrator(self) -> str:
        return str(self.facts["administrator"]).rpartition("#")[2]

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)


@contextmanager
def serving(path: Path, store: Store | None = None) -> Iterator[Server]:
    """A server in a thread: what the command serves, without the seconds that a new process takes."""
    store = store or Store(path)
    with listening(0) as door:
        door.listen(128)
        server = prepared(store)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            yield Server(told(store, f"http://127.0.0.1:{door.getsockname()[1]}")[0])
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def process(*words: str | Path, port: int = 0, folder: Path | None = None) -> Iterator[Server]:
    """The command in a process of its own."""
    line = [sys.executable, "-m", "belamy", "survey", *map(str, words), "--port", str(port), "--json", "-"]
    with subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE, text=True, cwd=folder) as started:
        assert started.stdout
        text = ""
        for row in started.stdout:
            text += row
            if row == "}\n":
                break
        try:
            yield Server(json.loads(text), started)
        finally:
            started.terminate()
            started.wait(timeout=30)


def pictures(name: str, level: int, count: int = 24) -> Collection:
    """Pictures of one shade, with a little noise."""
    noise = torch.randint(0, 40, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(level))
    return Collection(name, pictures=noise + level)


def tones(name: str, pitch: float, count: int = 8) -> Collection:
    """Sounds of a tenth of a second."""
    made = [(np.sin(np.arange(800) * pitch * (1 + n / 40)) * 9000).astype(np.int16)[:, None] for n in range(count)]
    return Collection(name, sounds=tuple(made), rate=8000)


def survey(path: Path, kind: str = "categorise", medium: str = "image", participants: int = 1, **changes: Any) -> Path:
    """A small survey's file with links: real pictures are bright, generated ones dark."""
    sources = ("secret-data", "secret-model")
    given = {
        "kind": kind, "medium": medium, "sources": sources, "real": 0, "trials": 4, "practice": 1, "catch": 1,
        "fixation": 50, "mask": 60, "pixels": 96, "question": QUESTIONS[kind], **changes,
    }  # fmt: skip
    design = Design(**given)
    make = (pictures("a", 200), pictures("b", 10)) if medium == "image" else (tones("a", 0.2), tones("b", 0.7))
    store = Store.create(path, design, stimuli(design, make))
    store.invite(participants)
    store.close()
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For intruders, who change nothing."""
    with serving(survey(tmp_path_factory.mktemp("survey") / "s.sqlite", participants=2)) as found:
        yield found


# Intruders


def raw(
    server: Server, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[int, Any, bytes]:
    """A request exactly as written: no client tidies path or headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": f"127.0.0.1:{server.port}", **headers}.items():
        connection.putheader(name, value)
    if body is not None and "Transfer-Encoding" not in headers:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, answer.headers, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/%2e%2e/store.py",
        "/static/pages%2ftake.js",
        "//etc/passwd",
        "/static//etc/passwd",
        "/media/..%2f..%2fs.sqlite",
        "/media/%2e%2e%5cs.sqlite",
        "/mask/..%2f0",
        "/s.sqlite",
        "/static/take.js%00.css",
        "/docs",
        "/openapi.json",
    ],
)
def test_no_path_leads_out_of_the_server(path: str, server: Server) -> None:
    status, headers, body = raw(server, "GET", path, {TOKEN: server.token()})
    assert status in (404, 422)
    assert b"import " not in body and b"root:" not in body and b"SQLite" not in body
    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil.example",
     "0.0.0.0", "169.254.169.254", "", "[::1", "127.0.0.1:80:80"],
)  # fmt: skip
def test_other_host_names_are_refused(host: str, server: Server) -> None:
    """A name that is pointed here (DNS rebinding) reaches not even the public pages."""
    for path in ("/take", "/api/session"):
        status, _, body = raw(server, "GET", path, {"Host": host, TOKEN: server.token()})
        assert status in (400, 421) and b"<html" not in body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({TOKEN: ""}, 401),
    ],
)
def test_other_pages_can_send_nothing(headers: dict[str, str], status: int, server: Server) -> None:
    given = {"Content-Type": "application/json", TOKEN: server.token(), **headers}
    found, answer, _ = raw(server, "POST", "/api/consent", given, b"{}")
    assert found == status
    assert not [name for name in answer if name.lower().startswith("access-control") or name.lower() == "set-cookie"]
    state = HTTP.get(f"{server.address}/api/session", headers={TOKEN: server.token()}).json()
    assert state["consented"] is False


def test_no_leave_is_given_to_other_origins(server: Server) -> None:
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": TOKEN,
    }
    status, headers, _ = raw(server, "OPTIONS", "/api/consent", asked)
    assert status == 403 and "access-control-allow-origin" not in headers
    status, headers, _ = raw(server, "OPTIONS", "/api/consent", {})
    assert status == 405 and "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("path", "method"),
    [("/api/session", "GET"), ("/api/consent", "POST"), ("/api/begin", "POST"), ("/api/answer", "POST"),
     ("/api/withdraw", "POST"), ("/media/x", "GET"), ("/mask/0", "GET"), ("/api/progress", "GET"),
     ("/api/links", "POST"), ("/api/answers.csv", "GET"), ("/api/answers.json", "GET")],
)  # fmt: skip
def test_nothing_opens_without_its_token(path: str, method: str, server: Server) -> None:
    bodies = {"/api/begin": {"place": 0}, "/api/links": {"count": 1}}
    bodies["/api/answer"] = {"place": 0, "answer": "real", "latency": 1, "shown": 1, "frame": 1, "hidden": False}
    body = bodies.get(path, {}) if method == "POST" else None
    wrong = ["", "x", server.token()[:-1]]
    wrong += (
        [server.token()]
        if path in ("/api/progress", "/api/links", "/api/answers.csv", "/api/answers.json")
        else [server.administrator]
    )
    for token in wrong:
        answer = HTTP.request(method, f"{server.address}{path}", json=body, headers={TOKEN: token})
        assert answer.status_code == 401 and set(answer.json()) == {"message"}


def test_large_and_malformed_requests_are_refused(server: Server) -> None:
    given = {"Content-Type": "application/json", TOKEN: server.administrator}
    assert raw(server, "POST", "/api/links", given, b" " * 5000)[0] == 413
    chunks = b"1388\r\n" + b" " * 5000 + b"\r\n0\r\n\r\n"
    assert raw(server, "POST", "/api/links", {**given, "Transfer-Encoding": "chunked"}, chunks)[0] == 413
    for body in (
        b"",
        b"[]",
        b"{",
        b'{"count": 0}',
        b'{"count": 1e9}',
        b'{"count": "5"}',
        b'{"count": 1, "more": 1}',
        b'{"count": NaN}',
    ):
        assert raw(server, "POST", "/api/links", given, body)[0] == 422
    participants = HTTP.get(f"{server.address}/api/progress", headers={TOKEN: server.administrator}).json()
    assert len(participants["participants"]) == 2


@pytest.mark.parametrize("number", ["99999999999999999999", "-1", "8", "none", "1" * 5000, "%00"])
def test_a_mask_that_is_not_there(number: str, server: Server) -> None:
    assert raw(server, "GET", f"/mask/{number}", {TOKEN: server.token()})[0] == 404


@contextmanager
def connected(server: Server, count: int, said: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections that say this and no more."""
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            made.append(stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20)))
            made[-1].sendall(said)
        yield made


def test_half_a_request_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belamy.survey.server.SILENCE", 0.2)
    half = "GET /take HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-Slow: "
    with serving(survey(tmp_path / "s.sqlite")) as server:
        for said in ("", half.format(server.port), f"{half.format(server.port)}no\r\n\r\n{half.format(server.port)}"):
            with connected(server, 1, said.encode()) as (only,):
                told = b""
                while part := only.recv(65536):  # fails after 20 s of silence
                    told += part
                assert told.count(b"HTTP/1.1 200") == said.count("\r\n\r\n")


def test_idle_connections_keep_nobody_out(tmp_path: Path) -> None:
    with (
        serving(survey(tmp_path / "s.sqlite")) as server,
        connected(server, 300, b"GET /take HTTP/1.1\r\n"),
        Client(server, server.token()) as client,
    ):
        client.take(trials=2)
        assert client.get("/api/session")["done"] == 2


def test_a_full_disk_is_told_to_the_operator_once_and_to_the_participant_gently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = survey(tmp_path / "s.sqlite")
    store = Store(path)
    store._one(f"pragma max_page_count = {store._one('pragma page_count')[0]}")
    with serving(path, store) as server:
        given = {TOKEN: server.administrator}
        for _ in range(2):
            answer = HTTP.post(f"{server.address}/api/links", json={"count": 200}, headers=given)
            assert answer.status_code == 507 and "sqlite" not in answer.json()["message"]
        assert HTTP.get(f"{server.address}/api/session", headers={TOKEN: server.token()}).status_code == 200
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(f"belamy: {path} could not be written") and "Make room" in said


def test_it_listens_on_this_machine_alone(server: Server) -> None:
    """127.0.0.2 is this machine too, and yet nobody answers there."""
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", server.port), timeout=2):
        pass


def test_pages_load_nothing_from_elsewhere_and_tell_no_secret(server: Server) -> None:
    for path in ("/", "/take", "/admin", *(f"/static/{name}" for name in (
        "take.js", "stage.js", "desk.js", "admin.js", "survey.css", "report.css", "icon.svg"))):  # fmt: skip
        answer = HTTP.get(f"{server.address}{path}")
        assert answer.status_code == 200 and "secret-" not in answer.text
        assert "https:" not in answer.text and "http:" not in answer.text.replace("http://www.w3.org/", "")
        for name, value in {"x-frame-options": "DENY", "x-content-type-options": "nosniff", "cache-control": "no-store",
                            "referrer-policy": "no-referrer"}.items():  # fmt: skip
            assert answer.headers[name] == value
        assert "unsafe" not in answer.headers["content-security-policy"] and "server" not in answer.headers


# Participants without a browser


class Client:
    """What a participant's page does, without the page."""

    def __init__(self, server: Server, token: str) -> None:
        self.http = httpx.Client(base_url=server.address, headers={TOKEN: token}, timeout=30, verify=False)
        self.told: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        self.told.append(answer.text)
        return answer.json()

    def post(self, path: str, **body: Any) -> httpx.Response:
        answer = self.http.post(path, json=body)
        self.told.append(answer.text)
        return answer

    def take(self, trials: int = 10_000, answers: tuple[str, str] = ("real", "fake")) -> None:
        """Answer so many trials, each of them twice."""
        self.post("/api/consent")
        for _ in range(trials):
            state = self.get("/api/session")
            if "trial" not in state:
                return
            place = state["trial"]["place"]
            for key in state["trial"]["media"]:
                answer = self.http.get(f"/media/{key}")  # not found: another window has answered meanwhile
                assert answer.status_code == 404 or answer.content[:4] == b"\x89PNG"
            self.post("/api/begin", place=place)
            for _ in range(2):
                reply = {"latency": 500.5, "shown": 500.0, "frame": 16.7, "hidden": False}
                assert self.post("/api/answer", place=place, answer=answers[place % 2], **reply).status_code in (
                    200,
                    409,
                )


def test_nothing_tells_real_from_fake_before_the_answer(tmp_path: Path) -> None:
    path = survey(tmp_path / "s.sqlite", practice=0)
    with serving(path) as server, Client(server, server.token()) as client:
        client.take()
        state = client.get("/api/session")
        assert state["finished"] and state["done"] == 5
        said = " ".join(client.told)
        assert "secret" not in said and "correct" not in said and "source" not in said and "catch" not in said
        assert server.administrator not in said


def test_two_browsers_at_once_lose_nothing(tmp_path: Path) -> None:
    """Two participants, and one of them in two windows: every trial has one answer, the first."""
    path = survey(tmp_path / "s.sqlite", trials=8, participants=2)
    with serving(path) as server, ExitStack() as stack:
        clients = [stack.enter_context(Client(server, server.token(number))) for number in (0, 1, 1)]
        threads = [threading.Thread(target=client.take) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = HTTP.get(f"{server.address}/api/answers.json", headers={TOKEN: server.administrator}).json()["answers"]
    assert [(row["participant"], row["place"]) for row in rows] == [(who, n) for who in (1, 2) for n in range(1, 11)]


def test_a_killed_server_goes_on_at_the_same_trial(tmp_path: Path) -> None:
    path = survey(tmp_path / "s.sqlite", trials=8)
    with process(path) as server, Client(server, server.token()) as client:
        client.take(trials=3)
        token, before = server.token(), client.get("/api/session")
        server.kill()
    with serving(path) as server, Client(server, token) as client:
        assert server.token() == token and server.facts["participants"][0]["done"] == 3
        assert client.get("/api/session") == before
        client.take()
        assert client.get("/api/session")["finished"]
    store = Store(path)
    assert [each.place for each in store.judgements()] == list(range(10))
    store.close()


# Participants with a browser


def begun(page: Any, link: str) -> None:
    """Agree and start."""
    page.goto(link)
    assert page.locator("#accept").is_disabled()
    page.check("#agreed")
    page.click("#accept")
    page.wait_for_selector("#instructions:not([hidden])")
    page.keyboard.press("Space")


def worked(page: Any, choose: Callable[[int], str], trials: int) -> None:
    """Answer so many trials, by key or, where the answer is written in full, by button."""
    for number in range(trials):
        page.wait_for_selector("#between:not([hidden]), .answer:not([disabled])")
        if page.locator("#between").is_visible():
            page.keyboard.press("Space")
            page.wait_for_selector(".answer:not([disabled])")
        page.wait_for_timeout(130)
        answer = choose(number)
        counter = page.locator("#counter").text_content()
        if len(answer) == 1:
            page.keyboard.press(answer)
        else:
            page.click(f"[data-answer={answer}]")
        page.wait_for_function(
            "before => document.getElementById('counter').textContent !== before || "
            "!document.getElementById('finished').hidden || !document.getElementById('between').hidden",
            arg=counter,
        )


@pytest.mark.parametrize(
    ("kind", "medium", "changes", "answers"),
    [
        ("categorise", "image", {"exposures": (100, 500)}, ("f", "real")),
        ("choose", "image", {}, ("j", "left")),
        ("rank", "image", {"practice": 0}, ("f", "right")),
        ("mos", "image", {"practice": 0}, ("1", "4")),
        ("categorise", "sound", {"practice": 0}, ("f", "j")),
        ("rank", "sound", {"practice": 0, "trials": 2}, ("f", "j")),
    ],
    ids=["categorise", "choose", "rank", "mos", "sound", "two-sounds"],
)
def test_a_whole_session_in_a_browser(
    kind: str, medium: str, changes: dict[str, Any], answers: tuple[str, str], tmp_path: Path, page: Any
) -> None:
    path = survey(tmp_path / "s.sqlite", kind, medium, **changes)
    with serving(path) as server:
        begun(page, server.facts["participants"][0]["link"])
        total = server.facts["participants"][0]["total"]
        worked(page, lambda number: answers[number % 2], total)
        page.wait_for_selector("#finished:not([hidden])")
        page.reload()
        page.wait_for_selector("#finished:not([hidden])")
    store = Store(path)
    found = store.judgements()
    words = {"f": "fake", "j": "real"} if kind == "categorise" else {"f": "left", "j": "right"}
    assert [each.reply.answer for each in found] == [words.get(answers[n % 2], answers[n % 2]) for n in range(total)]
    for each in found:
        assert each.views == 1 and not each.reply.hidden and 0 < each.reply.latency < 20_000
    for exposure in {each.exposure for each in found if each.exposure}:
        replies = [each.reply for each in found if each.exposure == exposure]
        off = [abs(reply.shown - exposure) / reply.frame for reply in replies]
        assert min(off) <= 1.1, off  # to the frame, but where a busy machine drops one
    assert analyse(store)["participants"]["finished"] == 1
    store.close()


def test_reloading_resumes_and_a_second_view_is_counted(tmp_path: Path, page: Any) -> None:
    path = survey(tmp_path / "s.sqlite", practice=0, trials=2, catch=0)
    with serving(path) as server:
        begun(page, server.facts["participants"][0]["link"])
        worked(page, lambda number: "f", 1)
        page.wait_for_selector(".answer:not([disabled])")
        page.reload()
        page.wait_for_selector("#instructions:not([hidden])")
        assert page.locator("#instructions-title").text_content() == "Welcome back"
        page.keyboard.press("Space")
        page.wait_for_selector(".answer:not([disabled])")
        assert page.locator("#counter").text_content() == "Trial 2 of 2"
        worked(page, lambda number: "j", 1)
        page.wait_for_selector("#finished:not([hidden])")
    store = Store(path)
    assert [(each.reply.answer, each.views) for each in store.judgements()] == [("fake", 1), ("real", 2)]
    store.close()


def test_a_page_outlives_the_server(tmp_path: Path, page: Any) -> None:
    """The server is killed while a trial is on the screen: the answer is sent again until one is there to take it."""
    path = survey(tmp_path / "s.sqlite", practice=0, trials=2, catch=0)
    with process(path) as server:
        port = server.port
        begun(page, server.facts["participants"][0]["link"])
        page.wait_for_selector(".answer:not([disabled])")
        server.kill()
        page.wait_for_timeout(130)
        page.keyboard.press("f")
        page.wait_for_selector("#connection:not([hidden])")
    with process(path, port=port):
        page.wait_for_function("() => document.getElementById('counter').textContent === 'Trial 2 of 2'")
        worked(page, lambda number: "j", 1)
        page.wait_for_selector("#finished:not([hidden])")
    store = Store(path)
    assert [each.reply.answer for each in store.judgements()] == ["fake", "real"]
    store.close()


def test_the_administrator_makes_links_and_takes_the_answers(tmp_path: Path, page: Any) -> None:
    path = survey(tmp_path / "s.sqlite", practice=0)
    with serving(path) as server:
        with Client(server, server.token()) as client:
            client.take()
        page.goto(server.facts["administrator"])
        page.fill("#count", "3")
        page.click("#make")
        page.wait_for_function("() => document.querySelectorAll('#people tr').length === 4")
        assert "finished" in page.locator("#people tr").first.text_content()
        with page.expect_download() as waiting:
            page.click("#csv")
        table = Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()
        assert len(table) == 1 + 5 and "secret-data" in "".join(table)
        page.goto("about:blank")
        page.goto(f"{server.address}/admin#wrong")
        page.wait_for_selector("#problem:not([hidden])")
        assert "administrator's link" in page.locator("#problem-text").text_content()


def test_whoever_withdraws_is_forgotten(tmp_path: Path, page: Any) -> None:
    path = survey(tmp_path / "s.sqlite", practice=0)
    with serving(path) as server:
        begun(page, server.facts["participants"][0]["link"])
        worked(page, lambda number: "f", 1)
        page.click("#withdraw")
        page.click("#leave")
        page.wait_for_selector("#problem:not([hidden])")
        assert "withdrawn" in page.locator("#problem-text").text_content()
    store = Store(path)
    assert not store.judgements()
    store.close()


# The command


def test_a_survey_from_pictures_to_page(photos: Path, tmp_path: Path, belamy: Command) -> None:
    """A folder of pictures against itself: served, answered, analysed, exported."""
    noise = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), dtype=np.uint8)
    np.savez(tmp_path / "fakes.npz", images=noise)
    words = (
        "fakes.npz",
        "--against",
        photos,
        "--out",
        "own.sqlite",
        "--trials",
        "8",
        "--catch",
        "1",
        "--device",
        "cpu",
    )
    with process(*words, folder=tmp_path) as server, Client(server, server.token()) as client:
        client.take(answers=("fake", "fake"))
    for kind, option in (("html", "--analyse"), ("csv", "--export")):
        foreign = tmp_path / f"own.{kind}"
        foreign.write_text("mine")
        refused = belamy("survey", option, "own.sqlite")
        assert refused.returncode == 2 and "is there already" in refused.stderr and foreign.read_text() == "mine"
        foreign.unlink()
    done = belamy("survey", "--analyse", "own.sqlite", "--json", "facts.json")
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["participants"]["finished"] == 1 and "errors on fakes" in done.stdout
    assert (tmp_path / "own.html").read_text(encoding="utf-8").count("<svg") >= 1
    done = belamy("survey", "--export", "own.sqlite", "--out", "own.csv")
    assert done.returncode == 0 and len((tmp_path / "own.csv").read_text().splitlines()) == 1 + 4 + 8 + 1
    done = belamy("survey", "fakes.npz", "--against", photos, "--out", "own.sqlite")
    assert done.returncode == 2 and "Go on with it: belamy survey own.sqlite" in done.stderr


def test_pictures_of_two_sizes_become_one_where_size_says_so(photos: Path, tmp_path: Path, belamy: Command) -> None:
    np.savez(tmp_path / "fakes.npz", images=np.zeros((30, 9, 9, 1), np.uint8))
    words = ["survey", "fakes.npz", "--against", photos, "--trials", "8", "--catch", "1", "--port", "0"]
    done = belamy(*words)
    assert done.returncode == 2 and "--size 8" in done.stderr and not (tmp_path / "survey.sqlite").exists()
    store = made(Form(against=str(photos), trials=8, catch=1, size=8), ["fakes.npz"])
    assert {facts["resize"] for facts in store.design.protocol["sources"].values()} == {"crop to 8"}
    store.close()


@pytest.mark.parametrize(
    ("sources", "against"),
    [(["run"], "large"), (["large"], "run"), (["run"], "mixed"), (["mixed"], "run"), (["large", "run"], None)],
)
def test_the_size_that_is_advised_is_the_run_s_and_settles_it(
    sources: list[str], against: str | None, trained: Path, tmp_path: Path, belamy: Command
) -> None:
    """The run draws 8x8: whatever else were advised, the run would refuse."""
    write_photos(tmp_path / "large", 40, side=6 if against == "large" else 12)
    write_photos(tmp_path / "mixed", 40, side=12)
    write_photos(tmp_path / "mixed" / "more", 2, side=10)
    (tmp_path / "run").symlink_to(trained)
    kind = "categorise" if against else "rank"
    words = ["survey", *sources, *(["--against", against] if against else []), "--kind", kind, "--port", "0"]
    refused = belamy(*words)
    assert refused.returncode == 2 and refused.stderr.endswith("--size 8.\n"), refused.stderr
    refused = belamy(*words, "--size", "6")
    assert refused.returncode == 2 and "--size 8" in refused.stderr
    made(Form(against=against, kind=kind, trials=8, catch=1, items=40, size=8), sources).close()


def test_a_run_is_judged_against_its_own_data(trained: Path, photos: Path, tmp_path: Path, belamy: Command) -> None:
    store = made(Form(trials=8, catch=1, practice=2), [str(trained)])
    assert store.design.real == 0 and store.design.sources == ("photos", "trained")
    assert store.design.protocol["sources"]["photos"]["format"] == "PNG"
    store.close()
    store = made(Form(trials=8, catch=1, practice=2, kind="mos", out="mos.sqlite"), [str(trained)])
    assert store.design.real is None and store.design.sources == ("trained",)
    store.close()


def test_folders_of_sounds(tmp_path: Path, belamy: Command) -> None:
    for folder, pitch in (("real", 0.2), ("fake", 0.5)):
        (tmp_path / folder).mkdir()
        for number, samples in enumerate(tones("", pitch, 12).sounds):
            (tmp_path / folder / f"{number}.wav").write_bytes(wav(samples, 8000))
    form = Form(against="real", kind="choose", trials=6, practice=1, catch=1)
    store = made(form, ["fake"])
    assert store.design.medium == "sound" and store.design.sources == ("real", "fake")
    assert {row[0] for row in store._base.execute("select mime from stimuli")} == {WAV}
    store.close()


def test_the_power_calculator(tmp_path: Path, belamy: Command) -> None:
    done = belamy("survey", "--power", "0.8", "--effect", "0.1", "--trials", "50", "--json", "need.json")
    assert done.returncode == 0 and done.stdout.startswith("15 participants with 50 trials each find a share of 60.0%")
    assert json.loads((tmp_path / "need.json").read_text())["answers"] == 210


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Say what is judged"),
        (["fakes.npz"], "--against DATA"),
        (["fakes.npz", "--against", "mnist", "--kind", "rate"], "There is no kind of survey 'rate'."),
        (["fakes.npz", "--against", "mnist", "--trials", "7"], "half of them are real"),
        (["fakes.npz", "--against", "mnist", "--exposures", "20"], "50..1000 ms"),
        (["fakes.npz", "--against", "mnist", "--exposures", "100", "--staircase"], "leave --exposures out"),
        (["fakes.npz", "--against", "mnist", "--out", "page.html"], "ends with .sqlite"),
        (["fakes.npz", "--against", "mnist", "--consent", "none.txt"], "consent text none.txt cannot be read"),
        (["fakes.npz", "--against", "mnist", "--port", "99999"], "--port is 99,999"),
        (["fakes.npz", "--against", "mnist", "--items", "0"], "--items is 0"),
        (["fakes.npz", "--against", "mnist", "--size", "0"], "The size is 0"),
        (["none.sqlite"], "There is no survey none.sqlite"),
        (["--analyse", "fakes.npz"], "not a survey"),
        (["--analyse", "a.sqlite", "--export", "a.sqlite"], "stands alone"),
        (["fakes.npz", "--power", "0.8"], "stands alone"),
        (["--power", "1"], "--power is 1"),
        (["--power", "0.8", "--effect", "0.9"], "--effect is 0.9"),
        (["--trails", "3"], "Did you mean '--trials'?"),
    ],
)
def test_wrong_uses_end_in_one_message(words: list[str], says: str, tmp_path: Path, belamy: Command) -> None:
    np.savez(tmp_path / "fakes.npz", images=np.zeros((4, 28, 28, 1), np.uint8))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*")}
    done = belamy("survey", *words, *(["--port", "0"] if words and "--port" not in words else []))
    assert done.returncode == 2 and done.stdout.strip() == ""
    assert done.stderr.startswith("belamy: ") and done.stderr.count("\n") == 1 and says in done.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_a_port_in_use_is_told(server: Server, tmp_path: Path, belamy: Command) -> None:
    done = belamy("survey", survey(tmp_path / "s.sqlite"), "--port", str(server.port))
    assert done.returncode == 2 and f"Port {server.port} cannot be used" in done.stderr


def test_a_missing_extra_is_named(tmp_path: Path, belamy: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = belamy("survey", survey(tmp_path / "s.sqlite"), "--port", "0")
    assert done.returncode == 2 and str(MissingExtra("fastapi", "survey", "A survey")) in done.stderr
