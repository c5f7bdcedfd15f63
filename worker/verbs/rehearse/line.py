"""The line to the wallet: single calls whose answers are kept as they came, and looks that decide.

Everything here belongs to one rehearsal. What is found is noted under an assumption's name; an
answer that nobody foresaw is noted as such and never forced into one that somebody did.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from worker.adapters.wallet import shapes
from worker.adapters.wallet.client import WalletClient
from worker.adapters.wallet.failures import Reply
from worker.domain.ids import SpotId, TransactionKey
from worker.domain.outcome import Done, Refusal, Refused
from worker.domain.wallet import Spot, Transaction, TransactionStatus
from worker.ports import JsonValue
from worker.verbs.rehearse.assumptions import BY_NAME
from worker.verbs.rehearse.recording import exchange_of, json_of

SEARCHED: Final = (
    TransactionStatus.NEW,
    TransactionStatus.WAITING,
    TransactionStatus.RESERVED,
)


class Stopped(Exception):
    """The rehearsal can not go on; the text says why and what to do."""

    def __init__(self, why: str, exit_code: int = 1) -> None:
        super().__init__(why)
        self.exit_code = exit_code


class Line:
    """One wallet, and what was learned of it."""

    def __init__(self, wallet: WalletClient, pace_s: float) -> None:
        self.wallet = wallet
        self.pace_s = pace_s
        self.findings: dict[str, str] = {}
        self.unforeseen: set[str] = set()
        self.exchanges: list[Mapping[str, JsonValue]] = []

    def found(self, name: str, value: str | None) -> str | None:
        """Note what was found, or that it is nothing that anybody foresaw (None)."""
        if value in BY_NAME[name].answers:
            self.findings[name] = str(value)
        else:
            self.unforeseen.add(name)
        return value

    async def send(self, call: shapes.Call, *, is_signed: bool = True) -> Reply:
        """Send one call, once, and keep its answer.

        Raises:
            Stopped: there was no answer, or the credentials are not accepted.

        """
        answer = await self.wallet.exchange(call, is_signed=is_signed)
        if not isinstance(answer, Reply):
            self.exchanges.append(exchange_of(call, str(answer)))
            if self.wallet.health.is_sandbox:
                raise Stopped(f"{answer}: check wallet.base_url and wallet.client_id", 78)
            raise Stopped(f"{call.op}: no answer ({answer}); check the network and try again", 75)
        self.exchanges.append(exchange_of(call, answer))
        if answer.status == 401 and is_signed:
            raise Stopped("Paysera refuses wallet.client_id and wallet.mac_key", 77)
        if answer.status == 429:
            raise Stopped("Paysera asks for quiet; try again in some minutes", 75)
        return answer

    async def yes(self, call: shapes.Call) -> Reply:
        """Send one call that has to be accepted."""
        answer = await self.send(call)
        if not answer.is_yes():
            raise Stopped(
                f"{call.op} was refused with HTTP {answer.status} {word_in(answer, 'error')}: "
                "see docs/assumptions.md, and ask Paysera"
            )
        return answer

    async def transaction(self, key: TransactionKey) -> Transaction | None:
        """Look at a transaction; None: there is none.

        Raises:
            Stopped: nobody knows.

        """
        looked = await self.wallet.look_at_transaction(key)
        if isinstance(looked, Done):
            return looked.value
        if isinstance(looked, Refused) and looked.refusal in {Refusal.MISSING, Refusal.STATE}:
            return None
        raise Stopped(f"the transaction can not be read ({looked})", 75)

    async def spot(self, spot_id: SpotId) -> Spot | None:
        """Look at a spot; None: there is none.

        Raises:
            Stopped: nobody knows.

        """
        looked = await self.wallet.look_at_spot(spot_id)
        if isinstance(looked, Done):
            return looked.value
        if isinstance(looked, Refused) and looked.refusal is Refusal.MISSING:
            return None
        raise Stopped(f"the spot can not be read ({looked})", 75)

    async def is_listed(
        self, key: TransactionKey, statuses: Sequence[TransactionStatus], since: datetime | None
    ) -> bool:
        """Tell whether a list of transactions shows one."""
        listed = await self.wallet.list_transactions(statuses, since)
        if not isinstance(listed, Done):
            raise Stopped(f"the list of transactions can not be read ({listed})", 75)
        return any(row.key == key for row in listed.value)

    async def pause(self) -> None:
        """Wait until the next poll."""
        await asyncio.sleep(self.pace_s)


def object_in(reply: Reply) -> Mapping[str, object]:
    """Give an answer's object; an empty one when it is none, or an empty list."""
    read = json_of(reply.body)
    return read if isinstance(read, dict) else {}


def word_in(reply: Reply, name: str) -> str:
    """Give a word of an answer that may be shown."""
    word = object_in(reply).get(name)
    return word[:60] if isinstance(word, str) and word.isprintable() else ""


def shape_of(reply: Reply, **marks: str) -> str | None:
    """Name an answer's shape by a field that it has; "empty" for nothing; None: another one."""
    found = object_in(reply)
    for shape, mark in marks.items():
        if mark in found:
            return shape
    return "empty" if not found and json_of(reply.body) in ({}, [], None) else None


def repeat_of(reply: Reply) -> str | None:
    """Say how a repeated write was answered; None: neither yes nor the wallet's own no."""
    if reply.is_yes():
        return "accepted"
    is_no = 400 <= reply.status < 500 and bool(word_in(reply, "error"))
    return "refused" if is_no else None
