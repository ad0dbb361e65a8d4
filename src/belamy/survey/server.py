"""The web application: pages from the package, everything else behind a token. It listens on this machine alone."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from belamy.errors import BelamyError, MissingExtra, StorageError, UsageError
from belamy.pages import file_text, fragment
from belamy.survey.design import SCORES
from belamy.survey.export import as_csv, as_json
from belamy.survey.guard import Guard
from belamy.survey.response import Reply
from belamy.survey.store import Refused, Store

HOST = "127.0.0.1"
PAGES = {"/": "survey_welcome", "/take": "survey_take", "/admin": "survey_admin"}
"""Templates by address. The token stands behind the # of the address, which browsers keep to themselves."""
ASSETS = {
    "report.css": ("style.css", "text/css"),
    "survey.css": ("survey/survey.css", "text/css"),
    "take.js": ("survey/take.js", "text/javascript"),
    "stage.js": ("survey/stage.js", "text/javascript"),
    "admin.js": ("survey/admin.js", "text/javascript"),
    "icon.svg": ("survey/icon.svg", "image/svg+xml"),
    "desk.js": ("survey/desk.js", "text/javascript"),
}
"""What pages load, by name: file and type. A name that is not here is not served."""
LINKS_AT_ONCE = 200
MOST_CONNECTIONS = 200
"""Connections at a time; one more closes that which has asked for nothing for longest."""
SILENCE = 15.0
"""Seconds in which a connection must have asked for something, its headers whole."""
QUIET = 60.0
"""Seconds for which the operator is not told the same again."""
BROKEN = "This could not be stored yet. Everything that was answered before is safe. Tell whoever invited you."
TOKEN = "x-belamy-token"
Millisecond = Annotated[float, Field(ge=0, le=86_400_000, allow_inf_nan=False)]


class Place(BaseModel):
    """A trial that begins."""

    model_config = ConfigDict(extra="forbid", strict=True)
    place: Annotated[int, Field(ge=0, le=10_000)]


class Answer(Place):
    """An answer as the browser sends it."""

    answer: Annotated[str, Field(max_length=8)]
    latency: Millisecond
    shown: Millisecond
    frame: Millisecond
    hidden: bool


class Links(BaseModel):
    """The number of participants to invite."""

    model_config = ConfigDict(extra="forbid", strict=True)
    count: Annotated[int, Field(ge=1, le=LINKS_AT_ONCE)]


def application(store: Store) -> Guard:
    """The guarded application of a survey.

    Raises:
        MissingExtra: FastAPI is not installed.
    """
    try:
        from fastapi import FastAPI, Request
        from fastapi.exceptions import RequestValidationError
        from fastapi.responses import JSONResponse, Response
    except ImportError:
        raise MissingExtra("fastapi", "survey", "A survey") from None

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        store.close()

    said_at: dict[str, float] = {}
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=life)

    @app.exception_handler(Refused)
    async def told(_: Request, error: Refused) -> Response:
        return JSONResponse({"message": error.message}, error.status)

    @app.exception_handler(BelamyError)
    async def broken(_: Request, error: BelamyError) -> Response:
        now = monotonic()
        if now - said_at.get(str(error), -QUIET) >= QUIET:
            said_at[str(error)] = now
            sys.stderr.write(f"belamy: {error}\n")
            sys.stderr.flush()
        return JSONResponse({"message": BROKEN}, 507 if isinstance(error, StorageError) else 500)

    @app.exception_handler(RequestValidationError)
    async def told_which(_: Request, error: RequestValidationError) -> Response:
        wrong = ", ".join(sorted({".".join(map(str, each["loc"][1:])) or "body" for each in error.errors()}))
        return JSONResponse({"message": f"The request does not have the form that is expected: {wrong}."}, 422)

    _pages(app)
    _participants(app, store)
    _administrator(app, store)
    return Guard(app)


def _pages(app: Any) -> None:
    from fastapi import Response

    def page(name: str) -> Callable[[], Response]:
        return lambda: Response(fragment(name), media_type="text/html; charset=utf-8")

    for address, name in PAGES.items():
        app.add_api_route(address, page(name), methods=["GET"])

    @app.get("/static/{name}")
    def asset(name: str) -> Response:
        if name not in ASSETS:
            raise Refused(404, "There is no such file.")
        file, kind = ASSETS[name]
        return Response(file_text(file), media_type=f"{kind}; charset=utf-8")


