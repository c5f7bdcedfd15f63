"""The steps of a rehearsal, in the order of a real visit. Each says what it will do, then does it.

What a step finds goes to the line; what it makes goes to the note before the call leaves.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from worker.adapters.wallet import shapes, wire
from worker.adapters.wallet.budget import Urgency
from worker.domain.commands import Lowered
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.outcome import Done
from worker.domain.wallet import NewTransaction, SpotStatus, TransactionStatus
from worker.ports import Clock
from worker.verbs.rehearse.line import Line, Stopped, object_in, repeat_of, shape_of
from worker.verbs.rehearse.note import Made, Note

RESERVE_FOR_S: Final = 900
FRESH_S: Final = 10.0
"""How long a search may take to show a fresh transaction: Policy.create_grace_s."""
LIST_LAG_S: Final = 10.0
LOCATIONS: Final = shapes.Call("locations", "GET", "/locations", Urgency.POLL)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    title: str
    what: str
    do: Callable[[], Awaitable[str]]
    """Gives one sentence: what came of it."""


class Play:
    """One rehearsal: a table, an amount, and how far it got."""

    def __init__(
        self,
        line: Line,
        note: Note,
        clock: Clock,
        *,
        nonce: str,
        location_id: LocationId,
        table: str,
        money: Money,
        tries_lowered: bool,
        patience_s: float,
    ) -> None:
        self._line = line
        self._note = note
        self._clock = clock
        self._nonce = nonce
        self._location_id = location_id
        self._table = table
        self._money = money
        self._tries_lowered = tries_lowered
        self._patience_s = patience_s
        self._count = 0
        self._spot_id = SpotId("")
        self._key = TransactionKey("")
        self._payment_id: str | None = None
        self._is_taken = False

    def steps(self) -> Iterator[Step]:
        """Give the steps, in order."""
        table, money = self._table, self._money
        yield Step("Credentials", "Read the list of waiting tables, signed.", self.read_list)
        yield Step("Clock", "Ask for Paysera's time.", self.read_clock)
        yield Step("Locations", "Read the list of locations.", self.read_locations)
        yield Step(
            "A transaction that nobody sees",
            f"Make one of {money}, look for it, and withdraw it. Nobody can pay it.",
            self.make_unseen,
        )
        yield Step(
            "Scan",
            f"Wait until you scan the code of {table} with Paysera's app on your own phone.",
            self.await_scan,
        )
        yield Step("The table", "Read that one spot.", self.read_spot)
        yield Step("The bill", f"Make a transaction of {money}, put it on the spot.", self.offer)
        yield Step(
            "Accept", f"Wait until you accept {money} on your phone. It is real.", self.await_yes
        )
        if self._tries_lowered:
            yield Step("Less", "Confirm one minor unit less than you agreed to.", self.take_less)
        yield Step("Take it", f"Confirm: {money} leave your account. Then once more.", self.take)
        yield Step("Free the table", "Close the spot, and once more at once.", self.close)

    async def read_list(self) -> str:
        """Tell whether the list can be read, and is empty of our table."""
        reply = await self._line.yes(shapes.waiting_spots(self._location_id))
        page = wire.read_spots(reply.body)
        if isinstance(page, wire.Unreadable):
            raise Stopped(f"the list of waiting spots can not be read: {page.why}")
        has_metadata = isinstance(object_in(reply).get("_metadata"), dict)
        self._line.found("spots.metadata", "told" if has_metadata else "untold")
        if any(spot.identifier == self._table for spot in page.rows):
            raise Stopped(f"somebody sits at {self._table} already; take a table that is free")
        return f"the credentials are accepted; {len(page.rows)} tables wait"

    async def read_clock(self) -> str:
        """Tell how far off our clock is."""
        reply = await self._line.send(shapes.SERVER_TIME, is_signed=False)
        if reply.status == 401:
            self._line.found("server.unsigned", "signed")
            reply = await self._line.yes(shapes.SERVER_TIME)
        elif reply.is_yes():
            self._line.found("server.unsigned", "open")
        time = wire.read_server_time(reply.body)
        if isinstance(time, wire.Unreadable):
            return f"its time can not be read: {time.why}"
        return f"this machine's clock is {time - self._clock.wall_s():+.0f} s behind Paysera's"

    async def read_locations(self) -> str:
        """Tell whether our location is among them."""
        reply = await self._line.send(LOCATIONS, is_signed=False)
        if not reply.is_yes():
            return f"not shown (HTTP {reply.status}); the worker does not need it"
        rows = object_in(reply).get("locations")
        listed = rows if isinstance(rows, list) else []
        ids = [row.get("id") for row in listed if isinstance(row, dict)]
        seen = "is" if self._location_id in ids else "is not on the first page"
        return f"shown; location {self._location_id} {seen}"

    async def make_unseen(self) -> str:
        """Make, search and withdraw."""
        key = await self.create()
        fresh = await self.search(key)
        await self.read_unknown()
        reply = await self._line.yes(shapes.revoke_transaction(key))
        shape = shape_of(reply, transaction="transaction_key")
        self._line.found("transaction.revoke.answer", shape)
        looked = await self._line.transaction(key)
        status = "missing" if looked is None else looked.status_text
        self._line.found("transaction.revoke.new", status)
        return f"a search {fresh}; withdrawn, it is {status}"

    async def create(self) -> TransactionKey:
        """Make a transaction; its reference is noted first."""
        self._count += 1
        reference = OrderReference(f"rehearsal.{self._nonce}.{self._count}")
        made = Made(reference, self._clock.wall_s())
        self._note.made.append(made)
        self._note.save()
        request = NewTransaction(reference, self._money, "Rehearsal", RESERVE_FOR_S)
        reply = await self._line.yes(shapes.create_transaction(request))
        created = wire.read_created(reply.body)
        if isinstance(created, wire.Unreadable):
            raise Stopped(f"the new transaction can not be read: {created.why}")
        made.key = created.key
        self._note.save()
        shape = "key" if created.payments is None else "full"
        self._line.found("transaction.create.answer", shape)
        looked = await self._line.transaction(created.key)
        if looked is None or looked.payments is None or len(looked.payments) != 1:
            raise Stopped("the new transaction does not show its one payment")
        if looked.payments[0].money != self._money:
            raise Stopped(f"Paysera made it {looked.payments[0].money}, not {self._money}")
        is_back = looked.reference() == reference
        self._line.found("payment.reference", "returned" if is_back else "dropped")
        self._payment_id = looked.payments[0].payment_id
        return created.key

    async def search(self, key: TransactionKey) -> str:
        """Tell when a search shows a fresh transaction."""
        since = self._clock.now() - timedelta(seconds=120)
        began_s = self._clock.ticks_s()
        for tries in range(1000):
            if await self._line.is_listed(key, (TransactionStatus.NEW,), since):
                self._line.found("transactions.new", "late" if tries else "listed")
                return f"shows it after {self._clock.ticks_s() - began_s:.1f} s"
            if self._clock.ticks_s() - began_s > FRESH_S:
                break
            await self._line.pause()
        self._line.found("transactions.new", "unlisted")
        return f"does not show it in {FRESH_S:.0f} s"

    async def read_unknown(self) -> None:
        """Ask for what does not exist."""
        nobody = TransactionKey(f"rehearsal-{self._nonce}-nobody")
        reply = await self._line.send(shapes.one_transaction(nobody))
        is_no = repeat_of(reply) == "refused"
        missing = "missing" if reply.status in {404, 410} else "refused"
        self._line.found("transaction.unknown", missing if is_no else None)

    async def await_scan(self) -> str:
        """Wait for the operator's check-in."""
        until_s = self._clock.ticks_s() + self._patience_s
        while self._clock.ticks_s() < until_s:
            listed = await self._line.wallet.list_waiting_spots(self._location_id)
            spots = listed.value.spots if isinstance(listed, Done) else ()
            for spot in spots:
                if spot.identifier != self._table:
                    continue
                if spot.orders:
                    raise Stopped("the spot carries an order already; does a till or worker run?")
                self._spot_id = spot.spot_id
                self._note.spot_id, self._note.location_id = spot.spot_id, self._location_id
                self._note.save()
                return "you are checked in"
            await self._line.pause()
        raise Stopped(f"nobody scanned {self._table} in {self._patience_s:.0f} s")

    async def read_spot(self) -> str:
        """Tell whether one spot is shown, and its orders."""
        reply = await self._line.send(shapes.one_spot(self._spot_id))
        if reply.is_yes():
            self._line.found("spot.single", "shown")
        elif reply.status in shapes.SPOT_READ_REFUSALS:
            self._line.found("spot.single", "refused")
        else:
            self._line.found("spot.single", None)
        return "shown" if reply.is_yes() else f"not shown (HTTP {reply.status})"

    async def offer(self) -> str:
        """Put the bill on the spot."""
        self._key = await self.create()
        reply = await self._line.yes(shapes.link_order(self._spot_id, self._key))
        shape = shape_of(reply, order="transaction_key", wrapped="order", spot="identifier")
        self._line.found("order.create.answer", shape)
        spot = await self._line.spot(self._spot_id)
        if spot is None:
            raise Stopped("the spot is gone")
        self._line.found("spot.orders", "hidden" if spot.orders is None else "shown")
        return "the bill is on your phone"

    async def await_yes(self) -> str:
        """Wait until the money is held, and see whether the list shows it."""
        until_s = self._clock.ticks_s() + self._patience_s
        while self._clock.ticks_s() < until_s:
            looked = await self._line.transaction(self._key)
            if looked is None:
                raise Stopped("the transaction is gone")
            if looked.status is TransactionStatus.RESERVED:
                return await self.see_reserved()
            if looked.status is TransactionStatus.CONFIRMED:
                raise Stopped("it is confirmed already, and not by us: does a worker run?")
            if looked.status is TransactionStatus.REJECTED:
                raise Stopped("you declined it")
            await self._line.pause()
        raise Stopped(f"nobody accepted it in {self._patience_s:.0f} s")

    async def see_reserved(self) -> str:
        """Look for the reservation in the list."""
        began_s = self._clock.ticks_s()
        while self._clock.ticks_s() - began_s <= LIST_LAG_S:
            if await self._line.is_listed(self._key, (TransactionStatus.RESERVED,), None):
                self._line.found("transactions.reserved", "listed")
                return "the money is held, and the list shows it"
            await self._line.pause()
        self._line.found("transactions.reserved", "unlisted")
        return "the money is held; the list does not show it"

    async def take_less(self) -> str:
        """Confirm less; if that is refused, the next step takes all of it."""
        if self._payment_id is None:
            return "not tried: the payment has no id"
        less = Money(self._money.amount_minor - 1, self._money.currency)
        call = shapes.confirm_transaction(self._key, Lowered(self._payment_id, less))
        reply = await self._line.send(call)
        looked = await self._line.transaction(self._key)
        if looked is not None and looked.status is TransactionStatus.CONFIRMED:
            self._is_taken = True
            payment = (looked.payments or (None,))[0]
            is_less = payment is not None and payment.money == less
            self._line.found("transaction.confirm.lowered", "taken" if is_less else None)
            shape = shape_of(reply, transaction="transaction_key")
            self._line.found("transaction.confirm.answer", shape)
            return f"{less} are taken" if is_less else "it was taken, and not for less"
        is_no = repeat_of(reply) == "refused"
        self._line.found("transaction.confirm.lowered", "refused" if is_no else None)
        return f"refused (HTTP {reply.status})"

    async def take(self) -> str:
        """Confirm, see it taken, and confirm again."""
        if not self._is_taken:
            reply = await self._line.yes(shapes.confirm_transaction(self._key))
            shape = shape_of(reply, transaction="transaction_key")
            self._line.found("transaction.confirm.answer", shape)
        looked = await self._line.transaction(self._key)
        if looked is None or looked.status is not TransactionStatus.CONFIRMED:
            raise Stopped("Paysera said yes to the confirm, and the transaction does not show it")
        again = await self._line.send(shapes.confirm_transaction(self._key))
        self._line.found("transaction.confirm.repeated", repeat_of(again))
        spot = await self._line.spot(self._spot_id)
        statuses = [o.status for o in (spot.orders if spot else None) or ()]
        if statuses:
            self._line.found("order.after_confirm", statuses[0])
        return f"it is taken; a second confirm is {repeat_of(again) or 'something else'}"

    async def close(self) -> str:
        """Close, see it free, and close again before anybody can sit down."""
        reply = await self._line.yes(shapes.close_spot(self._spot_id))
        self._line.found("spot.close.answer", shape_of(reply, spot="identifier"))
        spot = await self._line.spot(self._spot_id)
        if spot is not None and spot.status is SpotStatus.WAITING:
            raise Stopped("Paysera said yes to the close, and the spot still waits")
        self._note.spot_id = ""  # Whoever sits down there now is somebody else's guest.
        self._note.save()
        if spot is not None and spot.orders is not None:
            keys = {order.transaction_key for order in spot.orders}
            self._line.found("spot.close.orders", "kept" if self._key in keys else "gone")
        again = await self._line.send(shapes.close_spot(self._spot_id))
        self._line.found("spot.close.repeated", repeat_of(again))
        return f"it is free; a second close is {repeat_of(again) or 'something else'}"
