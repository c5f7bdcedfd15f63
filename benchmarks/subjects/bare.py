"""The baseline: the same signed calls in the same order over the same lanes, and nothing else.

No journal, no decisions, no log, no reading of answers but for the ids that the next call needs.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from typing import Any, Final

import httpx

from benchmarks.stage import CLIENT_ID, LOCATION_ID, MAC_KEY
from benchmarks.subjects.protocol import Took, obey
from worker.adapters.lanes import Lanes
from worker.adapters.wallet.mac import MacAuth

LANES: Final = 16
"""As many as the worker has."""

SPOTS_PER_PAGE: Final = 20
"""The sandbox's page when no other is asked for."""

HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "bare",
    "Content-Type": "application/json",
}


class Bare:
    """A burst of visits as plain calls."""

    def __init__(self, port: int) -> None:
        url = httpx.URL(f"http://127.0.0.1:{port}/rest/v1")
        self._base = str(url)
        self._http = httpx.AsyncClient(
            transport=Lanes(count=LANES, is_tls=False),
            auth=MacAuth(client_id=CLIENT_ID, mac_key=MAC_KEY, base_url=url, now=time.time),
            headers=HEADERS,
            trust_env=False,
            timeout=10.0,
        )
        self._gate = asyncio.Semaphore(LANES)
        self._listed_s = 0.0
        self._offers: list[tuple[str, str]] = []
        self._totals_s: list[float] = []

    async def offer(self, guests: int) -> None:
        ids: list[str] = []
        while len(ids) < guests:
            page = f"&limit={SPOTS_PER_PAGE}&offset={len(ids)}" if ids else ""
            target = f"/spots?status=waiting&location_id={LOCATION_ID}{page}"
            spots = json.loads(await self._call("GET", target))["spots"]
            if not spots:
                raise RuntimeError(f"{len(ids)} spots wait, not {guests}")
            ids += [str(spot["id"]) for spot in spots]
        self._listed_s = time.perf_counter()
        self._offers = await asyncio.gather(*(self._offer_one(spot_id) for spot_id in ids))

    async def _offer_one(self, spot_id: str) -> tuple[str, str]:
        await self._call("GET", f"/spot/{spot_id}")
        made = json.loads(await self._call("POST", "/transaction", new_transaction(spot_id)))
        key = str(made["transaction_key"])
        await self._call("POST", f"/spot/{spot_id}/order", encode({"transaction_key": key}))
        self._totals_s.append(time.perf_counter() - self._listed_s)
        return spot_id, key

    async def finish(self, guests: int) -> None:
        await self._call("GET", "/transactions?status=reserved&limit=200&offset=0")
        await asyncio.gather(*(self._finish_one(*offer) for offer in self._offers))

    async def _finish_one(self, spot_id: str, key: str) -> None:
        await self._call("GET", f"/transaction/{key}")
        await self._call("PUT", f"/transaction/{key}/confirm")
        await self._call("GET", f"/transaction/{key}")
        await self._call("GET", f"/spot/{spot_id}")
        await self._call("DELETE", f"/spot/{spot_id}")
        await self._call("GET", f"/spot/{spot_id}")

    async def _call(self, method: str, target: str, body: bytes | None = None) -> bytes:
        async with self._gate:
            answer = await self._http.request(method, self._base + target, content=body)
        if answer.status_code != 200:
            raise RuntimeError(f"{method} {target}: HTTP {answer.status_code}")
        return answer.content

    def fill(self, took: Took) -> None:
        took.totals_s, self._totals_s = self._totals_s, []

    async def hang_up(self) -> None:
        await self._http.aclose()


def new_transaction(spot_id: str) -> bytes:
    """Word a request as the worker does."""
    payment = {
        "description": "Table table1 #ABCDEF",
        "price": 1250,
        "currency": "EUR",
        "parameters": {"orderid": f"v1.abcdefgh.{LOCATION_ID}.{spot_id}.abcdef1"},
    }
    return encode(
        {
            "payments": [payment],
            "reserve": {"for": 900},
            "auto_confirm": False,
            "use_allowance": False,
            "suggest_allowance": False,
        }
    )


def encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii")


async def serve(port: int) -> None:
    """Obey."""
    bare = Bare(port)
    await obey({"offer": bare.offer, "finish": bare.finish}, bare.fill)
    await bare.hang_up()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1])))
