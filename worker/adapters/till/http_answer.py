"""Tell what a shop's answer over HTTP means. What is not certainly a yes is a TillError.

A program in front of the shop's (a front end, a login page, a page that says sorry) likes to answer
200 with something else. So a yes has to look like one: the right status, and JSON or nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from worker.adapters.till.connector import (
    BillGone,
    Document,
    Refused,
    TillError,
    UnreadableBill,
)
from worker.adapters.till.http_line import TEXT_CHARS_MAX, Reply
from worker.adapters.till.plain_json import NotPlainJson, read_json
from worker.adapters.till.text import one_line

ACCEPTED: Final = frozenset({200, 201, 202, 204})
"""Not 203: whoever changed the answer on its way (RFC 9110 15.3.4) is not the shop."""

_OF_THIS_ONE: Final = frozenset({400, 404, 409, 410, 422})
"""What a shop says no to one bill, spot or payment with. The rest of 4xx is about who we are, what
we may, or when to ask."""

_WORDS: Final = ("message", "detail", "error", "title")
"""Where a shop may say what is wrong, the words for people first (`title`, `detail`: RFC 9457)."""

_HINTS: Final[Mapping[int, str]] = {
    400: "it does not understand what it was told",
    401: "it does not accept who we are: check till.token or the client certificate",
    403: "it does not let us do this: check till.token or the client certificate",
    404: "there is no such address: check till.url (a spot without a bill is 200 and no bills)",
    405: "there is something else at this address: check till.url",
    409: "the bill is being changed, or somebody else is paying it",
    429: "it is asked too often",
}


def bills_in(reply: Reply) -> Sequence[Document]:
    """Read the open bills of a spot.

    Raises:
        Refused: the shop says no to this spot.
        TillError: it is anything else.

    """
    if reply.status != 200:
        raise refused(reply)
    bills = _object_in(reply).get("bills")
    if not isinstance(bills, list):
        raise TillError('it answers 200, but without a list under "bills"')
    if not all(isinstance(bill, dict) for bill in bills):
        raise TillError('it answers 200, but not everything under "bills" is an object')
    return bills


def locked_bill_in(reply: Reply, bill_id: str) -> Document:
    """Read the bill that was locked.

    Raises:
        BillGone: it is not owed any more.
        Refused: the shop says no to this bill.
        TillError: it is anything else.

    """
    if is_gone(reply):
        raise BillGone(words_of(reply) or f"HTTP {reply.status}")
    if reply.status != 200:
        raise refused(reply)
    bill = _object_in(reply)
    if bill.get("bill_id") != bill_id:
        raise UnreadableBill(
            "it answers 200 to a lock, but with another bill than the one asked for"
        )
    return bill


def is_gone(reply: Reply) -> bool:
    """Tell whether the shop says that there is no such bill.

    410 says it by itself. 404 is also what a server says that knows no locks at all, and many say
    it in JSON ("message", "detail"), so it has to come with the code that only a shop writes.
    """
    if reply.status == 410:
        return True
    return reply.status == 404 and _has_error(reply)


def accept(reply: Reply) -> None:
    """Pass a yes whose content does not matter.

    Raises:
        Refused: the shop says no to this bill or payment.
        TillError: it is not certain that it is one.

    """
    if reply.status not in ACCEPTED:
        raise refused(reply)
    if reply.body:
        value = _json_in(reply)
        if isinstance(value, dict):
            _no_error_in(reply, value)


def refused(reply: Reply) -> TillError:
    """Make the error that an answer is; a Refused if the shop says no to this one thing.

    A page of HTML is written by something in front of the shop, and a 404 without an error object
    by a server that knows no such address: both go for every table.
    """
    is_of_this_one = (
        reply.status in _OF_THIS_ONE
        and not _is_html(reply)
        and (reply.status != 404 or _has_error(reply))
    )
    return (Refused if is_of_this_one else TillError)(refusal(reply))


def refusal(reply: Reply) -> str:
    """Say what an answer is that is not the one hoped for, with the shop's own words."""
    status = reply.status
    if 300 <= status < 400:
        where = one_line(reply.leads_to, TEXT_CHARS_MAX)
        told = f" to {where}" if where else ""
        return (
            f"it answers {status}, a redirect{told}, and redirects are not followed: put the "
            "address that answers itself into till.url"
        )
    hint = _HINTS.get(status, "it has a fault of its own" if status >= 500 else "that is no yes")
    words = words_of(reply)
    return f"it answers {status}: {hint}" + (f'; it says "{words}"' if words else "")


def words_of(reply: Reply) -> str:
    """Give the shop's own words, cut and made printable; "": none for people."""
    if words := _own_words(reply):
        return words
    if _is_html(reply):
        return "(a page of HTML)"
    text = reply.body[: 4 * TEXT_CHARS_MAX].decode("utf-8", "replace")
    return one_line(" ".join(text.split()), TEXT_CHARS_MAX)


def _own_words(reply: Reply) -> str:
    """Give what the shop says in an error object; "": it does not speak that way."""
    try:
        value = read_json(reply.body)
    except NotPlainJson:
        return ""
    return _said_in(value) if isinstance(value, dict) else ""


def _has_error(reply: Reply) -> bool:
    """Tell whether an answer is an error object as the shop's contract has it."""
    try:
        value = read_json(reply.body)
    except NotPlainJson:
        return False
    error = value.get("error") if isinstance(value, dict) else None
    return isinstance(error, str) and bool(error.strip())


def _said_in(fields: Mapping[str, object]) -> str:
    for name in _WORDS:
        said = fields.get(name)
        if isinstance(said, dict):
            said = next((said[key] for key in ("message", "code") if key in said), None)
        if isinstance(said, str) and said.strip():
            return one_line(" ".join(said.split()), TEXT_CHARS_MAX)
    return ""


def _object_in(reply: Reply) -> Mapping[str, object]:
    value = _json_in(reply)
    if not isinstance(value, dict):
        raise TillError(f"it answers {reply.status}, but not with a JSON object")
    _no_error_in(reply, value)
    return value


def _no_error_in(reply: Reply, fields: Mapping[str, object]) -> None:
    """Refuse a yes that says no: some servers put every error into a 200."""
    if fields.get("error"):
        words = _said_in(fields) or "an error"
        raise TillError(f'it answers {reply.status}, but says "{words}"')


def _json_in(reply: Reply) -> object:
    what = "a page of HTML" if _is_html(reply) else "something else than JSON"
    media_type, _, parameters = reply.content_type.partition(";")
    media_type = media_type.strip()
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    if not is_json:
        given = one_line(media_type, 60) or "none"
        raise TillError(f"it answers {reply.status} with {what} (its content type: {given})")
    charset = parameters.partition("charset=")[2].split(";")[0].strip('" ')
    if charset not in {"", "utf-8", "utf8"}:
        raise TillError(f"it answers {reply.status} in another charset than UTF-8")
    try:
        return read_json(reply.body)
    except NotPlainJson as error:
        raise TillError(f"its answer of {reply.status} can not be read: {error}") from None


def _is_html(reply: Reply) -> bool:
    start = reply.body[:200].lstrip().lower()
    return "html" in reply.content_type or start.startswith((b"<!doctype html", b"<html"))
