"""Read what a program of the shop's gave back. Nothing is repaired: an answer is whole or none.

The exit codes, and nothing else, say how it went; `docs/till-command.md` has the table.
"""

import signal
from collections.abc import Mapping, Sequence
from typing import Final

from worker.adapters.till.connector import BillGone, Document, Refused, TillError
from worker.adapters.till.plain_json import NotPlainJson, read_json
from worker.adapters.till.process import Ended, Overflowed

EXIT_DONE: Final = 0
EXIT_GONE: Final = 3
EXIT_BUSY: Final = 4
EXIT_REFUSED: Final = 65
EXIT_LATER: Final = 75
REASON_CHARS_MAX: Final = 200


def raise_unless_done(ended: Ended | Overflowed, op: str) -> bytes:
    """Give what a program wrote when all went well.

    Raises:
        BillGone: asked to lock, it says that the bill is not owed any more.
        Refused: it says no to this one bill, table or payment, or says too much about it.
        TillError: it says that it could not, or it did not come to an end by itself.

    """
    if isinstance(ended, Overflowed):
        raise Refused(f"wrote more than {ended.bytes_max} bytes of {ended.stream}; stopped")
    code, reason = ended.exit_code, last_line(ended.stderr)
    why = f": {reason}" if reason else ", and gives no reason"
    if code == EXIT_DONE:
        return ended.stdout
    if code == EXIT_GONE and op == "lock":
        raise BillGone(f"the bill is not owed any more{why}")
    if code == EXIT_BUSY:
        raise Refused(f"the bill is locked by another or being changed{why}")
    if code == EXIT_REFUSED:
        raise Refused(f"can not do this one{why}")
    if code == EXIT_LATER:
        raise TillError(f"asks to be tried again later{why}")
    if code < 0:
        raise TillError(f"was ended by {_signal_name(-code)}{why}")
    raise TillError(f"failed with exit code {code}{why}")


def bills_in(stdout: bytes) -> Sequence[Document]:
    """Read the answer to `bills`.

    Raises:
        TillError: it is anything but {"bills": [...]} with an object for each bill.

    """
    bills = _only_field(stdout, "bills")
    if not isinstance(bills, list) or not all(isinstance(bill, dict) for bill in bills):
        raise TillError('wrote bills that are not a list of objects: {"bills": [{...}]}')
    return bills


def bill_in(stdout: bytes) -> Document:
    """Read the answer to `lock`.

    Raises:
        TillError: it is anything but {"bill": {...}}.

    """
    bill = _only_field(stdout, "bill")
    if not isinstance(bill, dict):
        raise TillError('wrote a bill that is not an object: {"bill": {...}}')
    return bill


def expect_nothing(stdout: bytes) -> None:
    """Read the answer to a question that has none.

    Raises:
        TillError: there is something else than {} or nothing, so it may not mean "done".

    """
    if stdout.strip() and _fields(stdout):
        raise TillError("wrote something that was not asked for: end with exit code 0 and {}")


def last_line(stderr: bytes) -> str:
    """Give the last line that says something, fit for one line of a log; empty: there is none."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    if not lines:
        return ""
    # No more than can be shown is decoded; whatever does not print is shown escaped.
    text = lines[-1][: 4 * REASON_CHARS_MAX].decode("utf-8", "backslashreplace").strip()
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
    if len(escaped) <= REASON_CHARS_MAX:
        return escaped
    return f"{escaped[: REASON_CHARS_MAX - 3]}..."


def _only_field(stdout: bytes, name: str) -> object:
    """Give the one field that an answer has."""
    fields = _fields(stdout)
    if set(fields) != {name}:
        raise TillError(f'wrote an object that has not "{name}" and nothing else')
    return fields[name]


def _fields(stdout: bytes) -> Mapping[str, object]:
    """Read the one object that stands on standard output.

    A figure with a fraction stays exactly what was written, a Decimal; no rule takes it for an
    amount, which is a whole number, and no float ever stands between the two.
    """
    if not stdout.strip():
        raise TillError("wrote nothing")
    try:
        value = read_json(stdout)
    except NotPlainJson as why:
        raise TillError(
            f"wrote something that is not one JSON object and nothing else: {why}"
        ) from None
    if not isinstance(value, dict):
        raise TillError("wrote JSON that is not an object")
    return value


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
