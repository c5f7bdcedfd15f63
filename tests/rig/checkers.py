"""What must be true once everything is quiet, whatever was done to the worker before.

Each check gives sentences about what is wrong; an empty list is a pass. They judge the wallet's own
ledger, the journal, the till's folder and every line that any life of the worker wrote, and they
touch nothing.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.operator.processes import Json
from tests.rig.shop import Shop, receipts
from worker.adapters.journal.reader import IntentLine, JournalReader, StoryLine
from worker.adapters.logs import short_key
from worker.domain.commands import WriteKind
from worker.domain.ids import VisitId
from worker.domain.visit import End, Step, Visit
from worker.ports import IntentState, Record

PENDING: Final = (
    "new",
    "waiting",
    "waiting_funds",
    "waiting_registration",
    "waiting_password",
)
NEVER_SAID: Final = (
    "worker.crashed",
    "visit.crashed",
    "visit.surprised",
    "visit.parked",
    "transaction.lost_but_paid",
    "transaction.mismatched",
    "worker.twin_seen",
)
"""Lines that report a fault in the worker, a visit that it gave up, or what can not be in here."""
SAID_ONCE: Final = ("transaction.confirmed", "notice.accepted", "visit.closed")
VISITS_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Books:
    """The wallet's ledger and the worker's journal, read at one quiet moment."""

    ledger: Json
    confirms_applied: int
    visits: Mapping[int, Visit]
    stories: Mapping[int, Sequence[StoryLine]]
    broken_at: int | None
    """The first line of the story that does not follow from the one before it."""

    @classmethod
    def read(cls, journal: Path, ledger: Json, confirms_applied: int) -> "Books":
        """Read the journal whole."""
        with JournalReader(journal) as reader:
            visits = {int(one.visit_id): one for one in reader.visits(limit=VISITS_MAX)}
            stories = {number: reader.story(VisitId(number)) for number in visits}
            broken_at = reader.verify_chain()
        return cls(ledger, confirms_applied, visits, stories, broken_at)

    def paid(self) -> list[Visit]:
        """Give the visits that the journal has as paid."""
        return [visit for visit in self.visits.values() if visit.end is End.PAID]

    def confirmed(self) -> list[Json]:
        """Give the transactions that the wallet has as taken."""
        return [one for one in self.ledger["transactions"] if one["status"] == "confirmed"]


def check_books(books: Books) -> list[str]:
    """Both books agree to the cent, nobody paid twice, and nothing is left over."""
    ledger = books.ledger
    wrong = [f"the wallet saw a violation: {json.dumps(one)}" for one in ledger["violations"]]
    ours = {
        str(v.transaction_key): (v.bill.money.amount_minor, v.bill.money.currency)
        for v in books.paid()
        if v.bill is not None
    }
    theirs = {one["key"]: (one["amount_minor"], one["currency"]) for one in books.confirmed()}
    wrong += [
        f"{key}: journal {ours.get(key)}, wallet {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]
    if len(books.paid()) != len(theirs):
        wrong.append(f"{len(books.paid())} paid visits, {len(theirs)} taken transactions")
    if books.confirms_applied != len(theirs):
        wrong.append(f"{books.confirms_applied} confirms worked for {len(theirs)} transactions")
    wrong += twice("check-in", ((t["spot_id"], t["checkin"]) for t in books.confirmed()))
    wrong += twice("visit", (visit_in(t["orderid"]) for t in books.confirmed()))
    wrong += twice("bill", (v.bill.bill_id for v in books.paid() if v.bill and v.bill.bill_id))
    wrong += [
        f"{name} is {ledger[name]}, not {empty}"
        for name, empty in (
            ("waiting_spots", 0),
            ("reserved_count", 0),
            ("held_total_minor", {}),
            ("refunded_total_minor", {}),
        )
        if ledger[name] != empty
    ]
    wrong += [
        f"{one['key']} at {one['spot_identifier']} can still be paid"
        for one in ledger["transactions"]
        if one["status"] in PENDING and one["checkin"] is not None
    ]
    wrong += [
        f"{visit.label} is {visit.step.value}: {visit.reason}"
        for visit in books.visits.values()
        if visit.step is not Step.CLOSED
    ]
    if books.broken_at is not None:
        wrong.append(f"the story does not hold together at line {books.broken_at}")
    return wrong


def twice(what: str, names: Iterable[object]) -> list[str]:
    """Name what was paid more than once."""
    return [f"{what} {name} paid {n} times" for name, n in Counter(names).items() if n > 1]


def visit_in(reference: object) -> str:
    """Find the visit's number in a reference of ours."""
    parts = str(reference).split(".")
    return parts[3] if len(parts) == 5 else f"nobody knows, by {reference!r}"


