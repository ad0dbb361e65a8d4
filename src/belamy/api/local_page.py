"""A page that a verb serves to this machine alone: its files, its answers, and who may ask for them."""

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from belamy.errors import BelamyError, MissingExtra, UsageError
from belamy.pages import file_text, fragment
from belamy.survey.guard import Guard

TOKEN = "x-belamy-token"


def local_page(
    name: str, assets: Mapping[str, tuple[str, str]], answers: Callable[[Any], None], *, largest: int,
    microphone: bool = False,
) -> tuple[Guard, str]:  # fmt: skip
    """The guarded application, and the token that its page needs.

    Args:
        name: Of the page's template.
        assets: What the page loads, by name: file and type. A name that is not here is not served.
        answers: Adds what the page asks for, under ``/api``, to a router; all of it needs the token.
        largest: Bytes of a request's body.
        microphone: Whether the page may ask for it.

    Raises:
        MissingExtra: FastAPI is not installed.
    """
    try:
        from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
        from fastapi.exceptions import RequestValidationError
        from fastapi.responses import JSONResponse, Response
    except ImportError:
        raise MissingExtra("fastapi", "survey", "A page of this machine") from None

    token = secrets.token_urlsafe(24)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    def allowed(request: Request) -> None:
        if not secrets.compare_digest(request.headers.get(TOKEN, "").encode(), token.encode()):
            raise HTTPException(403, "Open the page by the whole address that belamy printed.")

    @app.exception_handler(BelamyError)
    async def told(_: Request, error: BelamyError) -> Response:
        return JSONResponse({"message": str(error)}, 400)

    @app.exception_handler(RequestValidationError)
    async def told_which(_: Request, error: RequestValidationError) -> Response:
        wrong = ", ".join(sorted({".".join(map(str, each["loc"][1:])) or "body" for each in error.errors()}))
        return JSONResponse({"message": f"The request does not have the form that is expected: {wrong}."}, 422)

    @app.get("/")
    def page() -> Response:
        return Response(fragment(name), media_type="text/html; charset=utf-8")

    @app.get("/static/{name}")
    def asset(name: str) -> Response:
        if name not in assets:
            return JSONResponse({"message": "There is no such file."}, 404)
        file, kind = assets[name]
        return Response(file_text(file), media_type=f"{kind}; charset=utf-8")

    router = APIRouter(prefix="/api", dependencies=[Depends(allowed)])
    answers(router)
    app.include_router(router)
    return Guard(app, largest, microphone), token


def decoded(text: str) -> bytes:
    """What a page sent in base64.

    Raises:
        UsageError: It is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise UsageError("This is no base64.") from error
