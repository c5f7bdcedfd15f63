"""Leaving nothing behind: every transaction of ours over, the spot free, or said what is left."""

from datetime import timedelta
from typing import Final

from worker.adapters.wallet import shapes
from worker.domain.ids import OrderReference, SpotId, TransactionKey
from worker.domain.outcome import Done
from worker.domain.wallet import PENDING, RELEASED, SpotStatus, TransactionStatus
from worker.ports import Clock
from worker.verbs.rehearse.line import SEARCHED, Line, Stopped
from worker.verbs.rehearse.note import Made, Note

SEARCH_MARGIN: Final = timedelta(seconds=120)
FORGOTTEN_S: Final = 600.0
"""How long a transaction that no search shows is searched for: nobody was shown it either."""
OVER: Final = RELEASED | {TransactionStatus.CONFIRMED}


async def clear(line: Line, note: Note, clock: Clock, *, is_same_guest: bool) -> list[str]:
    """End what the note names; give a sentence for each thing that is left.

    `is_same_guest`: the check-in at the spot is the one of this rehearsal, so it is closed even
    where its orders are not shown.
    """
    left = []
    for made in list(note.made):
        try:
            why = await end_transaction(line, made, clock)
        except Stopped as stopped:
            why = f"transaction {made.reference} may be open: {stopped}"
        if why:
            left.append(why)
        else:
            keys = {TransactionKey(made.key)} if made.key else set()
            try:
                why = await free_spot(line, note, keys, is_same_guest=is_same_guest)
            except Stopped as stopped:
                why = f"spot {note.spot_id} may be waiting: {stopped}"
            if why:
                left.append(why)
            else:
                note.made.remove(made)
    if not note.made and note.spot_id and not left:
        why = await free_spot(line, note, set(), is_same_guest=is_same_guest)
        left += [why] if why else []
    if not left:
        note.spot_id = ""
    note.save()
    return left


async def end_transaction(line: Line, made: Made, clock: Clock) -> str:
    """Withdraw a transaction that is not over; say what is left of it, or nothing."""
    if not made.key:
        made.key = await find(line, made, clock)
        if not made.key and clock.wall_s() - made.begun_unix > FORGOTTEN_S:
            return ""
        if not made.key:
            return (
                f"transaction {made.reference} may have been made and is not found; nobody was "
                "shown it, so nobody can pay it. Run rehearse again later to look for it"
            )
    key = TransactionKey(made.key)
    looked = await line.transaction(key)
    for _ in range(3):
        if looked is None or looked.status in OVER:
            return ""
        if looked.status in PENDING or looked.status is TransactionStatus.RESERVED:
            await line.send(shapes.revoke_transaction(key))
        else:
            await line.pause()
        looked = await line.transaction(key)
    if looked is None or looked.status in OVER:
        return ""
    return f"transaction {made.reference} is {looked.status_text}: withdraw it at Paysera"


async def find(line: Line, made: Made, clock: Clock) -> str:
    """Search for a transaction whose key never came; give its key, or nothing."""
    began = clock.now() - timedelta(seconds=max(0.0, clock.wall_s() - made.begun_unix))
    listed = await line.wallet.list_transactions(SEARCHED, began - SEARCH_MARGIN)
    if not isinstance(listed, Done):
        raise Stopped(f"the list of transactions can not be read ({listed})", 75)
    for row in listed.value:
        looked = await line.transaction(row.key)
        if looked is not None and looked.reference() == OrderReference(made.reference):
            return row.key
    return ""


async def free_spot(
    line: Line, note: Note, keys: set[TransactionKey], *, is_same_guest: bool
) -> str:
    """Close the spot if its guest is ours; say what is left, or nothing."""
    if not note.spot_id:
        return ""
    spot_id = SpotId(note.spot_id)
    spot = await line.spot(spot_id)
    if spot is None or spot.status is not SpotStatus.WAITING:
        return ""
    shown = {order.transaction_key for order in spot.orders or ()}
    is_ours = bool(shown & keys) or (is_same_guest and not shown - keys)
    if not is_ours:
        return ""  # Somebody else sits there now.
    await line.send(shapes.close_spot(spot_id))
    spot = await line.spot(spot_id)
    if spot is None or spot.status is not SpotStatus.WAITING:
        return ""
    return f"spot {spot.identifier} is still waiting: close it with Paysera's own tools"