@dataclass(slots=True)
class Facts:
    """What the worker's lives said, held against what the journal kept."""

    compared: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def check_facts(said: Iterable[tuple[str, Json]], books: Books) -> Facts:
    """Whatever a life said of a visit before it ended is in the journal, and was said once.

    `said` is every whole line of every life, with the name of the life.
    """
    facts = Facts()
    told: Counter[tuple[str, str]] = Counter()
    for life, line in said:
        event = line["event"]
        if event in NEVER_SAID:
            facts.wrong.append(f"{life} said {json.dumps(line)[:600]}")
        if "visit" not in line:
            continue
        told[event, line["visit"]] += 1
        facts.compared[event] += 1
        missing = missing_of(line, books)
        if missing:
            facts.lost.append(f"{life} said {json.dumps(line)}, but {missing}")
    facts.wrong += [
        f"{event} of {visit} was said {times} times"
        for (event, visit), times in told.items()
        if times > 1 and event in SAID_ONCE
    ]
    return facts


def missing_of(line: Json, books: Books) -> str:
    """Tell what of a line is not in the journal; an empty text: nothing."""
    label = re.fullmatch(r"v-(\d+)", line["visit"])
    visit = books.visits.get(int(label.group(1))) if label else None
    if visit is None:
        return "the journal has no such visit"
    if line.get("table", visit.table) != visit.table:
        return f"the journal has it at {visit.table}"
    story = books.stories[int(visit.visit_id)]
    if line["event"] == "transaction.lost_and_revoked":
        # It was never this visit's: its create had been given up before it surfaced.
        is_noted = line["transaction"] in {short_key(key) for key in lost_and_found(story)}
        return "" if is_noted else "the journal does not have that it was found"
    for claim, is_kept in claims(line, visit, learned(story), books.ledger):
        if not is_kept:
            return f"the journal does not have that {claim}"
    return ""


def learned(story: Iterable[StoryLine]) -> set[str]:
    """Give the facts that a story has, the steps that it went through, and what the till heard."""
    found: set[str] = set()
    for line in story:
        if isinstance(line, Record) and line.kind == "notice_told":
            found.add(f"notice {line.body['state']}")
        path = line.body.get("path") if isinstance(line, Record) else None
        for row in path if isinstance(path, list | tuple) else ():
            fact, step, *_ = row
            found |= {str(fact), str(step)}
    return found


def lost_and_found(story: Iterable[StoryLine]) -> set[str]:
    """Give the keys of the visit's transactions that surfaced after they had been given up."""
    return {
        str(line.body["key"])
        for line in story
        if isinstance(line, Record) and line.kind == "lost_transaction_found"
    }


def missing_intent(journal: Path, request: bytes) -> str:
    """Tell what the journal lacks of a write that was leaving as the worker was killed.

    An empty text: nothing, or the request was no write. Whatever changes something at the wallet
    must be in the journal as begun, and its outcome not yet, before its first byte leaves.
    """
    kind, target, spot = write_in(request)
    if kind is None:
        return ""
    with JournalReader(journal) as reader:
        for visit in reader.visits(limit=VISITS_MAX):
            is_elsewhere = bool(spot) and visit.spot_id != spot
            for line in () if is_elsewhere else reader.story(visit.visit_id):
                if not isinstance(line, IntentLine) or line.state is not IntentState.PENDING:
                    continue
                if line.kind is kind and target in {"", line.target}:
                    return ""
    return f"{request.decode('latin-1')} left, and the journal has no such {kind.value} as begun"


