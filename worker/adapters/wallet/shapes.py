"""Every shape of the vendor's API that its documents leave open, and what we take it to be.

Paths, queries, bodies, the following of pages, the places where an answer may hold what we need,
and the words by which a refusal is known. If the vendor turns out to do it differently, this file
changes and nothing else does. docs/assumptions.md lists the same, for people.

It never reads an answer and never sends anything. Each assumption names its confidence:
documented, seen in an SDK of the vendor, inferred, or unknown.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from worker.adapters.wallet.budget import Urgency
from worker.domain.commands import Lowered
from worker.domain.ids import LocationId, SpotId, TransactionKey
from worker.domain.wallet import NewTransaction, SpotStatus, TransactionStatus


@dataclass(frozen=True, slots=True)
class Call:
    """One request, ready but for the signature."""

    op: str
    method: str
    target: str
    """Path and query, appended to the base URL; ASCII only."""
    urgency: Urgency
    is_write: bool = False
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a page says of itself. Documented for transactions, unknown for spots."""

    rows: int
    """How many rows it holds, readable or not."""
    total: int | None = None
    offset: int | None = None
    limit: int | None = None
    has_next: bool | None = None


# --- What is asked for ----------------------------------------------------------------------------

TRANSACTIONS_PER_PAGE: Final = 200
"""Documented: the most that `limit` may be."""

PAGES_MAX: Final = 50
"""Ours: 10,000 transactions are more than any evening's open ones."""

SINCE_MARGIN_S: Final = 60
"""Unknown: which date `from` means and on whose clock. Asking for a minute more costs nothing."""


def waiting_spots(location_id: LocationId, limit: int = 0, offset: int = 0) -> Call:
    """GET /spots. `status` is documented and has a published signature, so is `location_id`.

    Paging is unknown, so the first page is asked for without `limit` and `offset`. Rows of another
    location are dropped by who reads them, in case the filter is ignored.
    """
    page = f"&limit={limit}&offset={offset}" if limit else ""
    target = f"/spots?status=waiting&location_id={int(location_id)}{page}"
    return Call("spots", "GET", target, Urgency.POLL)


def transactions(
    statuses: Sequence[TransactionStatus], since_unix: int | None, limit: int, offset: int
) -> Call:
    """GET /transactions. Documented: the comma list, `from`, `limit` and `offset`.

    Unknown: the meaning of `from` (inferred: created at). `project_id` and `location_id` are seen
    in two SDKs only and not sent: rows are matched by our own keys and references instead.
    """
    since = "" if since_unix is None else f"&from={since_unix - SINCE_MARGIN_S}"
    target = f"/transactions?status={','.join(statuses)}{since}&limit={limit}&offset={offset}"
    # With a date it is the search for a lost transaction; without one it is the regular poll.
    urgency = Urgency.POLL if since_unix is None else Urgency.SETTLE
    return Call("transactions", "GET", target, urgency)


def one_spot(spot_id: SpotId) -> Call:
    """GET /spot/{id}. Documented for users' apps; that a merchant may read it is inferred.

    A refusal named in SPOT_READ_REFUSALS is met by looking into the list of waiting spots.
    """
    return Call("spot", "GET", f"/spot/{_segment(spot_id)}", Urgency.SETTLE)


def one_transaction(key: TransactionKey) -> Call:
    """GET /transaction/{key}. Documented."""
    return Call("transaction", "GET", f"/transaction/{_segment(key)}", Urgency.SETTLE)


def create_transaction(request: NewTransaction) -> Call:
    """POST /transaction. Documented, but for the defaults of what is left out.

    Pages contradict each other on the defaults of `use_allowance` and of the reservation, so every
    switch is sent. `price` is in minor units (documented) and never together with `price_decimal`
    (documented as exclusive). `parameters.orderid` comes back with the payment (documented).
    """
    payment = {
        "description": request.description,
        "price": request.money.amount_minor,
        "currency": request.money.currency,
        "parameters": {"orderid": request.reference},
    }
    body = {
        "payments": [payment],
        "reserve": {"for": request.reserve_for_s},
        "auto_confirm": False,
        "use_allowance": False,
        "suggest_allowance": False,
    }
    return Call("create", "POST", "/transaction", Urgency.BEGIN, True, _json(body))


def link_order(spot_id: SpotId, key: TransactionKey) -> Call:
    """POST /spot/{id}/order. The path is documented; the body is inferred from an order."""
    target = f"/spot/{_segment(spot_id)}/order"
    body = _json({"transaction_key": key})
    return Call("link", "POST", target, Urgency.BEGIN, True, body)


def confirm_transaction(key: TransactionKey, lowered: Lowered | None = None) -> Call:
    """PUT /transaction/{key}/confirm. Documented; without a body as two of three SDKs send it.

    A lower price is an object keyed by the payment's id, with `price` and `currency`: documented,
    and in the form in which an SDK sends it.
    """
    target = f"/transaction/{_segment(key)}/confirm"
    if lowered is None:
        return Call("confirm", "PUT", target, Urgency.FINISH, True)
    price = {"price": lowered.money.amount_minor, "currency": lowered.money.currency}
    body = _json({lowered.payment_id: price})
    return Call("confirm", "PUT", target, Urgency.FINISH, True, body)


