"""The floor, the probes and the figures of one moment, in plain values for whoever asks."""

from collections import Counter
from datetime import datetime
from typing import Final

from worker.domain.commands import WRITE_OF, WriteKind
from worker.domain.ids import LocationId
from worker.domain.money import Money
from worker.domain.visit import Step, Visit
from worker.ports import JsonValue
from worker.service.floor import (
    NOTES,
    SPOTS_SHOWN_MAX,
    FloorBook,
    Moment,
    SpotState,
    day_of,
    in_order,
    short,
    state_of,
)

POLL_AGE_S_MAX: Final = 60.0
NOTICE_AGE_S_MAX: Final = 60.0
CLOCK_OFFSET_S_MAX: Final = 5.0
ON_THE_WAY: Final = frozenset({SpotState.BILLED, SpotState.RESERVED})
"""More is to come of the table's bill, even if some of its parts are paid."""


def floor(book: FloorBook, moment: Moment, *, version: str, mode: str) -> dict[str, JsonValue]:
    """Draw the floor."""
    book.forget(moment.now)
    return {
        "version": version,
        "mode": mode,
        "is_draining": moment.is_draining,
        "at": moment.now.isoformat(timespec="milliseconds"),
        "day": day_of(moment.now).isoformat(),
        "troubles": troubles(book, moment),
        "locations": [location(book, moment, location_id) for location_id in book.locations],
        "loops": [
            {"name": short(name), "age_s": round(age_s, 1), "is_late": age_s > budget_s}
            for name, age_s, budget_s in moment.loops
        ],
        "last": [ended(book, one.visit, one.at) for one in book.last()],
        "notices": {
            "pending": moment.notices.pending,
            "oldest_age_s": round(moment.notices.oldest_age_s, 1),
        },
    }


def location(book: FloorBook, moment: Moment, location_id: LocationId) -> dict[str, JsonValue]:
    """Draw one location."""
    tables = book.seats(moment.open_visits).get(location_id, {})
    names = sorted(tables, key=in_order)
    takings = book.takings()
    return {
        "id": location_id,
        "name": name_of(book, location_id),
        "poll": poll(book, moment, location_id),
        "parked": sum(visit.location_id == location_id for visit in book.parked),
        "till_trouble": book.till_troubles.get(location_id),
        "spots": [spot(name, tables[name], moment.now) for name in names[:SPOTS_SHOWN_MAX]],
        "spots_left_out": max(0, len(names) - SPOTS_SHOWN_MAX),
        "takings": [
            {"currency": currency, "visits": count, "amount_minor": amount_minor}
            for (where, currency), (count, amount_minor) in sorted(takings.items())
            if where == location_id
        ],
    }


def poll(book: FloorBook, moment: Moment, location_id: LocationId) -> dict[str, JsonValue]:
    """Say how a location's polls go."""
    polls = book.polls[location_id]
    age_s = None if polls.good_at is None else (moment.now - polls.good_at).total_seconds()
    return {
        "age_s": None if age_s is None else round(max(0.0, age_s), 1),
        "took_ms": polls.took_ms,
        "result": polls.result,
        "trouble": polls.trouble,
    }


def spot(name: str, visit: Visit | None, now: datetime) -> dict[str, JsonValue]:
    """Draw one table."""
    state = SpotState.FREE if visit is None else state_of(visit, now)
    drawn: dict[str, JsonValue] = {"name": short(name), "state": state.value}
    if visit is None or state is SpotState.FREE:
        return drawn
    money = shown_money(visit, state)
    since = {SpotState.PAID: visit.paid_at, SpotState.PARKED: visit.since}.get(state)
    age_s = (now - (since or visit.opened_at)).total_seconds()
    note = "" if state is SpotState.PAID else NOTES.get(visit.step, "")
    if visit.is_held:
        note = "waiting for the final amount"
    elif visit.taken is not None and state in ON_THE_WAY:
        note = f"{visit.taken} of it paid"
    drawn |= {"visit": visit.label, "age_s": round(max(0.0, age_s), 1), "note": note}
    if money is not None:
        drawn |= {"amount_minor": money.amount_minor, "currency": money.currency}
    return drawn


def shown_money(visit: Visit, state: SpotState) -> Money | None:
    """Give what a table still shows as its bill, or what it has paid once that is all."""
    bill = visit.bill.money if visit.bill else None
    return bill if state in ON_THE_WAY else visit.taken or bill


