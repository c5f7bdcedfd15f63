"""What a program may answer, and what is made of everything else."""

import contextlib
import dataclasses
import json
import threading
from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.till.programs import HALL, NOTICE, program, till_of
from worker.adapters.till import command
from worker.adapters.till.command_answer import (
    REASON_CHARS_MAX,
    bill_in,
    bills_in,
    expect_nothing,
    last_line,
    raise_unless_done,
)
from worker.adapters.till.connector import BillGone, Refused, TillError
from worker.adapters.till.notice_body import notice_body
from worker.adapters.till.plain_json import READ_AT_ONCE_BYTES
from worker.adapters.till.process import Ended


async def test_the_program_is_asked_in_json_and_its_bills_are_given(tmp_path: Path) -> None:
    """The question's name is the last argument; the request is one line on standard input."""
    path = program(tmp_path, 'echo "$@" >FOLDER/argv; cat >FOLDER/asked; echo \'{"bills":[{}]}\'')
    async with till_of(path, "--shop", "a b; c $(d)") as till:
        assert await till.open_bills(HALL, 'table "5"\né') == [{}]

    assert (tmp_path / "argv").read_text() == "--shop a b; c $(d) bills\n"
    asked = (tmp_path / "asked").read_bytes()
    assert asked.isascii()
    assert asked.count(b"\n") == 1
    assert json.loads(asked) == {
        "version": 1,
        "op": "bills",
        "location_id": HALL,
        "spot": 'table "5"\né',
    }


async def test_lock_and_unlock_say_whose_and_for_how_long(tmp_path: Path) -> None:
    """The bill comes back as it is now."""
    path = program(tmp_path, 'cat >>FOLDER/asked; [ $1 = unlock ] || echo \'{"bill":{"a":1}}\'')
    async with till_of(path) as till:
        assert await till.lock(HALL, "table5", "B-1", "v-0042", 60) == {"a": 1}
        await till.unlock(HALL, "table5", "B-1", "v-0042")

    lock, unlock = map(json.loads, (tmp_path / "asked").read_text().splitlines())
    common = {"version": 1, "location_id": HALL, "spot": "table5"}
    named = {"bill_id": "B-1", "visit": "v-0042"}
    assert lock == common | named | {"op": "lock", "seconds": 60}
    assert unlock == common | named | {"op": "unlock"}


async def test_a_notice_is_the_same_to_the_byte_each_time(tmp_path: Path) -> None:
    """A shop that hashes what it hears finds the repetition equal (F72)."""
    path = program(tmp_path, "cat >>FOLDER/asked; echo '{}'")
    async with till_of(path) as till:
        await till.post(NOTICE)
        await till.post(NOTICE)

    first, second = (tmp_path / "asked").read_bytes().splitlines()
    assert first == second == notice_body(NOTICE)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "failed with exit code 1: no paper"),
        (2, "failed with exit code 2: no paper"),
        (3, "failed with exit code 3: no paper"),
        (4, "locked by another or being changed: no paper"),
        (65, "can not do this one: no paper"),
        (75, "asks to be tried again later: no paper"),
        (127, "failed with exit code 127: no paper"),
    ],
)
async def test_every_exit_code_but_0_is_an_error_with_the_programs_own_reason(
    tmp_path: Path, code: int, words: str
) -> None:
    """The last line of its errors is the reason, whatever it wrote before and on its output."""
    body = f"echo '{{\"bills\":[]}}'; echo debug >&2; echo ' no paper ' >&2; echo >&2; exit {code}"
    async with till_of(program(tmp_path, body)) as till:
        with pytest.raises(TillError, match=words) as caught:
            await till.open_bills(HALL, "table5")

    assert str(caught.value).startswith(f"{tmp_path}/till.sh bills: ")


@pytest.mark.parametrize(
    ("code", "is_refused"), [(1, False), (2, False), (4, True), (65, True), (75, False)]
)
async def test_a_no_to_one_thing_is_told_apart_from_a_program_that_fails(
    tmp_path: Path, code: int, is_refused: bool
) -> None:
    """What is said of one bill, table or payment says nothing about the others (F70)."""
    async with till_of(program(tmp_path, f"echo no >&2; exit {code}")) as till:
        for asked in (
            till.open_bills(HALL, "table5"),
            till.lock(HALL, "table5", "B-1", "v-0042", 60),
            till.post(NOTICE),
        ):
            with pytest.raises(TillError, match=r"no$") as caught:
                await asked
            assert isinstance(caught.value, Refused) is is_refused


async def test_exit_code_3_means_gone_only_of_a_lock(tmp_path: Path) -> None:
    """A notice that meets a bill which is gone must still be kept: it is told again."""
    async with till_of(program(tmp_path, "echo 'paid in cash' >&2; exit 3")) as till:
        with pytest.raises(BillGone, match="paid in cash"):
            await till.lock(HALL, "table5", "B-1", "v-0042", 60)
        for asked in (
            till.open_bills(HALL, "table5"),
            till.unlock(HALL, "table5", "B-1", "v-0042"),
            till.post(NOTICE),
        ):
            with pytest.raises(TillError, match="exit code 3"):
                await asked


async def test_a_program_that_dies_of_a_signal_has_failed(tmp_path: Path) -> None:
    """Even when it had written a whole answer."""
    async with till_of(program(tmp_path, "echo '{\"bills\":[]}'; kill -9 $$")) as till:
        with pytest.raises(TillError, match="ended by SIGKILL, and gives no reason"):
            await till.open_bills(HALL, "table5")


