"""Lets only small requests of this machine's browsers, from the server's own pages, through to the server.

No cookie is ever set, so a foreign page has nothing that a browser would add to its requests by itself: whoever acts
must send a token in a header, which no other origin can do without leave, and leave is never given (no CORS). Host
names other than this machine's are refused: a name that is later pointed to 127.0.0.1 (DNS rebinding) reaches nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

LARGEST_BODY = 4096
"""Bytes of a request's body."""
PATIENCE = 10.0
"""Seconds in which a body must come."""
HOSTS = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class Guard:
    """An ASGI application before another, which lets only harmless requests through and adds headers to each answer.

    Args:
        application: The one behind.
        largest: Bytes of a request's body.
        microphone: Whether the pages may ask for it.
    """

    def __init__(self, application: Application, largest: int = LARGEST_BODY, microphone: bool = False) -> None:
        self._application, self._largest = application, largest
        self._headers = HEADERS
        if microphone:
            self._headers = {**HEADERS, "permissions-policy": "camera=(), microphone=(self), geolocation=()"}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = refused(scope["method"], scope["headers"], self._largest)
        body = b""
        if refusal is None:
            try:
                body = await asyncio.wait_for(_body(receive, self._largest), PATIENCE)
            except TimeoutError:
                refusal = (408, "The request took too long.")
            except _TooLarge:
                refusal = (413, f"The request is larger than {self._largest:,} bytes.")
        if refusal is not None:
            await _refuse(_with_headers(send, self._headers), *refusal)
            return
        await self._application(scope, _replayed(body, receive), _with_headers(send, self._headers))


def refused(method: str, headers: list[tuple[bytes, bytes]], largest: int = LARGEST_BODY) -> tuple[int, str] | None:
    """Status and message if a request is refused for its headers; None if it may pass."""
    named: dict[str, list[str]] = {}
    for name, value in headers:
        named.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    hosts = named.get("host", [])
    if len(hosts) != 1 or host_name(hosts[0]) not in HOSTS:
        return 421, "This server answers to 127.0.0.1 and localhost only."
    if any(origin != f"http://{hosts[0]}" for origin in named.get("origin", [])):
        return 403, "Requests from other pages are not served."
    sites = {"same-origin", "none"} if method in ("GET", "HEAD") else {"same-origin"}
    if any(site not in sites for site in named.get("sec-fetch-site", [])):
        return 403, "Requests from other pages are not served."
    kind = named.get("content-type", [""])[0].partition(";")[0].strip().lower()
    if method == "POST" and kind != "application/json":
        return 415, "Send JSON."
    length = named.get("content-length", ["0"])[0]
    if not length.isdecimal() or int(length) > largest:
        return 413, f"The request is larger than {largest:,} bytes."
    return None


def host_name(host: str) -> str | None:
    """The name in a Host header; None where it is none.

    Example:
        >>> host_name("127.0.0.1:8000"), host_name("[::1]:80"), host_name("evil.example"), host_name("a@127.0.0.1")
        ('127.0.0.1', '::1', 'evil.example', None)
    """
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and "@" not in host else None


class _TooLarge(Exception):
    """A body beyond the limit."""


async def _body(receive: Receive, largest: int) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > largest:
            raise _TooLarge
        if not message.get("more_body"):
            return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    extra = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return sent


async def _refuse(send: Send, status: int, text: str) -> None:
    body = json.dumps({"message": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