def revoke_transaction(key: TransactionKey) -> Call:
    """DELETE /transaction/{key}. Documented for every status before confirmed."""
    target = f"/transaction/{_segment(key)}"
    return Call("revoke", "DELETE", target, Urgency.SETTLE, True)


def close_spot(spot_id: SpotId) -> Call:
    """DELETE /spot/{id}. Documented; its answer and its effect on transactions are unknown."""
    return Call("close", "DELETE", f"/spot/{_segment(spot_id)}", Urgency.FINISH, True)


SERVER_TIME: Final = Call("server", "GET", "/server", Urgency.SETTLE)
"""Documented as needing no signature, beside a general text that says the opposite."""


# --- How lists go on ------------------------------------------------------------------------------


def next_page(page: PageFacts, *, asked_limit: int, asked_offset: int) -> tuple[int, int] | None:
    """Give the limit and offset of the page after this one; None: this was the last.

    Documented for transactions: total, offset and limit under `_metadata`. Seen in SDKs:
    `has_next`. Unknown for spots: without metadata their first page is taken for the whole list, as
    no limit was asked for. A full page under our own limit goes on unless its metadata denies it.
    """
    offset = asked_offset if page.offset is None else page.offset
    end = offset + page.rows
    if page.total is None and page.has_next is None:
        goes_on = asked_limit > 0 and page.rows >= asked_limit
    else:
        goes_on = bool(page.has_next) or (page.total or 0) > end
    if not goes_on:
        return None
    return asked_limit or page.limit or max(page.rows, 1), end


# --- Where answers hold what we need --------------------------------------------------------------

ORDER_PLACES: Final = ((), ("order",), ("spot",))
"""Unknown: what a link answers. An order itself (inferred), an order or a spot inside an object, or
a spot with its orders. If none shows our key the answer is a yes without the order."""

SPOT_PLACES: Final = ((), ("spot",))
TRANSACTION_PLACES: Final = ((), ("transaction",))
"""Seen in SDKs: the object itself. The wrapped form costs nothing to accept."""

REFERENCE_FIELD: Final = "orderid"
"""Documented by example; `parameters` is free, so it is what we sent."""

SPOT_STATUS_OF_ABSENT: Final = SpotStatus.OPEN
"""Inferred: a spot missing from the complete list of waiting ones is not checked in. Only used when
the wallet refuses to show a single spot to a merchant."""

SPOT_READ_REFUSALS: Final = frozenset({403, 405, 501})
"""Inferred: how a wallet would say that a merchant may not read a single spot."""


# --- How a sandbox is known -----------------------------------------------------------------------

SANDBOX_HEADER: Final = "X-Sandbox"
"""Ours: every answer of this project's sandbox carries it, and none of Paysera's does."""

SANDBOX_CLIENT_ID: Final = "wkVd93h2uS"
"""The sample that Paysera publishes, and the one that the sandbox knows. Whoever has another one
means the real wallet, and must not take a sandbox for it."""

SANDBOX_MET: Final = "a sandbox answers here, and these are not its credentials"


# --- How refusals are known -----------------------------------------------------------------------

_CLOCK_CODE: Final = "invalid_timestamp"
_CLOCK_FUTURE: Final = "Timestamp is in future"
_CLOCK_PAST: Final = "Timestamp lifetime exceeded"
_THROTTLED_CODE: Final = "rate_limit_exceeded"

UNDECIDED_STATUSES: Final = frozenset({408, 425})
"""Some front end gave up waiting: whether the wallet got the call is open."""


def is_clock_refusal(status: int, code: str, description: str) -> bool:
    """Tell whether a refusal is about the timestamp only.

    Seen in SDKs: one goes by the code, one by the two descriptions. Either will do. The tolerance
    is unknown.
    """
    if status != 401:
        return False
    return code == _CLOCK_CODE or _CLOCK_FUTURE in description or description == _CLOCK_PAST


def is_throttled(status: int, code: str) -> bool:
    """Tell whether we are asked to slow down: 429 (seen in an SDK) or the documented code."""
    return status == 429 or code == _THROTTLED_CODE


def is_believed_without_words(status: int, *, is_write: bool) -> bool:
    """Tell whether a 4xx without the wallet's error object is taken for the wallet's own.

    Documented: an answer that refuses carries an `error`. Seen in SDKs: a bare 401 happens. Any
    other page without one may come from a proxy before or after the wallet did its work, so for a
    write it decides nothing. For a read only "there is no such thing" would decide something.
    """
    if status in {401, 429}:
        return True
    return not is_write and status not in {404, 410}


def _segment(text: str) -> str:
    """Make any text one harmless path segment. Keys and ids are opaque (documented for keys)."""
    if text in {".", ".."}:
        return text.replace(".", "%2E")
    return quote(text, safe="", errors="replace")


def _json(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii")
