"""Inputs that broke a rule once. Each stays here for good.

One that is not mended yet is marked as expected to fail; see known.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.till.support import guarded, paid, put, tree
from tests.fuzz import client_surface, known, settings_surface, wire_surface
from tests.fuzz.answers import REFERENCE, VISIT
from tests.fuzz.network import Exchange
from tests.fuzz.pages_surface import at_once
from tests.fuzz.settings_surface import CANARY
from worker.adapters.till import FolderTill
from worker.adapters.wallet import pages, wire
from worker.domain.agreement import disagreement
from worker.domain.outcome import Done, Outcome
from worker.domain.wallet import Transaction

KEY = wire_surface.KEY

EXPONENTS = ["1e9999999999999999999", "-1E+99999999999999999999", "0e-9999999999999999999"]


def is_taken(payment: str) -> bool:
    """Tell whether the visit's own transaction with this one payment is taken for agreement."""
    body = f'{{"transaction_key": "{KEY}", "status": "reserved", "payments": [{payment}]}}'
    found = wire.read_transaction(body.encode(), KEY)
    return isinstance(found, Transaction) and disagreement(VISIT, found) is None


@known.mark(known.HUGE_EXPONENT)
@pytest.mark.parametrize("number", EXPONENTS)
def test_a_number_beyond_every_exponent_is_unreadable(number: str) -> None:
    """It is no ValueError to those who made decimals, so it got past what catches those."""
    body = f'{{"transaction_key": "{KEY}", "status": "new", "x": {number}}}'.encode()

    assert isinstance(wire.read_transaction(body, KEY), wire.Unreadable)
    assert wire.read_refusal(f'{{"error": "x", "y": {number}}}'.encode()) is None


@known.mark(known.HUGE_EXPONENT)
@pytest.mark.parametrize("call", ["create", "confirm", "spots", "spot", "link"])
def test_no_number_in_a_refusal_costs_a_place_in_the_budget(call: str) -> None:
    """The place was kept for ever; after sixteen such answers nothing left any more."""
    body = b'{"error": "invalid_state", "x": 1e9999999999999999999}'
    head = b"HTTP/1.1 409 Conflict\r\ncontent-length: %d\r\n\r\n" % len(body)
    script = (Exchange((head + body,), end="hang"),) * 3

    endings = list(client_surface.check(client_surface.Case((call,), script)))

    assert endings == [f"{call} {'Refused' if call.startswith('s') else 'Unknown'}"]


@known.mark(known.NO_REFERENCE)
@pytest.mark.parametrize(
    "parameters",
    ["null", "{}", "[]", '{"orderid": null}', '{"orderid": ""}', '{"orderid": 1.5}', '"x"'],
)
def test_a_payment_that_does_not_carry_our_reference_is_not_taken(parameters: str) -> None:
    """Key and amount alone do not say that the money is for this bill."""
    assert not is_taken(f'{{"price": 1250, "currency": "EUR", "parameters": {parameters}}}')


@known.mark(known.SAID_TWICE)
@pytest.mark.parametrize(
    "figures",
    [
        '"price": 999999, "price": 1250, "currency": "EUR"',
        '"price": 1250, "currency": "USD", "currency": "EUR"',
        '"price_decimal": "9999.99", "price_decimal": "12.50", "currency": "EUR"',
    ],
)
def test_an_amount_that_is_said_twice_in_two_ways_is_none(figures: str) -> None:
    """What contradicts itself is never guessed, in a bill's file and in an answer alike."""
    assert not is_taken(f'{{{figures}, "parameters": {{"orderid": "{REFERENCE}"}}}}')


def test_a_payment_that_agrees_in_every_part_is_taken() -> None:
    """The two above are not refused for a rule that nothing could meet."""
    reference = f'"parameters": {{"orderid": "{REFERENCE}"}}'

    assert is_taken(f'{{"price": 1250, "currency": "EUR", {reference}}}')
    assert is_taken(f'{{"price_decimal": "12.50", "currency": "EUR", {reference}}}')


def listed(*bodies: dict[str, Any]) -> str:
    """Collect a list from these pages, two rows each, and give why it is not complete."""
    answers = iter(bodies)

    async def fetch(_limit: int, _offset: int) -> Outcome[wire.Page[Transaction]]:
        page = wire.read_transactions(json.dumps(next(answers)).encode())
        assert isinstance(page, wire.Page)
        return Done(page)

    found = at_once(
        pages.collect(fetch, identity=lambda row: row.key, limit=2, is_time_over=lambda: False)
    )
    assert isinstance(found, pages.Collection)
    return found.why_incomplete


def page(offset: int, total: int, *keys: str) -> dict[str, Any]:
    """A page of a list."""
    rows = [{"transaction_key": key, "status": "new"} for key in keys]
    return {"transactions": rows, "_metadata": {"offset": offset, "total": total, "limit": 2}}


@known.mark(known.ANOTHER_OFFSET)
def test_a_page_from_another_place_makes_a_list_incomplete() -> None:
    """Asked for the beginning and given the end, nothing is known of what stands before it."""
    assert listed(page(4, 6, "e", "f"))


@known.mark(known.FEWER_ROWS)
def test_a_list_that_shows_a_row_twice_in_place_of_another_is_incomplete() -> None:
    """A row came in at the front while we read: one was seen twice, and one not at all."""
    assert listed(page(0, 3, "a", "b"), page(2, 4, "b", "c"))


def test_pages_that_fit_together_are_complete() -> None:
    """The two above are not refused for a rule that nothing could meet."""
    assert listed(page(0, 3, "a", "b"), page(2, 3, "c")) == ""


@known.mark(known.TWO_RECEIPTS)
async def test_a_payment_told_twice_leaves_another_file_of_the_same_bill_alone(
    tmp_path: Path,
) -> None:
    """The shop wrote the bill once more before the worker, restarted, told the till again."""
    till = guarded(FolderTill(tmp_path))
    payment = paid()
    try:
        put(tmp_path)
        assert await till.post(payment) is None
        once = tree(tmp_path)
        put(tmp_path, "again.json")
        assert await till.post(payment) is None
    finally:
        await till.aclose()

    assert sum(name.endswith(".receipt.json") for name in tree(tmp_path)) == 1
    assert {name: tree(tmp_path).get(name) for name in once} == once


def configured(toml: str, **environ: str) -> set[str]:
    """Check a configuration with the key in the file and something else wrong."""
    content = toml.format(key=CANARY).encode()
    return set(settings_surface.check(settings_surface.Case(content, environ, {}, 0o600)))


BASE = """
[wallet]
client_id = "our-client"
mac_key = "{key}"
[[locations]]
id = 9975
[till.prices]
"*" = 1250
"""


@known.mark(known.KEY_AMONG_PRICES)
def test_a_key_put_at_the_end_of_the_file_is_not_shown() -> None:
    """There it stands under [till.prices]: the last table takes whatever is written below it."""
    key = 'mac_key = "{key}"\n'

    assert configured(BASE.replace(key, "") + key) == {"refused for 2"}


@known.mark(known.KIND_TOO_LONG)
def test_a_till_of_a_kind_too_long_to_write_out_is_refused() -> None:
    """Ten digits or ten thousand: it is no kind of till."""
    toml = BASE.replace("[till.prices]", f"[till]\nkind = 0x{'f' * 6000}\n[till.prices]")

    assert configured(toml) == {"refused for 1"}


def test_a_configuration_that_is_right_is_taken() -> None:
    """The two above are refused for what is wrong with them and nothing else."""
    assert configured(BASE) == {"settings"}
