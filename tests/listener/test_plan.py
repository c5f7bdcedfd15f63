"""The floor and the probes as plain values, from visits placed by hand."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.listener.scene import (
    EVENING,
    HALL,
    KEY,
    LOOPS,
    NAMES,
    TERRACE,
    a_book,
    a_moment,
    a_paid,
    a_visit,
    an_end,
    an_owed,
    in_parts,
    on_hold,
    open_visits,
    parked,
    polled,
)
from worker.domain.commands import WriteKind
from worker.domain.ids import LocationId
from worker.domain.visit import End, Step, Visit
from worker.service import plan
from worker.service.floor import STATES, FloorBook, Notices, SpotState, in_order, notices_of

PAGE: Final = Path(plan.__file__).parents[1] / "adapters/listener/page"


def drawn(book: FloorBook, visits: list[Visit], **more: Any) -> dict[str, Any]:
    """Draw the floor and read it as a browser would."""
    moment = a_moment(visits, **more)
    text = json.dumps(plan.floor(book, moment, version="1", mode="live"))
    read: dict[str, Any] = json.loads(text)
    return read


def spots(floor: dict[str, Any], place: int = 0) -> dict[str, dict[str, Any]]:
    return {spot["name"]: spot for spot in floor["locations"][place]["spots"]}


def test_every_step_has_its_state_on_the_floor() -> None:
    """A step that is added has to say how its table looks."""
    assert set(STATES) == set(Step)


@pytest.mark.parametrize(
    ("step", "more", "state"),
    [
        (Step.SEEN, {}, "waiting"),
        (Step.CREATING, {}, "waiting"),
        (Step.LINKING, {}, "waiting"),
        (Step.OFFERED, {}, "billed"),
        (Step.CONFIRMING, {}, "reserved"),
        (Step.REVOKING, {}, "billed"),
        (Step.CLOSING, {}, "waiting"),
        (Step.CLOSING, {"paid_at": EVENING}, "paid"),
        (Step.PARKED, {"paid_at": EVENING}, "parked"),
    ],
)
def test_a_table_shows_where_its_visit_stands(step: Step, more: Any, state: str) -> None:
    found = spots(drawn(FloorBook(NAMES), [a_visit(1, "table1", step, **more)]))["table1"]

    assert (found["state"], found["visit"], found["amount_minor"]) == (state, "v-0001", 1250)


def test_a_paid_table_glows_for_two_minutes_and_is_free_after() -> None:
    book = FloorBook(NAMES)
    book.remember([a_paid(1, "table1", 900, ago_s=119), a_paid(2, "table2", 900, ago_s=121)])
    found = spots(drawn(book, []))

    assert found["table1"]["state"] == "paid"
    assert found["table2"] == {"name": "table2", "state": "free"}


def test_the_newest_visit_of_a_table_says_how_it_is() -> None:
    """A parked visit is covered by the next guest and shows again after."""
    book = a_book()
    floor = drawn(book, [a_visit(200, "table17", Step.OFFERED)])
    assert spots(floor)["table17"]["state"] == "billed"
    assert spots(drawn(book, []))["table17"]["state"] == "parked"
    book.parked = ()  # A human has looked after it; the journal says so.
    assert drawn(book, [])["locations"][0]["parked"] == 0


def test_the_takings_are_the_day_s_by_location_and_survive_a_restart() -> None:
    """Yesterday's are not today's, nobody is counted twice, and an open paid visit counts."""
    day = a_paid(1, "table1", 1000, ago_s=3600)
    book = FloorBook(NAMES)
    book.wrote(day)
    book.remember([day, a_paid(2, "table2", 500, ago_s=86400 * 1.2), a_paid(3, "t1", 70, ago_s=9,
                   location=TERRACE)])  # fmt: skip
    book.wrote(a_visit(4, "table4", Step.CLOSING, minor=250, paid_at=EVENING, taken_minor=250))
    book.wrote(a_visit(5, "table5", Step.CONFIRMING, minor=99999))
    floor = drawn(book, [])

    assert floor["locations"][0]["takings"] == [
        {"currency": "EUR", "visits": 2, "amount_minor": 1250}
    ]
    assert floor["locations"][1]["takings"] == [
        {"currency": "EUR", "visits": 1, "amount_minor": 70}
    ]
    tomorrow = EVENING + timedelta(days=1)
    assert drawn(book, [], now=tomorrow)["locations"][0]["takings"] == []


def test_the_last_visits_come_newest_first() -> None:
    book = FloorBook(NAMES)
    book.wrote(an_end(9, "table9", End.LEFT, ago_s=5))
    earlier = [an_end(n, "table1", End.DECLINED, ago_s=1000 - n) for n in range(1, 9)]
    book.remember([*earlier, an_end(9, "table9", End.LEFT, ago_s=5)])
    last = drawn(book, [])["last"]
    assert len(last) == 9, "what was heard and is in the journal too is one visit"

    assert [one["visit"] for one in last[:3]] == ["v-0009", "v-0008", "v-0007"]
    assert (last[0]["end"], last[0]["lasted_s"], last[0]["amount_minor"]) == ("left", 240.0, 1890)
    book.remember([])
    for number in range(20, 80):
        book.wrote(an_end(number, "table2", End.LEFT, ago_s=1))
    assert len(drawn(book, [])["last"]) == 30


def test_tables_are_in_the_order_that_people_count_in() -> None:
    names = ["table10", "table2", "Bar", "table1", "bar2", "9", "10", "tableB", "t\u00e9"]

    assert sorted(names, key=in_order) == [
        "9", "10", "Bar", "bar2", "table1", "table2", "table10", "tableB", "t\u00e9"
    ]  # fmt: skip
    hostile = ["9" * 5000, "\u0664\u0665", "", "9" * 17 + "x"]
    assert len(sorted([*names, *hostile], key=in_order)) == len(names) + len(hostile)


def test_a_floor_of_hostile_size_stays_a_page() -> None:
    """Long names are cut, and tables beyond the bound are counted instead of drawn."""
    book = FloorBook(NAMES)
    polled(book, tables=1000)
    visits = [a_visit(1, "x" * 10_000, Step.OFFERED)]
    floor = drawn(book, visits)

    assert len(floor["locations"][0]["spots"]) == 300
    assert floor["locations"][0]["spots_left_out"] == 701
    assert len(json.dumps(floor)) < 64 * 1024


def test_nothing_that_could_pay_is_ever_on_the_floor() -> None:
    """Whoever has a transaction's key can pay it."""
    book = a_book()
    moment = a_moment(open_visits())
    told = json.dumps(
        [plan.floor(book, moment, version="1", mode="live"), plan.health(book, moment)]
    )

    assert KEY not in told
    assert "k3f9" not in told, "nor a reference"


