"""`show`: one visit as a timeline that settles an argument."""

import sys
from collections.abc import Iterable

from worker.adapters.journal.reader import IntentLine, JournalReader
from worker.bootstrap import EXIT_OK, EXIT_USAGE
from worker.domain.visit import Visit
from worker.ports import KeptNotice, NoticeState, Record, Resolution
from worker.service.requests import no_such_visit, visit_id_of
from worker.verbs.wording import money, plain


def story(reader: JournalReader, name: str) -> int:
    """Tell one visit as a timeline."""
    visit_id = visit_id_of(name)
    visit = None if visit_id is None else reader.visit(visit_id)
    if visit is None:
        print(no_such_visit(name), file=sys.stderr)
        return EXIT_USAGE
    print_head(visit)
    print_money(visit, reader.notices(visit.visit_id))
    print_resolution(reader.resolutions().get(visit.visit_id))
    print()
    for after_s, words in told(visit, reader.story(visit.visit_id)):
        print(f"+{after_s:9.3f} s  {words}")
    return EXIT_OK


def told(visit: Visit, lines: Iterable[Record | IntentLine]) -> list[tuple[float, str]]:
    """Put what was learned and what was sent in the order in which it happened."""
    moments: list[tuple[float, str]] = []
    for line in lines:
        after_s = (line.at - visit.opened_at).total_seconds()
        if isinstance(line, IntentLine):
            times = f" x{line.attempts}" if line.attempts > 1 else ""
            detail = f"  {plain(line.detail, 80)}" if line.detail else ""
            target = f" {plain(line.target, 60)}" if line.target else ""
            words = f"sent    {line.kind.value}{target}{times}: {line.state.value}{detail}"
            moments.append((after_s, words))
            continue
        path = line.body.get("path")
        if not isinstance(path, list):
            rest = ", ".join(f"{name} {value}" for name, value in line.body.items())
            moments.append((after_s, f"noted   {line.kind}  {plain(rest, 110)}"))
            continue
        for fact, step, then, why, after_ms in path:
            command = f", then {then}" if then else ""
            reason = f"  ({plain(str(why), 90)})" if why else ""
            moments.append((after_ms / 1000, f"learned {fact} -> {step}{command}{reason}"))
    return sorted(moments, key=lambda moment: moment[0])


def print_head(visit: Visit) -> None:
    """Say what the visit came to."""
    print(f"{visit.label}  table {plain(visit.table, 40)}  location {visit.location_id}")
    print(f"  opened     {visit.opened_at:%Y-%m-%d %H:%M:%S} UTC")
    ended = f", {visit.end.value}: {plain(visit.reason, 90)}" if visit.end else ""
    print(f"  step       {visit.step.value}{ended}")
    if visit.bill:
        bill = f", bill {plain(visit.bill.bill_id, 60)}" if visit.bill.bill_id else ""
        print(f"  amount     {visit.bill.money}{bill}, code {visit.short_code}")
    if visit.transaction_key:
        print(f"  paysera    transaction {visit.transaction_key}, orderid {visit.reference}")


def print_money(visit: Visit, notices: Iterable[KeptNotice]) -> None:
    """Say what was agreed, what was taken, part by part, and when the till accepted it."""
    for part in visit.parts:
        key = f", transaction {part.key}" if part.key else ""
        print(f"  part       {plain(part.part_id, 40)}  {part.money}  {part.state.value}{key}")
    agreed = f"{visit.reserved_at:%Y-%m-%d %H:%M:%S} UTC" if visit.reserved_at else "not seen"
    if visit.bill:
        print(f"  agreed     the guest agreed: {agreed}")
        at = f", {visit.paid_at:%Y-%m-%d %H:%M:%S} UTC" if visit.paid_at else ""
        print(f"  taken      {money(visit.taken_minor, visit.bill.money.currency)}{at}")
    for one in notices:
        notice, how = one.owed.notice, f"told {one.owed.attempts} times"
        at = f"{one.ended_at:%Y-%m-%d %H:%M:%S} UTC" if one.ended_at else ""
        state = {
            NoticeState.ACCEPTED: f"accepted {at}, {how}",
            NoticeState.PENDING: f"not accepted yet, {how}",
            NoticeState.PARKED: f"given up {at}, {how}",
        }[one.state]
        why = f": {plain(one.detail, 80)}" if one.detail else ""
        print(f"  till       {notice.money} {state}{why}")


def print_resolution(resolution: Resolution | None) -> None:
    """Say how a human settled it, if one did."""
    if resolution is not None:
        at = f"{resolution.at:%Y-%m-%d %H:%M:%S} UTC"
        print(
            f"  settled    as {resolution.verdict.value}, {at}, by "
            f"{plain(resolution.who, 60)}: {plain(resolution.note, 200)}"
        )
