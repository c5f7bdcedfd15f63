"""What is behind the door: a handful of paths, each with a plain answer.

Whatever costs more than a moment is made once a second at most, however often it is asked for.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from worker.adapters.listener.guards import Guard
from worker.logbook import LineName
from worker.ports import Clock, JsonValue

T = TypeVar("T")

FRESH_S: Final = 1.0
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SECURITY: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    # One question a connection: nothing to keep, nothing to time out between questions.
    "Connection": "close",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
PAGE: Final[Mapping[str, tuple[str, str]]] = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
FOLDER: Final = Path(__file__).parent / "page"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the answers come from. Each is quick and none of them waits."""

    why_not_live: Callable[[], Sequence[str]]
    why_not_ready: Callable[[], Sequence[str]]
    health: Callable[[], Mapping[str, JsonValue]]
    floor: Callable[[], Mapping[str, JsonValue]]
    metrics: Callable[[], bytes]


class Lately(Generic[T]):
    """A value that is made anew when it is older than a second."""

    def __init__(self, make: Callable[[], T], clock: Clock) -> None:
        self._make = make
        self._clock = clock
        self._kept: tuple[float, T] | None = None

    def __call__(self) -> T:
        """Give the value."""
        now_s = self._clock.ticks_s()
        if self._kept is None or now_s - self._kept[0] >= FRESH_S:
            self._kept = (now_s, self._make())
        return self._kept[1]


class App:
    """The ASGI application."""

    def __init__(self, guard: Guard, sources: Sources, clock: Clock) -> None:
        self._guard = guard
        self._has_failed = False
        self._page = {
            path: ((FOLDER / name).read_bytes(), kind) for path, (name, kind) in PAGE.items()
        }
        self._health = Lately(lambda: as_json(sources.health()), clock)
        self._floor = Lately(lambda: as_json(sources.floor()), clock)
        self._metrics = Lately(sources.metrics, clock)
        self._routes: dict[str, Callable[[], Response]] = {
            "/livez": lambda: probe(sources.why_not_live()),
            "/readyz": lambda: probe(sources.why_not_ready()),
            "/healthz": lambda: Response(self._health(), media_type="application/json"),
            "/floor.json": lambda: Response(self._floor(), media_type="application/json"),
            "/metrics": lambda: Response(self._metrics(), headers={"Content-Type": METRICS_TYPE}),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # The server speaks nothing else to us.
        try:
            response = self.answer(scope)
        except Exception as error:  # A figure that can not be made is not worth the worker.
            self._tell_once(error)
            response = sentence(500, "This answer could not be made; the worker's log says why.")
        for name, value in SECURITY.items():
            response.headers[name] = value
        await response(scope, receive, send)

    def answer(self, scope: Scope) -> Response:
        """Give the answer to a request's head."""
        path = scope["path"]
        refusal = self._guard.refuse(scope["method"], path, scope["headers"])
        if refusal is not None:
            return sentence(refusal.status, refusal.sentence, dict(refusal.headers))
        if path in self._page:
            body, kind = self._page[path]
            return Response(body, media_type=kind)
        route = self._routes.get(path)
        if route is None:
            known = ", ".join(["/", *self._routes])
            return sentence(404, f"There is no such path. There are: {known}.")
        return route()

    def _tell_once(self, error: Exception) -> None:
        if not self._has_failed:
            self._has_failed = True
            log.error(
                LineName.LISTENER_FAILED,
                error=f"{type(error).__name__}: {error}",
                do="payments go on; please report this line",
                exc_info=error,
            )


def probe(troubles: Sequence[str]) -> Response:
    """Answer yes with 200, or no with 503 and why."""
    body = as_json({"ok": not troubles, "why": list(troubles)})
    return Response(body, status_code=503 if troubles else 200, media_type="application/json")


def sentence(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with one sentence for a person."""
    return Response(f"{text}\n", status, headers, "text/plain")


def as_json(value: Mapping[str, JsonValue]) -> bytes:
    """Write an answer for machines."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