def test_tables_that_nobody_came_to_for_a_day_and_a_half_are_left_out() -> None:
    book = a_book()
    later = EVENING + timedelta(hours=37)

    assert drawn(book, [], now=later)["locations"][0]["spots"] == [
        {"name": "table17", "state": "parked", "visit": "v-0125", "age_s": 134980.0, "note": "",
         "amount_minor": 2240, "currency": "EUR"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"loops": (("sweep", 31.0, 30.0),)}, "The loop sweep is stuck."),
        ({"is_ready": False}, "The worker is starting or stopping."),
        ({"throttled_s": 12.0}, "Paysera asked for quiet for 12 s more."),
        ({"clock_offset_s": -9.0}, "This machine's clock is 9 s wrong."),
        ({"notices": Notices(2, 61.0)},
         "The till was not told of 2 paid; the worker keeps telling it."),
        ({"now": EVENING + timedelta(seconds=90)},
         "Main hall: no answer from Paysera for 91 s."),
    ],
)  # fmt: skip
def test_each_trouble_is_one_sentence(change: Any, wanted: str) -> None:
    book = a_book(is_troubled=False)

    assert plan.troubles(book, a_moment()) == []
    assert plan.troubles(book, a_moment(**change))[0] == wanted


def test_a_human_is_called_and_a_till_in_trouble_is_named() -> None:
    book = a_book()
    book.asked_till(HALL, "find_bills", "the folder is gone", 0.1)
    assert plan.troubles(book, a_moment()) == [
        "1 visit needs a human: paysera-worker visits --parked.",
        "Main hall: the till has trouble: the folder is gone",
    ]
    book.asked_till(HALL, "find_bills", None, 0.1)
    assert len(plan.troubles(book, a_moment())) == 1


