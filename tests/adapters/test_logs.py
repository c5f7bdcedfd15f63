"""A log line says what it may, stays one line, and never stops a payment."""

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest
import structlog
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters import logs
from worker.adapters.clock import SystemClock
from worker.adapters.logs import configure, short_key
from worker.logbook import FIELDS

KEY = "ATaNbcdefghijklmnopqrst"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def in_json(level: logs.Level = "debug") -> io.StringIO:
    stream = io.StringIO()
    configure(level=level, fmt="json", stream=stream, environ={})
    return stream


def in_pretty(stream: io.StringIO | None = None) -> io.StringIO:
    stream = stream or io.StringIO()
    configure(level="debug", fmt="pretty", stream=stream, environ={})
    return stream


def only(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    content = json.loads(line)
    assert isinstance(content, dict)
    return content


@freeze_time("2026-11-20 12:04:31.250")
def test_a_json_line_has_its_names_in_order_and_its_time_in_utc() -> None:
    """time, level, event, then whose it is, the rest as it was given, and sentences last."""
    stream = in_json()

    structlog.get_logger().info(
        "transaction.created", took_ms=214, transaction=KEY, visit="v-0042", table="table5"
    )

    assert stream.getvalue() == (
        '{"timestamp": "2026-11-20T12:04:31.250Z", "level": "info", '
        '"event": "transaction.created", "table": "table5", "visit": "v-0042", '
        '"transaction": "ATaN..st", "took_ms": 214}\n'
    )


@freeze_time("2026-11-20 12:04:31")
def test_a_pretty_line_reads_like_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local time, the event in a column, then name=value."""
    stream = in_pretty()
    at = datetime(2026, 11, 20, 12, 4, 31, tzinfo=UTC).astimezone().strftime("%H:%M:%S")

    log = structlog.get_logger()
    log.info("spot.seen", spot=15, visit="v-0042")
    log.warning("wallet.unreachable", error="ConnectTimeout")
    log.error(
        "visit.parked", why="money = unknown", amount="25.99 EUR", locations=[1, 2], open=True
    )

    assert stream.getvalue().splitlines() == [
        f"{at}    spot.seen              visit=v-0042 spot=15",
        f"{at} !  wallet.unreachable     error=ConnectTimeout",
        f"{at} !! visit.parked           amount=25.99 EUR locations=1,2 open=yes "
        'why="money = unknown"',
    ]


def test_colours_are_for_terminals_that_want_them() -> None:
    """Yellow for a warning, red and bold for an error; none where they were refused."""
    for fmt in ("auto", "pretty"):
        stream = Terminal()
        configure(level="info", fmt=fmt, stream=stream, environ={})
        structlog.get_logger().warning("a.b")
        structlog.get_logger().error("c.d")
        assert "\x1b[33m!  a.b" in stream.getvalue()
        assert "\x1b[1;31m!! c.d" in stream.getvalue()
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        stream = Terminal()
        configure(level="info", fmt="auto", stream=stream, environ=environ)
        structlog.get_logger().error("c.d")
        assert "\x1b" not in stream.getvalue()
        assert "c.d" in stream.getvalue()


def test_anything_but_a_terminal_gets_json() -> None:
    """`auto` never colours a file."""
    stream = io.StringIO()
    configure(level="info", fmt="auto", stream=stream, environ={})
    structlog.get_logger().info("a.b")

    assert only(stream)["event"] == "a.b"


@pytest.mark.parametrize(
    ("level", "shown"),
    [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)],
)
def test_lines_below_the_level_are_not_shown(level: logs.Level, shown: int) -> None:
    """And cost next to nothing."""
    stream = in_json(level)
    log = structlog.get_logger()
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("a.b")

    assert len(stream.getvalue().splitlines()) == shown


def test_only_known_fields_get_out() -> None:
    """A name that nobody put on the list may hold anything, so it stays in."""
    stream = in_json()

    structlog.get_logger().info("a.b", mac_key="secret", phone="+370", headers={}, why="x")

    assert set(only(stream)) == {"timestamp", "level", "event", "why"}


def test_a_key_is_never_shown_whole() -> None:
    """Whoever has the key of a new transaction can pay it."""
    stream = in_json()
    log = structlog.get_logger()

    log.info("a.b", transaction=KEY, key=KEY)
    log.info("a.b", transaction=short_key(KEY))
    log.info("a.b", transaction="short", key=[KEY, KEY])

    assert KEY not in stream.getvalue()
    assert short_key(KEY) == "ATaN..st"
    assert short_key(short_key(KEY)) == "ATaN..st"
    assert short_key("short") == "sh.."


def test_a_long_value_is_cut() -> None:
    """A page of HTML in an error is not a log line."""
    stream = in_json()

    structlog.get_logger().info("a.b", description="x" * 10_000, locations=list(range(1000)))

    assert len(only(stream)["description"]) == 500
    assert len(only(stream)["locations"]) == 50


hostile = st.text(max_size=40) | st.sampled_from(
    ["\n", "\r\n", "\x1b[2J", "\u2028", "\u202e", "\0", "\x85", '"', "a=b", "\ud800", "\x7f"]
)


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(hostile, hostile)
def test_no_value_ends_a_line_or_moves_the_cursor(event: str, value: str) -> None:
    """Whatever a stranger calls a table, the log stays one line of plain characters (F63, F67)."""
    for make in (in_json, in_pretty):
        stream = make()
        structlog.get_logger().info(event, table=value, why=value)
        text = stream.getvalue()

        assert text.endswith("\n")
        assert text[:-1].isprintable()
    assert json.loads(json.dumps(value)) == value


def test_a_value_can_not_pass_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like a field inside a value is quoted."""
    stream = in_pretty()

    structlog.get_logger().info("a.b", table='5 end=paid "x"')

    assert 'table="5 end=paid \\"x\\""' in stream.getvalue()


class Awkward:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


@pytest.mark.parametrize(
    "value", [Awkward(), float("nan"), float("inf"), 10**6000, b"\xff", {1}], ids=list("abcdef")
)
def test_no_value_makes_logging_fail(value: object) -> None:
    """A line may be lost or poorer; the caller never hears of it."""
    for make in (in_json, in_pretty):
        stream = make()
        structlog.get_logger().info("a.b", why=value)
        assert stream.getvalue().count("\n") == 1
    structlog.get_logger().critical("c.d")


def test_an_exception_is_told_with_its_trace() -> None:
    """As one JSON value, or behind a bar where no line of it can pass for one of ours."""

    def explode() -> NoReturn:
        raise RuntimeError("boom\n12:00:00    visit.closed   end=paid")

    def fail(stream: io.StringIO) -> str:
        try:
            explode()
        except RuntimeError:
            structlog.get_logger().exception("loop.died", loop="poll")
        return stream.getvalue()

    fail(stream := in_json())
    assert only(stream)["level"] == "error"
    assert "RuntimeError: boom" in only(stream)["exception"]
    lines = fail(in_pretty()).splitlines()
    assert "loop.died" in lines[0]
    assert all(line.startswith("         | ") for line in lines[1:])


def test_a_closed_pipe_and_a_full_disk_cost_lines_and_nothing_else() -> None:
    """Payments do not depend on the log (F51)."""
    closed = io.StringIO()
    closed.close()
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe, Path("/dev/full").open("w") as full:
        for stream in (closed, pipe, full):
            configure(level="info", fmt="json", stream=stream, environ={})
            structlog.get_logger().info("a.b")


def test_a_line_reaches_the_disk_at_once(tmp_path: Path) -> None:
    """Nothing is kept in a buffer that a crash would lose."""
    with (tmp_path / "log").open("w") as file:
        configure(level="info", fmt="json", stream=file, environ={})
        structlog.get_logger().info("a.b")

        assert '"a.b"' in (tmp_path / "log").read_text()


def test_the_journal_gets_a_priority_but_only_on_its_own_stream(tmp_path: Path) -> None:
    """`journalctl -p warning` works; a redirected output is not defaced."""
    with (tmp_path / "log").open("w") as file:
        found = os.fstat(file.fileno())
        for named in (f"{found.st_dev}:{found.st_ino}", f"{found.st_dev}:1", ""):
            configure(level="debug", fmt="auto", stream=file, environ={"JOURNAL_STREAM": named})
            log = structlog.get_logger()
            for level in ("debug", "info", "warning", "error"):
                getattr(log, level)("a.b")
    lines = (tmp_path / "log").read_text().splitlines()

    assert [line[:3] for line in lines[:4]] == ["<7>", "<6>", "<4>", "<3>"]
    assert all(line.startswith("{") for line in lines[4:])


def test_a_library_that_warns_is_heard_in_the_same_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And one that chats is not."""
    stream = in_json()
    # Without the test runner's own handler, which is not as forgiving.
    monkeypatch.setattr(logging.getLogger(), "handlers", logging.getLogger().handlers[-1:])
    library = logging.getLogger("some.library")
    library.info("GET https://wallet.example/secret")
    library.warning("it is %s", "late\n")
    library.error("broken %d", "format")

    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert (line["event"], line["level"]) == ("library.warned", "warning")
    assert (line["logger"], line["message"]) == ("some.library", "it is late\n")


def test_configuring_twice_does_not_tell_twice() -> None:
    """The last one counts."""
    in_json()
    stream = in_json()
    logging.getLogger("x").error("once")

    assert only(stream)["level"] == "error"


def test_a_given_clock_stamps_the_lines() -> None:
    """So that a rehearsal shows its own time."""
    noon_s = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
    stream, clock = io.StringIO(), SystemClock(wall_s=lambda: noon_s)
    configure(level="info", fmt="json", stream=stream, clock=clock, environ={})
    structlog.get_logger().info("a.b")

    assert only(stream)["timestamp"] == "2026-11-20T12:00:00.000Z"


def test_the_list_of_fields_holds_no_secret() -> None:
    """A review's last defence."""
    assert not FIELDS & {"mac_key", "mac", "authorization", "body", "headers", "token", "phone"}


def test_standard_output_works_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    """The stream that the daemon uses."""
    configure(level="info", fmt="json", stream=sys.stdout, environ={})
    structlog.get_logger().info("a.b")

    assert json.loads(capfd.readouterr().out)["event"] == "a.b"
