"""What the log may say, and how it looks.

A line is a fact with fields. Only field names on the list below get out, values are kept short,
and nothing in a value can end a line or begin another: a stranger's text stays a value. A
transaction key is never shown whole, because whoever has a new one can pay it.

Logging never stops a payment: a closed pipe or a full disk costs lines, not visits.
"""

import contextlib
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from json import JSONEncoder
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from worker.ports import Clock

VALUE_CHARS_MAX: Final = 500
EXCEPTION_CHARS_MAX: Final = 4000
ITEMS_MAX: Final = 50

# fmt: off
FIELDS: Final = frozenset(
    {
        "error", "why", "hint", "status", "code", "description", "table", "visit",
        "transaction", "spot", "location", "locations", "name", "amount", "end", "step",
        "lasted_s", "attempts", "looks", "took_ms", "down_s", "failures", "retry_after_s",
        "offset_s", "version", "mode", "journal", "base_url", "instance", "interval_s",
        "open", "parked", "polls", "polls_failed", "last_poll_ms", "signal", "waits_for",
        "exit_code", "file", "bill", "reference", "count", "loop", "seconds", "do", "closed",
        "paid", "logger", "message", "exception", "tries", "in_flight", "since", "other",
        "pid", "port", "seed", "fault", "currency", "key", "generation", "call", "answer",
        "remedy", "kind", "unposted", "tables", "part",
    }
)
# fmt: on
"""Every field that may be logged. Another one is left out."""

_KEYS: Final = frozenset({"transaction", "key"})
_FIRST: Final = ("table", "visit", "transaction")
_PRIORITIES: Final = {"debug": "<7>", "info": "<6>", "warning": "<4>", "error": "<3>"}
_MARKS: Final = {"debug": ". ", "info": "  ", "warning": "! ", "error": "!!"}
_COLOURS: Final = {"debug": "\x1b[2m", "info": "", "warning": "\x1b[33m", "error": "\x1b[1;31m"}
_DIM: Final = "\x1b[2m"
_RESET: Final = "\x1b[0m"
_EVENT_WIDTH: Final = 22
_encode: Final = JSONEncoder(ensure_ascii=True, separators=(", ", ": ")).encode

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "pretty"]