def test_live_means_that_a_restart_would_not_help() -> None:
    """Neither Paysera nor a till makes the worker look dead."""
    book = FloorBook(NAMES)
    book.polled(HALL, "transient", "ConnectTimeout", 2.0, EVENING)
    moment = a_moment(is_ready=False, throttled_s=99.0)
    assert plan.why_not_live(moment) == []
    assert plan.why_not_live(a_moment(loops=(("journal", 15.1, 15.0),))) == [
        "the loop journal did not turn in time"
    ]


def test_ready_means_that_a_guest_can_be_served() -> None:
    """One location that answers is enough; none in a minute is not."""
    book = FloorBook(NAMES)
    assert plan.why_not_ready(book, a_moment()) == [
        "no location was polled with these credentials yet"
    ]
    book.polled(HALL, "auth", "HTTP 401", 0.1, EVENING)
    assert len(plan.why_not_ready(book, a_moment())) == 1
    polled(book, EVENING - timedelta(seconds=59))
    assert plan.why_not_ready(book, a_moment()) == []
    polled(book, EVENING - timedelta(seconds=61))
    assert plan.why_not_ready(book, a_moment()) == ["no location was polled well in the last 60 s"]
    polled(book)
    assert len(plan.why_not_ready(book, a_moment(is_ready=False))) == 1
    late = (*LOOPS[:-1], ("journal", 16.0, 15.0))
    assert plan.why_not_ready(book, a_moment(loops=late)) == ["the journal does not answer"]


def test_health_tells_each_location_s_own_state() -> None:
    book = a_book()
    book.polled(TERRACE, "throttled", "HTTP 429", 0.1, EVENING)
    told = plan.health(book, a_moment(open_visits()))
    read = json.loads(json.dumps(told))

    assert read["state"] == "degraded"
    hall, terrace = read["locations"]
    assert (hall["id"], hall["poll_age_s"], hall["open_visits"], hall["parked"]) == (
        9975,
        1.0,
        5,
        1,
    )
    assert hall["steps"] == {"confirming": 1, "offered": 3, "seen": 1}
    assert (terrace["poll_result"], terrace["last_error"]) == ("throttled", "HTTP 429")


def test_what_the_till_was_not_told_is_counted_by_the_oldest_payment() -> None:
    """Its age is the payment's, not the last try's; a clock that was set back makes it nothing."""
    assert notices_of([an_owed(1), an_owed(2, ago_s=90)], EVENING) == Notices(2, 90.0)
    assert notices_of([an_owed(1, ago_s=-5)], EVENING) == Notices(1, 0.0)
    assert notices_of([], EVENING) == Notices(0, 0.0)


def test_an_untold_payment_is_a_trouble_only_when_the_till_is_late() -> None:
    """A till that answers takes a blink, and nobody is to be called for that."""
    book = a_book(is_troubled=False)
    for owed, said in (([an_owed(1, ago_s=59)], []), ([an_owed(1), an_owed(2, ago_s=61)],
            ["The till was not told of 2 paid; the worker keeps telling it."])):  # fmt: skip
        moment = a_moment(notices=notices_of(owed, EVENING))
        assert plan.troubles(book, moment) == said
        assert drawn(book, [], notices=moment.notices)["notices"]["pending"] == len(owed)