WRONG = [
    b"",
    b"  \n",
    b"<html><body>It works</body></html>",
    b'{"bills":[',
    b'{"bills":[{"bill_id":"B-1","amount_minor":25',
    b'{"bills":[]}{"bills":[]}',
    b'{"bills":[]}\n{"bills":[]}\n',
    b'{"bills":[{"amount_minor":NaN}]}',
    b'{"bills":[{"amount_minor":-Infinity}]}',
    b'{"bills":[],"bills":[]}',
    b'{"bills":[{"amount_minor":1,"amount_minor":2}]}',
    b'{"bills":[],"error":"the database is down"}',
    b'{"bills":{}}',
    b'{"bills":[[]]}',
    b'{"bills":null}',
    b"[]",
    b"null",
    b"5",
    b'{"bill":{}}',
    b"{}",
    b"\xff\xfe{}",
    b'{"bills":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
    b'{"bills":[{"amount_minor":' + b"9" * 5000 + b"}]}",
    b'{"bills":[{"amount_minor":1e99999999999999999999}]}',
    b'{"bills":[{"amount_minor":1e9999}]}',
    b'{"bills":[{"amount_minor":0.' + b"3" * 100 + b"}]}",
    b"{'bills':[]}",
    b'{"bills":[]}\x00',
]


@pytest.mark.parametrize("stdout", WRONG, ids=range(len(WRONG)))
def test_whatever_is_not_wholly_an_answer_is_none(stdout: bytes) -> None:
    """A till that might have meant something else is never believed (F73, F75)."""
    with pytest.raises(TillError, match=r"^wrote "):
        bills_in(stdout)
    as_bill = stdout.replace(b'"bills"', b'"bill"')
    if as_bill not in {b'{"bill":{}}', *WRONG}:
        with pytest.raises(TillError, match=r"^wrote "):
            bill_in(as_bill)


async def test_a_large_answer_is_read_beside_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold up every other location for a tenth of a second."""
    threads = []

    def noting(stdout: bytes) -> object:
        threads.append(threading.get_ident())
        return bills_in(stdout)

    monkeypatch.setattr(command, "bills_in", noting)
    for size in (10, READ_AT_ONCE_BYTES):
        (tmp_path / "answer").write_text(json.dumps({"bills": [{"description": "x" * size}]}))
        async with till_of(program(tmp_path, "cat FOLDER/answer")) as till:
            assert len(await till.open_bills(HALL, "table5")) == 1

    assert [one == threading.get_ident() for one in threads] == [True, False]


async def test_html_with_exit_code_0_is_no_answer(tmp_path: Path) -> None:
    """Neither bills nor a yes."""
    async with till_of(program(tmp_path, "echo '<html>Welcome</html>'")) as till:
        with pytest.raises(TillError, match="not one JSON object"):
            await till.open_bills(HALL, "table5")
        with pytest.raises(TillError, match="not one JSON object"):
            await till.post(NOTICE)


def test_a_figure_with_a_fraction_stays_what_it_is_and_is_no_amount() -> None:
    """19.99 is kept to the digit and never a float, so the bill's rules see it and refuse (F75)."""
    ((bill),) = bills_in(b'{"bills":[{"amount_minor":19.989999,"vat":0.1}]}')

    assert bill["amount_minor"] == Decimal("19.989999")
    assert type(bill["vat"]) is Decimal


@pytest.mark.parametrize("stdout", [b"", b"\n", b"{}", b" {} \n"])
def test_done_is_said_with_nothing(stdout: bytes) -> None:
    """An exit code of 0 is the whole answer."""
    expect_nothing(stdout)


@pytest.mark.parametrize("stdout", [b'{"ok":false}', b'{"ok":true}', b"OK", b"[]", b"{", b"null"])
def test_anything_else_might_not_mean_done(stdout: bytes) -> None:
    """A notice is told again rather than taken for kept."""
    with pytest.raises(TillError):
        expect_nothing(stdout)


@given(st.binary(max_size=3000))
def test_a_reason_fits_on_one_line_whatever_it_is_made_of(stderr: bytes) -> None:
    """Nothing in it can begin a new line or move a cursor."""
    reason = last_line(stderr)

    assert reason.isprintable()
    assert len(reason) <= REASON_CHARS_MAX


def test_the_last_line_that_says_something_is_the_reason() -> None:
    """Escaped, so that a log stays a log."""
    assert last_line(b"one\ntwo \x1b[31m\xff\n \n\n") == r"two \x1b[31m\xff"
    assert last_line(b"\n \n") == ""


@given(st.binary(max_size=200))
def test_no_output_makes_the_reading_fail_in_its_own_way(stdout: bytes) -> None:
    """Bills or a TillError, nothing else."""
    for read in (bills_in, bill_in, expect_nothing):
        with contextlib.suppress(TillError):
            read(raise_unless_done(Ended(0, stdout, b""), "bills"))


def test_a_notice_is_written_in_one_way_and_holds_what_a_shop_needs() -> None:
    """Compact ASCII, the keys in this order, the time in UTC: what the documents promise."""
    assert notice_body(NOTICE) == (
        b'{"data":{"amount_minor":2599,"bill_amount_minor":2599,"bill_id":"B-1","currency":"EUR",'
        b'"location_id":9975,"notice_id":"n-00042-1","orderid":"v1.abc.9975.42.qwer1",'
        b'"paid_at":"2026-11-20T12:00:00Z","part_id":null,"service_minor":200,"spot":"table5",'
        b'"tip_minor":0,"transaction_key":"ATaNkey-0001","visit":"v-0042"},'
        b'"timestamp":"2026-11-20T12:00:00Z","type":"bill.paid"}'
    )


def test_a_notice_from_another_zone_is_told_in_utc() -> None:
    """The same instant is the same text."""
    vilnius = dataclasses.replace(
        NOTICE, paid_at=NOTICE.paid_at.astimezone(timezone(timedelta(hours=2)))
    )

    assert notice_body(vilnius) == notice_body(NOTICE)
