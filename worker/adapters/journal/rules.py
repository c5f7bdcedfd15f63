"""What the journal never lets happen, in words, whichever journal it is."""

from enum import StrEnum
from typing import Final

from worker.domain.errors import JournalConflict
from worker.domain.ids import VisitId, visit_label

NEWEST_VISITS: Final = 2000
"""How many of the newest visits a start searches for those that were left to a human."""


class Rule(StrEnum):
    """A rule that refuses an entry, by the name of the index or trigger that stands behind it."""

    ONE_OPEN_VISIT = "one_open_visit"
    BILL_PAID_ONCE = "bill_paid_once"
    KEY_OF_ONE_VISIT = "key_of_one_visit"
    ONE_CONFIRM_PER_VISIT = "one_confirm_per_visit"
    CONFIRM_KEY_ONCE = "confirm_key_once"
    ONE_LIVE_CREATE = "one_live_create"
    VISIT_IS_OVER = "visit_is_over"
    VISIT_IS_ANOTHER = "visit_is_another"
    VISIT_IS_UNKNOWN = "visit_is_unknown"
    INTENT_NOT_BEGUN = "intent_not_begun"
    PART_PAID_ONCE = "part_paid_once"
    NOTICE_ONCE = "notice_once"
    NOTICE_IS_UNKNOWN = "notice_is_unknown"
    NOTICE_IS_ACCEPTED = "notice_is_accepted"
    RESOLVED_ONCE = "resolved_once"
    RESOLUTION_OF_PARKED = "resolution_of_parked"
    REQUEST_ONCE = "request_once"
    OUT_OF_RANGE = "out_of_range"


_WORDS = {
    Rule.ONE_OPEN_VISIT: "another visit still holds its spot",
    Rule.BILL_PAID_ONCE: "its bill is being charged by another visit, or is paid",
    Rule.KEY_OF_ONE_VISIT: "its transaction belongs to another visit",
    Rule.ONE_CONFIRM_PER_VISIT: "it already confirms another transaction",
    Rule.CONFIRM_KEY_ONCE: "its transaction is already confirmed by another visit",
    Rule.ONE_LIVE_CREATE: "its earlier create is still in doubt",
    Rule.VISIT_IS_OVER: "it is over and can not change any more",
    Rule.VISIT_IS_ANOTHER: "its number belongs to a visit of another spot or time",
    Rule.VISIT_IS_UNKNOWN: "no such visit was ever written",
    Rule.INTENT_NOT_BEGUN: "an intent ends that was never begun",
    Rule.PART_PAID_ONCE: "a part of its bill is being charged by another visit, or is paid",
    Rule.NOTICE_ONCE: "its till was told of this payment before",
    Rule.NOTICE_IS_UNKNOWN: "a notice was told that was never written",
    Rule.NOTICE_IS_ACCEPTED: "a notice is handed back that the till has accepted",
    Rule.RESOLVED_ONCE: "a human settled it before",
    Rule.RESOLUTION_OF_PARKED: "only a visit that was left to a human can be settled by one",
    Rule.REQUEST_ONCE: "the request was done before",
    Rule.OUT_OF_RANGE: "it holds a value that the journal does not keep",
}


def conflict(visit_id: VisitId, rule: Rule, detail: str = "") -> JournalConflict:
    """Say which rule refused an entry of a visit."""
    words = f"visit {visit_label(visit_id)} is not written: {_WORDS[rule]} ({rule.value})"
    return JournalConflict(f"{words}: {detail}" if detail else words)


_BY_COLUMN: Final = {
    "visit.spot_id": Rule.ONE_OPEN_VISIT,
    "resolution.visit_id": Rule.RESOLVED_ONCE,
    "request.request_id": Rule.REQUEST_ONCE,
    "visit.bill_id": Rule.BILL_PAID_ONCE,
    "charge.part_id": Rule.PART_PAID_ONCE,
    "notice.notice_id": Rule.NOTICE_ONCE,
    "known_key": Rule.KEY_OF_ONE_VISIT,
    "intent.target": Rule.CONFIRM_KEY_ONCE,
    "intent.kind": Rule.ONE_LIVE_CREATE,
    "intent.visit_id": Rule.ONE_CONFIRM_PER_VISIT,
}
"""The column of a unique index that gives it away; the first that is named counts."""


def rule_of(message: str) -> Rule:
    """Tell which rule SQLite's message speaks of: a trigger's name, or an index's columns."""
    for trigger in (Rule.VISIT_IS_OVER, Rule.RESOLUTION_OF_PARKED):
        if trigger.value in message:
            return trigger
    if message.startswith("UNIQUE"):
        for column, rule in _BY_COLUMN.items():
            if column in message:
                return rule
    if message.startswith("FOREIGN KEY"):
        return Rule.VISIT_IS_UNKNOWN
    return Rule.OUT_OF_RANGE