def test_a_bill_in_parts_shows_the_whole_bill_and_what_is_paid_of_it() -> None:
    """Until the last guest has paid the table owes; then it shows what was taken in all."""
    split = in_parts(a_visit(1, "table1", Step.OFFERED, minor=4000), 1500, 2500)
    one_paid = in_parts(a_visit(1, "table1", Step.OFFERED, minor=4000), 1500, 2500, paid=1)
    closing = replace(one_paid, step=Step.CLOSING, end=End.PART_PAID)
    book = FloorBook(NAMES)

    def shown(visit: Visit) -> list[Any]:
        tile = spots(drawn(book, [visit]))["table1"]
        return [tile["state"], tile["amount_minor"], tile["note"]]

    assert shown(split) == ["billed", 4000, ""]
    assert shown(one_paid) == ["billed", 4000, "15.00 EUR of it paid"]
    assert shown(replace(one_paid, step=Step.CONFIRMING)) == [
        "reserved", 4000, "15.00 EUR of it paid"
    ]  # fmt: skip
    assert shown(closing) == ["paid", 1500, ""]


def test_a_bill_on_hold_is_reserved_until_its_amount_is_final() -> None:
    """The money is the guest's still; the table says what it waits for."""
    offered = a_visit(1, "table1", Step.OFFERED, minor=10_000)
    book = FloorBook(NAMES)
    tile = spots(drawn(book, [on_hold(offered)]))["table1"]

    assert (tile["state"], tile["note"]) == ("reserved", "waiting for the final amount")
    assert tile["amount_minor"] == 10_000, "the ceiling that the guest agreed to"
    lowered = replace(on_hold(offered), step=Step.CLOSING, paid_at=EVENING, taken_minor=7300)
    assert spots(drawn(book, [lowered]))["table1"]["amount_minor"] == 7300


def test_a_bill_paid_in_part_counts_what_was_taken_and_says_so_at_its_end() -> None:
    """The takings are money, not bills, and the table shows paid as after any other payment."""
    over = in_parts(a_visit(1, "table1", Step.CLOSED, minor=4000, ago_s=5), 1500, 2500, paid=1)
    over = replace(over, end=End.PART_PAID, reason="1 of 2 parts was paid")
    book = FloorBook(NAMES)
    book.wrote(over)
    floor = drawn(book, [])

    assert spots(floor)["table1"]["state"] == "paid"
    assert [(one["end"], one["amount_minor"]) for one in floor["last"]] == [("part_paid", 1500)]
    assert floor["locations"][0]["takings"] == [
        {"currency": "EUR", "visits": 1, "amount_minor": 1500}
    ]


def test_every_end_has_its_words_on_the_page() -> None:
    """An end that is added has to say how it reads there."""
    script = (PAGE / "page.js").read_text()
    words = script.partition("const ENDS = {")[2].partition("};")[0]

    assert set(re.findall(r"(\w+): \"", words)) == {end.value for end in End}


def test_a_write_in_doubt_counts_under_its_kind() -> None:
    doubtful = a_visit(1, "table1", Step.CONFIRMING, is_doubtful=True)
    counts = plan.in_doubt(a_moment([doubtful, a_visit(2, "table2", Step.CONFIRMING)]))

    assert counts[WriteKind.CONFIRM] == 1
    assert sum(counts.values()) == 1
    assert set(counts) == set(WriteKind)


def test_a_location_without_a_name_is_called_by_its_number() -> None:
    book = FloorBook({LocationId(7): ""})

    assert drawn(book, [])["locations"][0]["name"] == "Location 7"


def test_parked_visits_are_the_scene_s() -> None:
    """The scene that the page is photographed with is what it says it is."""
    states = {spot["state"] for spot in spots(drawn(a_book(), open_visits())).values()}

    assert states == {state.value for state in SpotState}
    assert len(parked()) == 1
