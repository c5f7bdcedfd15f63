"""Bills from a shop's software: any bytes in the file.

The answer is a bill or a reason why not, never an exception. A bill's amount stands in the file as
that very whole number, said once, and its lines add up to it.
"""

import random
from collections.abc import Iterator

from tests.fuzz import witness
from tests.fuzz.bills import NAMES, bill, strange
from tests.fuzz.spoiling import TOKENS, slots, spoiled, written
from tests.fuzz.surface import Surface
from worker.adapters.till.billfile import (
    BILL_ID_CHARS_MAX,
    BYTES_MAX,
    BadFile,
    OpenBill,
    parse,
)


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
    yield f"bill with {'lines' if found.bill.lines else 'no lines'}"


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
    amount = found.money.amount_minor
    assert type(amount) is int
    assert witness.under(truth, "amount_minor") == [str(amount)]
    assert witness.is_whole(witness.under(truth, "amount_minor")[0])
    assert witness.under(truth, "currency") == [found.money.currency]
    assert 1 <= len(found.bill_id) <= BILL_ID_CHARS_MAX
    assert found.bill.bill_id == found.bill_id
    assert found.bill.description.isprintable()
    given = [each for each in witness.under(truth, "lines") if each]
    assert len(found.bill.lines) == (len(given[0]) if given else 0)
    if not found.bill.lines:
        return
    assert sum(line.amount_minor for line in found.bill.lines) == amount
    for line, fields in zip(found.bill.lines, given[0], strict=True):
        assert witness.under(fields, "amount_minor") == [str(line.amount_minor)]
        assert witness.under(fields, "quantity") == [str(line.quantity)]
        assert line.title.isprintable()


TILL = Surface("till", make, check, share=0.5)