def configure(
    *,
    level: Level,
    fmt: Format,
    stream: TextIO,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Send every line of this process to one stream.

    Args:
        level: the least important level that is shown.
        fmt: pretty for people, json for machines; auto: pretty on a terminal only.
        stream: where lines go.
        clock: what stamps them; None: the machine's wall clock.
        environ: where systemd says that it reads us; None: this process's own environment.

    """
    given = os.environ if environ is None else environ
    is_terminal = _is_terminal(stream)
    is_pretty = fmt == "pretty" or (fmt == "auto" and is_terminal)
    has_colour = is_terminal and not given.get("NO_COLOR") and given.get("TERM") != "dumb"
    has_priority = _is_journal(stream, given.get("JOURNAL_STREAM", ""))
    now_s = _wall_s if clock is None else clock.wall_s
    pen = _Pretty(has_colour) if is_pretty else _Json()
    structlog.configure(
        processors=[_Line(pen.write, now_s, has_priority)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        logger_factory=lambda *_: _Stream(stream),
        cache_logger_on_first_use=False,
    )
    _route_library_logs()


def short_key(key: str) -> str:
    """Show enough of a transaction key to find it, too little to pay with it."""
    if len(key) == 8 and key[4:6] == "..":
        return key  # Shortened already.
    return f"{key[:4]}..{key[-2:]}" if len(key) > 8 else f"{key[:2]}.."


class _Line:
    """Turn an event into one finished line. Nothing that goes wrong here reaches the caller."""

    def __init__(
        self,
        write: Callable[[float, str, str, dict[str, Any]], str],
        now_s: Callable[[], float],
        has_priority: bool,
    ) -> None:
        self._write = write
        self._now_s = now_s
        self._has_priority = has_priority

    def __call__(self, logger: WrappedLogger, method: str, event_dict: EventDict) -> str:
        level = method if method in _PRIORITIES else "error"
        event = _capped(str(event_dict.pop("event", "")), VALUE_CHARS_MAX)
        try:
            line = self._write(self._now_s(), level, event, _allowed(event_dict))
        except Exception as error:  # Whatever a value does when asked for its text.
            fields = {"error": type(error).__name__, "why": "its fields could not be written"}
            line = self._write(_wall_s(), level, event, fields)
        return _PRIORITIES[level] + line if self._has_priority else line


def _allowed(event_dict: EventDict) -> dict[str, Any]:
    """Keep the fields that may be shown, the names of the visit first."""
    exc_info = event_dict.pop("exc_info", None)
    fields: dict[str, Any] = {}
    for name in _FIRST:
        if name in event_dict:
            fields[name] = _value(name, event_dict.pop(name))
    for name, value in event_dict.items():
        if name in FIELDS:
            fields[name] = _value(name, value)
    if exc_info:
        fields["exception"] = _trace(exc_info)
    return fields


def _value(name: str, value: object) -> object:
    """Make a value short and plain."""
    kind = type(value)
    if kind is str:
        text = str(value)
        if name in _KEYS:
            return short_key(text)
        return text if len(text) <= VALUE_CHARS_MAX else _longer(name, text)
    if value is None or kind is int or kind is bool:
        return value
    if kind is float:
        number = float(str(value))
        return round(number, 3) if abs(number) < 1e15 else str(value)  # Not for NaN: JSON has none.
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(name, item) for item in list(value)[:ITEMS_MAX]]
    if isinstance(value, datetime):
        return value.isoformat()
    return _value(name, str.__str__(value) if isinstance(value, str) else str(value))


def _longer(name: str, text: str) -> str:
    return _capped(text, EXCEPTION_CHARS_MAX if name == "exception" else VALUE_CHARS_MAX)


def _capped(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else f"{text[: chars_max - 3]}..."


def _trace(exc_info: object) -> str:
    """Write out an exception. Its end says the most, so that is what is kept."""
    error = exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1]
    if isinstance(exc_info, tuple):
        error = exc_info[1]
    if error is None:
        return ""
    text = "".join(traceback.format_exception(error)).rstrip()
    return text if len(text) <= EXCEPTION_CHARS_MAX else f"...{text[3 - EXCEPTION_CHARS_MAX :]}"


class _Json:
    """Lines for machines: everything but plain ASCII is escaped."""

    def __init__(self) -> None:
        self._second = -1
        self._stamp = ""

    def write(self, now_s: float, level: str, event: str, fields: dict[str, Any]) -> str:
        second = int(now_s)
        if second != self._second:
            self._second = second
            self._stamp = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        stamp = f"{self._stamp}.{int((now_s - second) * 1000):03d}Z"
        return _encode({"timestamp": stamp, "level": level, "event": event, **fields})


class _Pretty:
    """Lines for people: local time, the event in a column, then what belongs to it."""

    def __init__(self, has_colour: bool) -> None:
        self._has_colour = has_colour

    def write(self, now_s: float, level: str, event: str, fields: dict[str, Any]) -> str:
        at = datetime.fromtimestamp(now_s).astimezone().strftime("%H:%M:%S")
        trace = fields.pop("exception", None)
        head = f"{_MARKS[level]} {_escaped(event).ljust(_EVENT_WIDTH)}"
        if self._has_colour:
            at = f"{_DIM}{at}{_RESET}"
            head = f"{_COLOURS[level]}{head}{_RESET}" if _COLOURS[level] else head
        body = " ".join(self._pair(name, value) for name, value in fields.items())
        line = f"{at} {head} {body}".rstrip()
        if trace:
            # Behind a bar of its own, no line of a trace can pass for a line of the log.
            line += "".join(f"\n         | {_escaped(part)}" for part in str(trace).split("\n"))
        return line

    def _pair(self, name: str, value: object) -> str:
        return (
            f"{_DIM}{name}={_RESET}{_shown(value)}"
            if self._has_colour
            else (f"{name}={_shown(value)}")
        )


def _shown(value: object) -> str:
    """Write a value so that where it ends is plain."""
    if isinstance(value, list):
        return ",".join(_shown(item) for item in value)
    if value is None or isinstance(value, bool):
        return {None: "-", True: "yes", False: "no"}[value]
    text = _escaped(str(value))
    if not text or "=" in text or '"' in text or text != text.strip():
        return '"' + text.replace('"', '\\"') + '"'
    return text


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


class _Stream:
    """Where lines go. Written past the stream's own buffer, so a line lost is lost for good."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write one line, or lose it."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: the stream is closed.
            descriptor = _descriptor(self._stream)
            if descriptor is None:
                self._stream.write(line + "\n")
                self._stream.flush()
            else:
                rest = (line + "\n").encode("utf-8", "backslashreplace")
                while rest:
                    rest = rest[os.write(descriptor, rest) :]

    debug = info = warning = error = critical = exception = log = msg


def _wall_s() -> float:
    return time.time()


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (ValueError, AttributeError):
        return False


def _is_journal(stream: TextIO, named: str) -> bool:
    """Tell whether systemd's journal reads this very stream, not only one we inherited."""
    descriptor = _descriptor(stream)
    if not named or descriptor is None:
        return False
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return named == f"{found.st_dev}:{found.st_ino}"


class _FromLibrary(logging.Handler):
    """Bring what libraries warn of into the same stream."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            log = structlog.get_logger()
            tell = log.error if record.levelno >= logging.ERROR else log.warning
            tell(
                "library.warned",
                logger=record.name,
                message=record.getMessage(),
                exc_info=record.exc_info,
            )
        except Exception:  # A library's broken message is not our failure.
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Stay silent: the standard way prints to a stream that may be the broken one."""


def _route_library_logs() -> None:
    """Take over the standard library's root logger."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _FromLibrary):
            root.removeHandler(handler)
    root.addHandler(_FromLibrary(logging.WARNING))
    root.setLevel(logging.WARNING)
