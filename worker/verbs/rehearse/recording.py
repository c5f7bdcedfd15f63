"""What a rehearsal leaves behind: its findings, and its exchanges without what is nobody's.

Redaction is by list: a field that is not on it is not written, and of those that are, only words
and numbers that the wallet itself chose keep their values. Format: docs/going-live.md.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from worker.adapters.wallet import shapes
from worker.adapters.wallet.failures import Reply
from worker.ports import JsonValue

FORMAT: Final = "paysera-worker-rehearsal"
VERSION: Final = 1
ROWS_MAX: Final = 3
DEPTH_MAX: Final = 6

WORDS: Final = frozenset({"status", "currency", "price_decimal", "error", "type"})
"""Fields whose words are kept, as long as they look like words of the wallet's."""
FIGURES: Final = frozenset(
    {"price", "for", "total", "offset", "limit", "auto_confirm", "use_allowance",
     "suggest_allowance", "has_next"}
)  # fmt: skip
INSIDE: Final = frozenset(
    {"spots", "spot", "transactions", "transaction", "orders", "order", "payments", "_metadata",
     "reserve", "parameters", "place_info", "locations"}
)  # fmt: skip
MASKED: Final = frozenset(
    {"transaction_key", "id", "identifier", "location_id", "orderid", "created_at", "confirmed_at",
     "time", "description", "error_description", "wallet"}
)  # fmt: skip
"""Fields that are written as being there, with nothing of their value."""
_WORD: Final = re.compile(r"[A-Za-z_]{1,40}|[0-9]{1,9}\.[0-9]{1,2}")
_ROUTE_WORDS: Final = frozenset(
    {"spots", "spot", "order", "transaction", "transactions", "confirm", "server", "locations"}
)


def redacted(value: object, depth: int = DEPTH_MAX) -> JsonValue:
    """Give the shape of an answer."""
    if isinstance(value, list):
        rows: list[JsonValue] = [redacted(one, depth - 1) for one in value[:ROWS_MAX]]
        return [*rows, *([f"<{len(value) - ROWS_MAX} more>"] if len(value) > ROWS_MAX else [])]
    if not isinstance(value, dict) or depth <= 0:
        return f"<{kind_of(value)}>"
    shape: dict[str, JsonValue] = {}
    others = 0
    for name, inner in value.items():
        is_word = name in WORDS and isinstance(inner, str) and _WORD.fullmatch(inner)
        if name in INSIDE and isinstance(inner, dict | list):
            shape[name] = redacted(inner, depth - 1)
        elif is_word or (name in FIGURES and isinstance(inner, int)):
            shape[name] = inner
        elif name in WORDS | FIGURES | INSIDE | MASKED:
            shape[name] = f"<{kind_of(inner)}>"
        else:
            others += 1
    if others:
        shape["<other fields>"] = others
    return shape


def kind_of(value: object) -> str:
    """Name a JSON value's kind."""
    names = {str: "text", bool: "flag", int: "number", float: "number", dict: "object"}
    return "list" if isinstance(value, list) else names.get(type(value), "nothing")


def route_of(target: str) -> str:
    """Give a path and the names of its query, without ids and keys."""
    path, _, query = target.partition("?")
    parts = [one if one in _ROUTE_WORDS else "<id>" for one in path.split("/")[1:]]
    names = [pair.partition("=")[0] for pair in query.split("&") if pair]
    return "/" + "/".join(parts) + ("?" + "&".join(names) if names else "")


def exchange_of(call: shapes.Call, answer: Reply | str) -> dict[str, JsonValue]:
    """Write down one exchange. `answer` is a sentence where there was no answer."""
    told: dict[str, JsonValue] = {"method": call.method, "route": route_of(call.target)}
    if call.body:
        told["sent"] = redacted(json.loads(call.body))
    if isinstance(answer, str):
        return {**told, "status": None}
    return {**told, "status": answer.status, "answered": redacted(json_of(answer.body))}


def json_of(body: bytes) -> object:
    """Read an answer; None when it is not JSON."""
    try:
        read: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return read


def write(
    path: Path,
    *,
    worker: str,
    made_at: str,
    findings: Mapping[str, str],
    untried: Sequence[str],
    unforeseen: Sequence[str],
    exchanges: Sequence[Mapping[str, JsonValue]],
) -> None:
    """Write the recording, whole or not at all."""
    told = {
        "format": FORMAT,
        "version": VERSION,
        "worker": worker,
        "made_at": made_at,
        "findings": dict(sorted(findings.items())),
        "untried": sorted(untried),
        "unforeseen": sorted(unforeseen),
        "exchanges": list(exchanges),
    }
    keep(path, json.dumps(told, indent=2) + "\n")


def keep(path: Path, text: str) -> None:
    """Put text into a file of our own, whole and on the disk."""
    draft = draft_of(path)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def draft_of(path: Path) -> Path:
    """Name what a file is called until it is whole."""
    return path.with_name(path.name + ".part")
