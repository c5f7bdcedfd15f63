"""Many bills and long ones are read in their order, and without holding anybody up."""

import threading
from typing import Any

import pytest

from tests.adapters.till.support import HALL, guarded
from tests.adapters.till.test_guard import LUNCH, trouble
from tests.tills.made_of import Giving
from worker.adapters.till import guard
from worker.adapters.till.document import bill_from


@pytest.mark.parametrize("odd", [None, "noon", "2026-11-20T12:00:00", 1_700_000_000])
async def test_bills_keep_their_order_where_one_does_not_say_when_it_was_opened(
    odd: object,
) -> None:
    """An instant without a zone is none: nobody knows which it is."""
    new, old = "2026-11-20T12:00:00Z", "2026-11-20T11:00:00Z"
    given = [{**LUNCH, "bill_id": str(n), "opened_at": at} for n, at in enumerate((new, odd, old))]

    found = await guarded(Giving(given)).find_bills(HALL, "table5")

    assert isinstance(found, tuple)
    assert [bill.bill_id for bill in found] == ["0", "1", "2"]


def long_bill(bill_id: str, lines: int) -> dict[str, object]:
    line = {"title": "Soup", "quantity": 1, "amount_minor": 1}
    return {**LUNCH, "bill_id": bill_id, "amount_minor": lines, "lines": [line] * lines}


async def test_long_bills_are_read_as_short_ones_are() -> None:
    """Up to two thousand lines at one table; more is a mistake of this table's alone."""
    till = guarded(Giving([long_bill("B-1", 1000), long_bill("B-2", 1000)]))
    found = await till.find_bills(HALL, "table5")
    assert isinstance(found, tuple)
    assert [len(bill.lines) for bill in found] == [1000, 1000]

    till = guarded(Giving([long_bill("B-1", 1000), long_bill("B-2", 1000), long_bill("B-3", 1)]))
    for _ in range(4):
        assert await trouble(till) == "the till gave 2001 lines for one table; 2000 is the most"
    assert till.trouble_of(HALL) is None


async def test_many_lines_do_not_stop_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read on a thread of their own, and few are not worth one."""
    threads = []
    real = bill_from

    def noting(*given: Any, **named: Any) -> Any:
        threads.append(threading.get_ident())
        return real(*given, **named)

    monkeypatch.setattr(guard, "bill_from", noting)

    for lines in (guard.LINES_AT_ONCE, guard.LINES_AT_ONCE + 1):
        await guarded(Giving([long_bill("B-1", lines)])).find_bills(HALL, "table5")

    assert [one == threading.get_ident() for one in threads] == [True, False]