def write_in(request: bytes) -> tuple[WriteKind | None, str, str]:
    """Read a request's first line: the kind of write, the transaction and the spot it names."""
    method, _, rest = request.decode("latin-1").partition(" ")
    match method, rest.partition(" ")[0].split("/")[3:]:
        case "POST", ["transaction"]:
            return WriteKind.CREATE, "", ""
        case "POST", ["spot", spot, "order"]:
            return WriteKind.LINK, "", spot
        case "PUT", ["transaction", key, "confirm"]:
            return WriteKind.CONFIRM, key, ""
        case "DELETE", ["transaction", key]:
            return WriteKind.REVOKE, key, ""
        case "DELETE", ["spot", spot]:
            return WriteKind.CLOSE, "", spot
        case _:
            return None, "", ""


def claims(line: Json, visit: Visit, story: set[str], ledger: Json) -> list[tuple[str, bool]]:
    """Take a line apart into what it claims, each with whether the journal bears it out."""
    keys = {str(key) for key in (visit.transaction_key, *visit.former_keys) if key is not None}
    now = short_key(str(visit.transaction_key))
    found = []
    if "transaction" in line:
        is_known = line["transaction"] in {short_key(key) for key in keys}
        found.append(("the transaction is this visit's", is_known))
    if "amount" in line and visit.bill is not None and line.get("transaction") == now:
        found.append((f"it is about {line['amount']}", line["amount"] == str(visit.bill.money)))
    match line["event"]:
        case "spot.seen":
            found.append(("it is at that spot", line["spot"] == visit.spot_id))
        case "transaction.created":
            found.append(("it was created", "TransactionCreated" in story))
        case "order.offered":
            found.append(("it was offered", "offered" in story))
        case "transaction.reserved":
            found.append(("it was seen reserved", "TransactionLooked" in story))
        case "transaction.confirmed":
            at_wallet = {t["key"]: t["status"] for t in ledger["transactions"]}
            is_taken = at_wallet.get(str(visit.transaction_key)) == "confirmed"
            found.append(("it ended paid", visit.end is End.PAID and visit.paid_at is not None))
            found.append(("the wallet has it as taken", is_taken))
        case "notice.accepted":
            is_same = visit.bill is not None and visit.bill.bill_id == line["bill"]
            found.append(("the till knows", "notice accepted" in story and is_same))
        case "visit.closed":
            found += ends(line, visit)
    return found


def ends(line: Json, visit: Visit) -> list[tuple[str, bool]]:
    """Take a visit's last line apart."""
    bill = visit.bill
    return [
        ("it is over", visit.step in {Step.CLOSED, Step.PARKED}),
        (f"it ended {line['end']}", visit.end is not None and visit.end.value == line["end"]),
        (f"it ended because {line['why']!r}", visit.reason[:497] == line["why"][:497]),
        ("it came to that amount", line.get("amount") == (str(bill.money) if bill else None)),
        ("it was for that bill", line.get("bill") == (bill.bill_id if bill else None)),
    ]


def check_receipts(shop: Shop, books: Books) -> list[str]:
    """The till was told "paid" exactly once per paid bill, of that bill's money, and of no other.

    A bill that nobody but the worker touched lies beside its receipt and nowhere else.
    """
    found = receipts(shop.folder)
    wrong = twice("receipt for", (receipt["bill_id"] for receipt in found))
    theirs = {str(one["bill_id"]): facts_of(one) for one in found}
    ours = {str(v.bill.bill_id): facts_in(v) for v in books.paid() if v.bill is not None}
    wrong += [
        f"bill {bill_id}: journal {ours.get(bill_id)}, receipt {theirs.get(bill_id)}"
        for bill_id in sorted(ours.keys() | theirs.keys())
        if ours.get(bill_id) != theirs.get(bill_id)
    ]
    for bill_id in sorted(ours.keys() - shop.touched):
        if (shop.folder / f"{bill_id}.json").exists():
            wrong.append(f"bill {bill_id} is paid and still lies open")
        if not (shop.folder / "paid" / f"{bill_id}.json").exists():
            wrong.append(f"bill {bill_id} is paid and does not lie with the paid ones")
    return wrong


def facts_of(receipt: Mapping[str, Any]) -> tuple[object, ...]:
    """Give what a receipt says."""
    names = ("visit", "transaction_key", "amount_minor", "currency", "table")
    return tuple(receipt[name] for name in names)


def facts_in(visit: Visit) -> tuple[object, ...]:
    """Give what a paid visit's receipt must say."""
    assert visit.bill is not None, "what is paid was billed"
    money = visit.bill.money
    return visit.label, visit.transaction_key, money.amount_minor, money.currency, visit.table
