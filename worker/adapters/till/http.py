"""A till behind HTTP: the shop runs a small endpoint, which `docs/till-api.yaml` describes.

Every call may be repeated without harm: a look changes nothing, a lock asked for again by the same
visit is the same lock, and a notice carries an id by which the shop knows that it has it already.
"""

import asyncio
import json
import re
import urllib.parse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from standardwebhooks import Webhook

from worker import __version__
from worker.adapters.lanes import hush
from worker.adapters.till import http_answer
from worker.adapters.till.connector import BillGone, Document, Refused, TillError
from worker.adapters.till.http_line import Line, Reply, tls_context
from worker.adapters.till.notice_body import notice_body
from worker.adapters.till.plain_json import READ_AT_ONCE_BYTES
from worker.domain.notice import Notice
from worker.ports import Clock

TIME_LIMIT_S: Final = 4.5
"""A little less than the guard waits, so that what the log says is what was late."""
CHECK_NAME: Final = "__check__"
"""A spot and a bill that no shop has."""

T = TypeVar("T")

_WEBHOOK_ID: Final = re.compile(r"[A-Za-z0-9_:-]{1,128}")
"""No dot: the signature joins id, time and body with dots."""


class HttpTill:
    """The connector to a shop's endpoint.

    Args:
        url: where the endpoint's paths begin; https, or http on this machine.
        signing_secret: what notices are signed with, as Standard Webhooks writes it (`whsec_...`).
        clock: its `wall_s` gives the time in a signature.
        check_location: a location to ask about when the way is only tried.
        token: sent as a bearer token (RFC 6750 2.1); None: not.
        lock: whether the shop can lock bills.
        ca_file: PEM file of the authorities to trust instead of the system's; None: the system's.
        client_cert: PEM file of the certificate that we show; None: none.
        client_key: PEM file of the key that belongs to it.
        time_limit_s: how long one call may take, whatever it waits for.

    Raises:
        TillError: a certificate's file can not be used, and which.

    """

    def __init__(
        self,
        *,
        url: str,
        signing_secret: str,
        clock: Clock,
        check_location: int,
        token: str | None = None,
        lock: bool = False,
        ca_file: Path | None = None,
        client_cert: Path | None = None,
        client_key: Path | None = None,
        time_limit_s: float = TIME_LIMIT_S,
    ) -> None:
        hush()
        self._url = url.rstrip("/")
        self._token = token
        self._can_lock = lock
        self._clock = clock
        self._check_location = check_location
        self._webhook = Webhook(signing_secret)
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"paysera-worker/{__version__}",
        }
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        is_tls = urllib.parse.urlsplit(url).scheme == "https"
        tls = None
        if is_tls:
            tls = tls_context(ca_file=ca_file, client_cert=client_cert, client_key=client_key)
        self._line = Line(url=self._url, tls=tls, headers=headers, time_limit_s=time_limit_s)

    @property
    def can_lock(self) -> bool:
        """Whether the operator says that the shop can lock bills."""
        return self._can_lock

    async def open_bills(self, location_id: int, spot: str) -> Sequence[Document]:
        """Ask `GET /bills`."""
        target = f"/bills?location_id={location_id}&spot={_quoted(spot)}"
        with _Telling(self._url, "GET", "/bills", self._token):
            reply = await self._line.carry(location_id, "GET", target)
            return await _read(http_answer.bills_in, reply)

    async def lock(
        self, location_id: int, spot: str, bill_id: str, visit: str, seconds: int
    ) -> Document:
        """Ask `POST /bills/{bill_id}/lock`."""
        told = {"location_id": location_id, "spot": spot, "visit": visit, "seconds": seconds}
        with _Telling(self._url, "POST", "/bills/.../lock", self._token):
            reply = await self._of_bill(location_id, bill_id, "lock", told)
            return await _read(lambda of: http_answer.locked_bill_in(of, bill_id), reply)

    async def unlock(self, location_id: int, spot: str, bill_id: str, visit: str) -> None:
        """Ask `POST /bills/{bill_id}/unlock`."""
        told = {"location_id": location_id, "spot": spot, "visit": visit}
        with _Telling(self._url, "POST", "/bills/.../unlock", self._token):
            reply = await self._of_bill(location_id, bill_id, "unlock", told)
            # Gone or somebody else's by now: either way there is no lock of ours.
            if reply.status != 409 and not http_answer.is_gone(reply):
                await _read(http_answer.accept, reply)

    async def post(self, notice: Notice) -> None:
        """Tell `POST /payments`, signed as Standard Webhooks says.

        The body is the same in each repetition of a notice; the time and the signature are not.
        """
        body = notice_body(notice)
        with _Telling(self._url, "POST", "/payments", self._token):
            headers = self._signed(notice.notice_id, body)
            reply = await self._line.carry(
                notice.location_id, "POST", "/payments", body=body, headers=headers
            )
            await _read(http_answer.accept, reply)

    async def check(self) -> Sequence[str]:
        """Ask for the bills of a spot that no shop has, and for the lock of such a bill.

        Only "gone" is what an honest shop says of that bill. Where the address is not there at all,
        no guest's payment would ever be taken.
        """
        try:
            bills = await self.open_bills(self._check_location, CHECK_NAME)
            if bills:
                return [
                    f"the till at {self._url}: it gives {len(bills)} bills for the spot "
                    f"{CHECK_NAME!r}, which no shop has; does it look at which spot is asked for?"
                ]
        except TillError as error:
            return [str(error)]
        if not self._can_lock:
            return []
        try:
            await self.lock(self._check_location, CHECK_NAME, CHECK_NAME, CHECK_NAME, 1)
        except BillGone:
            return []
        except TillError as error:
            return [
                f"{error}; a lock of a bill that is not there is answered 410, or 404 with "
                '{"error": "..."}; a shop without locks needs till.lock = false'
            ]
        return [f"the till at {self._url}: it locks a bill {CHECK_NAME!r} that nobody made"]

    async def aclose(self) -> None:
        """Close the connections. A till that hangs is not waited for."""
        await self._line.aclose()

    async def _of_bill(
        self, location_id: int, bill_id: str, what: str, told: dict[str, object]
    ) -> Reply:
        if not self._can_lock:
            raise TillError("till.lock is false: this shop's bills are not locked")
        if bill_id in {".", ".."}:
            raise Refused("a bill can not be locked whose id is a dot: addresses shorten it away")
        target = f"/bills/{_quoted(bill_id)}/{what}"
        body = json.dumps(told).encode("ascii")
        return await self._line.carry(location_id, "POST", target, body=body)

    def _signed(self, notice_id: str, body: bytes) -> dict[str, str]:
        if not _WEBHOOK_ID.fullmatch(notice_id):
            raise Refused("the notice's id can not be written into a header")
        wall_s = int(self._clock.wall_s())
        told_at = datetime.fromtimestamp(wall_s, UTC)
        return {
            "webhook-id": notice_id,
            "webhook-timestamp": str(wall_s),
            "webhook-signature": self._webhook.sign(notice_id, told_at, body.decode("ascii")),
        }


async def _read(how: Callable[[Reply], T], reply: Reply) -> T:
    """Read an answer; a large one beside the loop, so that it holds up no other location."""
    if len(reply.body) > READ_AT_ONCE_BYTES:
        return await asyncio.to_thread(how, reply)
    return how(reply)


def _quoted(text: str) -> str:
    """Write a text into an address so that every byte of it is taken as it is."""
    return urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe="")


class _Telling:
    """Says in each TillError which call it was, and takes our token out of a shop's words."""

    def __init__(self, url: str, method: str, path: str, token: str | None) -> None:
        self._what = f"the till at {url}: {method} {path}"
        self._token = token

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, TillError | BillGone):
            text = str(error)
            if self._token:
                text = text.replace(self._token, "***")  # Some servers send back what they got.
            raise type(error)(f"{self._what}: {text}") from None
