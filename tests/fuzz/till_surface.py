"""Bills from a shop's software: any bytes in the file.

The answer is a bill or a reason why not, never an exception. A bill's amount stands in the file as
that very whole number, said once, and its lines and its parts add up to it.
"""

import random
from collections.abc import Iterator

from tests.fuzz import witness
from tests.fuzz.bills import NAMES, bill, strange
from tests.fuzz.spoiling import TOKENS, slots, spoiled, written
from tests.fuzz.surface import Surface
from worker.adapters.till.billfile import BYTES_MAX, BadFile, OpenBill, parse
from worker.adapters.till.document import BILL_ID_CHARS_MAX, DESCRIPTION_CHARS_MAX
from worker.domain.bill import Bill


def make(dice: random.Random) -> bytes:
    """Make a file: a good one that was spoiled, one with a strange text in it, or noise."""
    roll = dice.random()
    if roll < 0.03:
        return b"".join(dice.choice(TOKENS) for _ in range(dice.randrange(40)))
    if roll < 0.031:
        return b'{"pad": "' + b"x" * BYTES_MAX + b'"}'
    document = bill(dice)
    if roll < 0.2:
        texts = [(holder, name) for holder, name in slots(document) if type(holder[name]) is str]
        holder, name = dice.choice(texts)
        holder[name] = strange(dice)
        return written(document, is_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    return spoiled(dice, document, NAMES)


def check(content: bytes) -> Iterator[str]:
    """Read the file and vouch for what comes out."""
    found = parse(content)
    truth = witness.read(content.removeprefix(b"\xef\xbb\xbf"))
    if isinstance(found, BadFile):
        assert found.why
        assert found.why.isprintable()
        assert len(found.why) < 300
        vouch_for_owner(found, truth)
        yield "bad: " + found.why.partition(" ")[0]
        return
    vouch_for_bill(found, truth)
    yield "nothing owed" if found.bill is None else kind_of(found.bill)


def kind_of(bill: Bill) -> str:
    """Say what a bill is like, for the count."""
    if bill.hold is not None:
        return "bill on hold"
    if bill.parts:
        return "bill in parts"
    return f"bill with {'lines' if bill.lines else 'no lines'}"


def vouch_for_owner(found: BadFile | OpenBill, truth: object) -> None:
    """Whose it is stood in the file, in these letters."""
    if found.location_id is not None:
        assert witness.under(truth, "location_id") == [str(found.location_id)]
    for name, text in (("spot", found.table), ("bill_id", found.bill_id)):
        if text is not None:
            (given,) = witness.under(truth, name)
            assert type(given) is str, "a figure is no name"
            assert given == text
            text.encode()  # A lone surrogate could not be written down.


def vouch_for_bill(found: OpenBill, truth: object) -> None:
    """What is owed stood in the file, once, as a whole number, and the lines make it up."""
    vouch_for_owner(found, truth)
    amount, bill = found.amount_minor, found.bill
    assert type(amount) is int
    assert witness.under(truth, "amount_minor") == [str(amount)]
    assert witness.is_whole(witness.under(truth, "amount_minor")[0])
    assert witness.under(truth, "currency") == [found.currency]
    assert 1 <= len(found.bill_id) <= BILL_ID_CHARS_MAX
    finals = witness.under(truth, "final")
    if bill is None:
        assert amount == 0
        assert finals in ([], [True])
        assert witness.is_whole(witness.under(truth, "ceiling_minor")[0])
        return
    assert bill.bill_id == found.bill_id
    assert bill.money.currency == found.currency
    assert bill.description.isprintable()
    assert len(bill.description) <= DESCRIPTION_CHARS_MAX
    assert (bill.hold is not None) == (finals == [False])
    if bill.hold is None:
        assert bill.money.amount_minor == amount
    else:
        assert bill.hold.known_minor == amount <= bill.money.amount_minor
        assert witness.under(truth, "ceiling_minor") == [str(bill.money.amount_minor)]
        assert 60 <= bill.hold.for_s <= 2_592_000
    vouch_for_lines(bill, amount, truth)
    vouch_for_parts(bill, amount, truth)


def vouch_for_lines(bill: Bill, amount: int, truth: object) -> None:
    """Every line stood there, and together they are what is owed."""
    given = [each for each in witness.under(truth, "lines") if each]
    assert len(bill.lines) == (len(given[0]) if given else 0)
    if not bill.lines:
        return
    assert sum(line.amount_minor for line in bill.lines) == amount
    for line, fields in zip(bill.lines, given[0], strict=True):
        assert witness.under(fields, "amount_minor") == [str(line.amount_minor)]
        assert witness.under(fields, "quantity") == [str(line.quantity)]
        assert witness.under(fields, "kind") in ([line.kind.value], [], [None])
        assert witness.under(fields, "currency") in ([bill.money.currency], [], [None])
        assert line.title.isprintable()


def vouch_for_parts(bill: Bill, amount: int, truth: object) -> None:
    """Every part stood there under a name of its own, and together they are what is owed."""
    given = [each for each in witness.under(truth, "parts") if each]
    assert len(bill.parts) == (len(given[0]) if given else 0)
    if not bill.parts:
        return
    assert len({part.part_id for part in bill.parts}) == len(bill.parts) >= 2
    assert sum(part.money.amount_minor for part in bill.parts) == amount
    for part, fields in zip(bill.parts, given[0], strict=True):
        assert witness.under(fields, "amount_minor") == [str(part.money.amount_minor)]
        assert witness.under(fields, "part_id") == [part.part_id]
        assert witness.under(fields, "currency") in ([bill.money.currency], [], [None])
        assert part.description.isprintable()


TILL = Surface("till", make, check, share=0.5)
