"""The story's seal: each line's hash covers the line before it, so an edit shows."""

import sqlite3
from hashlib import sha256
from typing import Final, NamedTuple


class Tail(NamedTuple):
    """The end of the story so far."""

    seq: int
    hash: bytes


START: Final = Tail(0, bytes(32))


def seal(tail: Tail, visit_id: int, at: str, kind: str, body: str) -> Tail:
    """Give the tail after one more line. The body is one line of JSON, so parts can not blur."""
    line = f"{tail.seq + 1}\n{visit_id}\n{at}\n{kind}\n{body}"
    return Tail(tail.seq + 1, sha256(tail.hash + line.encode()).digest())


def verify(connection: sqlite3.Connection, lines_max: int | None = None) -> tuple[Tail, int | None]:
    """Read the story's end, and the number of the first line that does not follow, if any.

    At most `lines_max` of the newest lines are read again; None: all.
    """
    (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()
    first = 1 if lines_max is None else max(1, last - lines_max + 1)
    tail, broken = START, None
    if first > 1:
        found = connection.execute("SELECT hash FROM event WHERE seq = ?", (first - 1,)).fetchone()
        if found is None:
            return Tail(last, b""), first - 1
        tail = Tail(first - 1, found[0])
    rows = connection.execute(
        "SELECT seq, visit_id, at, kind, body, hash FROM event WHERE seq >= ? ORDER BY seq",
        (first,),
    )
    for seq, visit_id, at, kind, body, kept in rows:
        expected = seal(tail, visit_id, at, kind, body)
        if broken is None and (seq, kept) != expected:
            broken = tail.seq + 1
        tail = Tail(seq, kept)
    return tail, broken