def _participants(app: Any, store: Store) -> None:
    """What a participant's page asks for; all of it needs the participant's token."""
    from fastapi import Depends, Request, Response

    def participant(request: Request) -> int:
        return store.participant(request.headers.get(TOKEN, ""))

    who = Depends(participant)
    design = store.design

    @app.get("/api/session")
    def session(person: int = who) -> dict[str, Any]:
        plan = {
            "kind": design.kind, "medium": design.medium, "question": design.question, "consent": design.consent_text(),
            "timed": bool(design.exposures) or design.staircase, "fixation": design.fixation, "mask": design.mask,
            "masks": store.masks(), "pixels": design.pixels, "practice": design.practice, "scores": SCORES,
            "minutes": design.minutes(),
        }  # fmt: skip
        return {"plan": plan, **store.session(person)}

    @app.post("/api/consent")
    def consent(person: int = who) -> dict[str, Any]:
        store.consent(person)
        return store.session(person)

    @app.post("/api/begin")
    def begin(trial: Place, person: int = who) -> dict[str, Any]:
        return store.begin(person, trial.place)

    @app.post("/api/answer")
    def answer(given: Answer, person: int = who) -> dict[str, Any]:
        return store.answer(person, Reply(**given.model_dump()))

    @app.post("/api/withdraw")
    def withdraw(person: int = who) -> dict[str, Any]:
        store.withdraw(person)
        return {"withdrawn": True}

    @app.get("/media/{key}")
    def medium(key: str, person: int = who) -> Response:
        mime, data = store.medium(person, key)
        return Response(data, media_type=mime)

    @app.get("/mask/{number}")
    def mask(number: str, person: int = who) -> Response:
        mime, data = store.mask(number)
        return Response(data, media_type=mime)


def _administrator(app: Any, store: Store) -> None:
    """What the administrator's page asks for; all of it needs the administrator's token."""
    from fastapi import Depends, Request, Response

    def administrator(request: Request) -> None:
        store.check_administrator(request.headers.get(TOKEN, ""))

    only = [Depends(administrator)]

    @app.get("/api/progress", dependencies=only)
    def progress() -> dict[str, Any]:
        design = store.design
        told = {"kind": design.kind, "medium": design.medium, "sources": design.sources, "file": store.path.name}
        return {**told, "participants": store.progress()}

    @app.post("/api/links", dependencies=only)
    def links(wanted: Links) -> dict[str, Any]:
        return {"tokens": store.invite(wanted.count)}

    @app.get("/api/answers.csv", dependencies=only)
    def table() -> Response:
        return Response(as_csv(store), media_type="text/csv; charset=utf-8")

    @app.get("/api/answers.json", dependencies=only)
    def facts() -> dict[str, Any]:
        return as_json(store)


def listening(port: int) -> socket.socket:
    """A socket of this machine alone.

    Args:
        port: 0 takes a free one.

    Raises:
        UsageError: The port is in use or out of range.
    """
    if not 0 <= port <= 65_535:
        raise UsageError(f"--port is {port:,}, but it must be in 0..65535; 0 takes a free one.")
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
    except OSError as error:
        made.close()
        raise UsageError(f"Port {port} cannot be used ({error.strerror}). Type --port 0 for a free one.") from None
    return made


def prepared(store: Store) -> Any:
    """A server for a survey.

    Raises:
        MissingExtra: FastAPI or uvicorn is not installed.
    """
    return serving(application(store), "A survey")


def serving(guarded: Guard, what: str) -> Any:
    """A server of uvicorn's; its method ``run`` serves until the process is interrupted.

    Args:
        guarded: The application.
        what: What it is for, in words, where uvicorn is not installed.

    Raises:
        MissingExtra: uvicorn is not installed.
    """
    try:
        import uvicorn
    except ImportError:
        raise MissingExtra("uvicorn", "survey", what) from None
    config = uvicorn.Config(
        guarded, log_level="warning", access_log=False, server_header=False, date_header=False,
        proxy_headers=False, limit_concurrency=2 * MOST_CONNECTIONS, timeout_graceful_shutdown=3, ws="none",
        http=connection(),
    )  # fmt: skip
    return uvicorn.Server(config)


def connection() -> type[Any]:
    """The protocol of uvicorn's with a bound on silence: half a request, or none, holds no place for long."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Connection(H11Protocol):
        since = 0.0  # when it last began or ended a request
        silence: asyncio.TimerHandle | None = None

        @property
        def busy(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._listen()
            if len(self.connections) > MOST_CONNECTIONS:
                oldest: Any = min(self.connections, key=lambda each: (each.busy, each.since))  # type: ignore[union-attr]
                oldest.transport.abort()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.busy:
                self._stop()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if not self.busy:  # else the next request has come already
                self._listen()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _listen(self) -> None:
            self._stop()
            self.since = self.loop.time()
            self.silence = self.loop.call_later(SILENCE, self.transport.close)

        def _stop(self) -> None:
            if self.silence is not None:
                self.silence.cancel()
            self.silence = None

    return Connection
