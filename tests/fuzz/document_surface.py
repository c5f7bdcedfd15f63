"""What a connector gives in place of bills: any value that Python code can make.

JSON has seven types; a connector, above all somebody else's, can give anything: figures that only
look like figures, texts that are more than texts, lists that never end, objects that raise when
they are looked at. The guard answers in bills or in trouble, and never raises.
"""

import asyncio
import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from tests.adapters.till.support import guarded
from tests.fuzz.bills import LOCATION, TABLE, bill, strange
from tests.fuzz.spoiling import ODD, Raw, slots
from tests.fuzz.surface import Surface
from tests.fuzz.till_surface import kind_of
from tests.tills.made_of import Giving
from worker.adapters.till.connector import TillError
from worker.domain.bill import Bill
from worker.domain.ids import LocationId
from worker.ports import TillTrouble


class LikeText(str):
    """A text that is more than a text."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        """Raise where a text never does."""
        raise LookupError("no such luck")


class LikeFigure(int):
    """A figure that changes with every look."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class Endless(Sequence[Any]):
    """A list that goes on and on."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        return {"bill_id": f"B-{index}", "currency": "EUR", "amount_minor": 1}


class Prickly(Mapping[str, object]):
    """An object that must not be touched."""

    def __getitem__(self, name: str) -> object:
        raise OSError("do not touch")

    def __iter__(self) -> Iterator[str]:
        yield "bill_id"

    def __len__(self) -> int:
        return 1


class Rude(TillError):
    """An error that can not even be read."""

    def __str__(self) -> str:
        raise RuntimeError("ask somebody else")


NOT_PLAIN: Final[tuple[Any, ...]] = (
    *(2599.0, Decimal(2599), Decimal("25.99"), Fraction(2599), float("nan"), float("inf"), 1e400),
    *(LikeFigure(2599), LikeText("B-1"), LikeText("EUR"), b"EUR", bytearray(b"x"), 2599 + 0j),
    *(Endless(), Prickly(), (Prickly(),), frozenset(), range(3), object(), type, Ellipsis),
    *(lambda: 2599, iter(()), iter([None]), ((),), (None, Prickly())),
)
RAISED: Final[tuple[BaseException, ...]] = (
    *(TillError("out of paper\n\x1b[2J" + "x" * 999), TillError(""), Rude(), OSError(5, "disk")),
    *(RecursionError(), KeyError("bill"), StopAsyncIteration(), SystemExit(3), TimeoutError()),
    *(asyncio.CancelledError(), ExceptionGroup("both", [ValueError()]), MemoryError()),
)


def make(dice: random.Random) -> Any:
    """Make an answer: bills that were bent here and there, or nothing like bills."""
    roll = dice.random()
    if roll < 0.05:
        return dice.choice(RAISED)
    if roll < 0.15:
        return _odd(dice)
    bills: list[Any] = [
        bill(dice) | {"bill_id": f"B-{number}"} for number in range(dice.randrange(1, 4))
    ]
    for _ in range(dice.randrange(3)):
        places = slots(bills)
        if not places:
            break
        holder, name = dice.choice(places)
        holder[name] = strange(dice) if dice.random() < 0.2 else _odd(dice)
    return tuple(bills) if dice.random() < 0.1 else bills


def _odd(dice: random.Random) -> Any:
    # A copy of what can be bent: what is bent later must not bend the lists above.
    return dice.choice(NOT_PLAIN) if dice.random() < 0.6 else copy.deepcopy(dice.choice(_PLAIN))


_PLAIN: Final = tuple(value for value in ODD if not isinstance(value, Raw))


def check(answer: Any) -> Iterator[str]:
    """Ask and vouch for what comes out."""
    if isinstance(answer, BaseException):
        answer = answer.with_traceback(None)  # It would grow with every time.
    till = guarded(Giving(answer))
    found = asyncio.run(_asked(till.find_bills(LocationId(LOCATION), TABLE)))
    if isinstance(found, TillTrouble):
        assert found.why
        assert found.why.isprintable()
        assert len(found.why) < 500
        yield f"trouble: {found.why.split()[0]}"
        return
    given = {each["bill_id"]: each for each in answer}
    assert len(given) == len(answer) >= len(found)
    for one in found:
        _vouch_for(one, given[one.bill_id])
        yield kind_of(one)
    yield f"{len(found)} bills"


async def _asked(answer: Any) -> tuple[Bill, ...] | TillTrouble:
    found = await answer
    assert isinstance(found, tuple | TillTrouble)
    return found


def _vouch_for(one: Bill, given: Mapping[str, Any]) -> None:
    """What is owed is what the connector gave, type and all."""
    ceiling_or_amount = given["ceiling_minor" if one.hold else "amount_minor"]
    assert type(ceiling_or_amount) is int
    assert one.money.amount_minor == ceiling_or_amount
    assert type(given["bill_id"]) is str
    assert given.get("spot") in {None, TABLE}
    assert given.get("location_id") in {None, LOCATION}
    assert type(given.get("location_id")) in {int, type(None)}
    known = one.hold.known_minor if one.hold else one.money.amount_minor
    assert known == given["amount_minor"]
    for figure in (*(line.amount_minor for line in one.lines), known, one.money.amount_minor):
        assert type(figure) is int
    assert not one.lines or sum(line.amount_minor for line in one.lines) == known
    assert not one.parts or sum(part.money.amount_minor for part in one.parts) == known


DOCUMENT: Final = Surface("document", make, check, share=0.05)