def ended(book: FloorBook, visit: Visit, at: datetime) -> dict[str, JsonValue]:
    """Tell how a visit ended."""
    money = visit.taken or (visit.bill.money if visit.bill else None)
    return {
        "visit": visit.label,
        "location": name_of(book, visit.location_id),
        "table": short(visit.table),
        "end": visit.end.value if visit.end else visit.step.value,
        "reason": short(visit.reason),
        "is_parked": visit.step is Step.PARKED,
        "at": at.isoformat(timespec="seconds"),
        "lasted_s": round(max(0.0, (at - visit.opened_at).total_seconds()), 1),
        "amount_minor": money.amount_minor if money else None,
        "currency": money.currency if money else None,
    }


def name_of(book: FloorBook, location_id: LocationId) -> str:
    """Give a location's name for people."""
    return short(book.locations.get(location_id) or f"Location {location_id}")


def troubles(book: FloorBook, moment: Moment) -> list[str]:
    """Name what is wrong, one sentence each, the gravest first."""
    found = [f"The loop {short(name)} is stuck." for name in late(moment)]
    if not moment.is_ready:
        found.append("The worker is starting or stopping.")
    for location_id in book.locations:
        age_s = poll(book, moment, location_id)["age_s"]
        trouble = book.polls[location_id].trouble
        why = f": {trouble}" if trouble else ""
        if age_s is None:
            found.append(f"{name_of(book, location_id)}: Paysera was not reached yet{why}.")
        elif isinstance(age_s, float) and age_s > POLL_AGE_S_MAX:
            found.append(
                f"{name_of(book, location_id)}: no answer from Paysera for {age_s:.0f} s{why}."
            )
    parked = len(book.parked)
    if parked:
        visits = "1 visit needs" if parked == 1 else f"{parked} visits need"
        found.append(f"{visits} a human: paysera-worker visits --parked.")
    if moment.notices.oldest_age_s > NOTICE_AGE_S_MAX:
        found.append(
            f"The till was not told of {moment.notices.pending} paid; the worker keeps telling it."
        )
    for location_id, trouble in book.till_troubles.items():
        found.append(f"{name_of(book, location_id)}: the till has trouble: {trouble}")
    if moment.throttled_s > 0:
        found.append(f"Paysera asked for quiet for {moment.throttled_s:.0f} s more.")
    if abs(moment.clock_offset_s) > CLOCK_OFFSET_S_MAX:
        found.append(f"This machine's clock is {abs(moment.clock_offset_s):.0f} s wrong.")
    return found


def late(moment: Moment) -> list[str]:
    """Name the loops that did not turn in time."""
    return [name for name, age_s, budget_s in moment.loops if age_s > budget_s]


def why_not_live(moment: Moment) -> list[str]:
    """Say why only a restart would help. Never because of Paysera or a till."""
    return [f"the loop {short(name)} did not turn in time" for name in late(moment)]


def why_not_ready(book: FloorBook, moment: Moment) -> list[str]:
    """Say why no guest can be served just now."""
    found = []
    if not moment.is_ready:
        found.append("unfinished visits are being taken up, or the worker is stopping")
    if "journal" in late(moment):
        found.append("the journal does not answer")
    ages = [poll(book, moment, each)["age_s"] for each in book.locations]
    known = [age_s for age_s in ages if isinstance(age_s, float)]
    if not known:
        found.append("no location was polled with these credentials yet")
    elif min(known) > POLL_AGE_S_MAX:
        found.append(f"no location was polled well in the last {POLL_AGE_S_MAX:.0f} s")
    return found


def health(book: FloorBook, moment: Moment) -> dict[str, JsonValue]:
    """Say how each location is, for machines that ask."""
    is_well = not troubles(book, moment)
    locations: list[JsonValue] = []
    for location_id in book.locations:
        here = [v for v in moment.open_visits if v.location_id == location_id]
        answered = poll(book, moment, location_id)
        locations.append(
            {
                "id": location_id,
                "name": name_of(book, location_id),
                "poll_age_s": answered["age_s"],
                "poll_result": answered["result"],
                "last_error": answered["trouble"],
                "open_visits": len(here),
                "steps": dict(sorted(Counter(v.step.value for v in here).items())),
                "parked": sum(v.location_id == location_id for v in book.parked),
                "till_trouble": book.till_troubles.get(location_id),
            }
        )
    return {
        "state": "well" if is_well else "degraded",
        "troubles": troubles(book, moment),
        "locations": locations,
    }


def in_doubt(moment: Moment) -> dict[WriteKind, int]:
    """Count the writes that may have taken effect and are being looked after."""
    counts = dict.fromkeys(WriteKind, 0)
    for visit in moment.open_visits:
        kind = WRITE_OF.get(visit.step)
        if visit.is_doubtful and kind is not None:
            counts[kind] += 1
    return counts
