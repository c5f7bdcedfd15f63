"""`status`, `visits` and `show`: what the journal says, for people and for scripts."""

import json
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from worker.adapters.journal.reader import IntentLine, JournalReader
from worker.bootstrap import EXIT_DEGRADED, EXIT_NOT_RUNNING, EXIT_OK, EXIT_USAGE
from worker.domain.ids import VisitId
from worker.domain.visit import FINAL, Step, Visit
from worker.ports import JsonValue, Record

BEAT_AGE_S_MAX: Final = 30.0
POLL_AGE_S_MAX: Final = 60.0


def status(reader: JournalReader, *, as_json: bool) -> int:
    """Say how the worker is: 0 well, 1 degraded, 3 not running."""
    is_running = reader.is_running()
    beat, totals = reader.beat(), reader.totals()
    open_visits = sum(count for step, count in totals.by_step.items() if step not in FINAL)
    parked = totals.by_step.get(Step.PARKED, 0)
    age_s = (datetime.now(UTC) - beat.at).total_seconds() if beat else None
    report = dict(beat.report) if beat else {}
    troubles = [] if not is_running else troubles_of(report, age_s)
    code = EXIT_NOT_RUNNING if not is_running else EXIT_DEGRADED if troubles else EXIT_OK
    state = {EXIT_OK: "well", EXIT_DEGRADED: "degraded", EXIT_NOT_RUNNING: "not running"}[code]
    if as_json:
        figures: dict[str, JsonValue] = {
            "state": state,
            "troubles": troubles,
            "open": open_visits,
            "parked": parked,
            "confirmed_minor": totals.confirmed(),
            "report_age_s": None if age_s is None else round(age_s, 1),
            "report": report,
        }
        print(json.dumps(figures, indent=2))
        return code
    print(f"paysera-worker is {state}")
    for trouble in troubles:
        print(f"  {trouble}")
    mode = report.get("mode")
    if is_running and mode:
        print(f"  mode           {plain(str(mode), 40)}")
    print(f"  visits open    {open_visits}")
    print(f"  visits parked  {parked}" + ("  (see: paysera-worker visits --parked)" * bool(parked)))
    for currency, amount_minor in sorted(totals.confirmed().items()):
        print(f"  taken in all   {money(amount_minor, currency)}")
    if is_running and report:
        polls, failed = report.get("polls"), report.get("polls_failed")
        print(
            f"  polls          {polls}, {failed} failed, last took {report.get('last_poll_ms')} ms"
        )
    return code


def no_journal(path: Path, *, as_json: bool) -> int:
    """Say that a worker with this journal never ran."""
    if as_json:
        print(json.dumps({"state": "not running", "troubles": [f"there is no journal at {path}"]}))
    else:
        print(f"paysera-worker is not running\n  there is no journal at {path} yet")
    return EXIT_NOT_RUNNING


def troubles_of(report: dict[str, JsonValue], age_s: float | None) -> list[str]:
    """Name what is wrong with a running worker, one sentence each."""
    troubles = []
    if age_s is None or age_s > BEAT_AGE_S_MAX:
        troubles.append("it has not reported for a while; look at its log")
    poll_age_s = report.get("good_poll_age_s")
    is_old = poll_age_s is None or (isinstance(poll_age_s, float) and poll_age_s > POLL_AGE_S_MAX)
    if is_old and report.get("polls"):
        wallet = report.get("wallet")
        trouble = wallet.get("last_trouble") if isinstance(wallet, dict) else None
        troubles.append(f"the wallet does not answer well: {trouble or 'no answer yet'}")
    late = report.get("late_loops")
    if isinstance(late, list) and late:
        troubles.append(f"loops that do not turn: {', '.join(map(str, late))}")
    return troubles


def visits(reader: JournalReader, *, open_only: bool, parked_only: bool) -> int:
    """List visits, newest first."""
    rows = reader.visits(open_only=open_only, parked_only=parked_only)
    if not rows:
        print("no visits")
        return EXIT_OK
    print(
        f"{'VISIT':<9}{'TABLE':<14}{'STEP':<12}{'END':<10}{'AMOUNT':>14}  {'OPENED (UTC)':<20} WHY"
    )
    for visit in rows:
        amount = str(visit.bill.money) if visit.bill else "-"
        print(
            f"{visit.label:<9}{plain(visit.table, 13):<14}{visit.step.value:<12}"
            f"{visit.end.value if visit.end else '-':<10}{amount:>14}  "
            f"{visit.opened_at:%Y-%m-%d %H:%M:%S}  {plain(visit.reason, 60)}"
        )
    return EXIT_OK


def story(reader: JournalReader, name: str) -> int:
    """Tell one visit as a timeline."""
    found = re.fullmatch(r"(?:v-)?0*(\d{1,18})", name)
    visit = reader.visit(VisitId(int(found.group(1)))) if found else None
    if visit is None:
        print(
            f"There is no visit {plain(name, 40)!r}. Labels look like v-0042; "
            "`paysera-worker visits` lists them.",
            file=sys.stderr,
        )
        return EXIT_USAGE
    print_head(visit)
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
    print()


def money(amount_minor: int, currency: str) -> str:
    """Write a sum, which may be zero or more than any one bill."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d} {currency}"


def plain(text: str, length_max: int) -> str:
    """Make text of the outside safe to print: one line, no control characters, not too long."""
    shown = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return shown if len(shown) <= length_max else shown[: length_max - 1] + "…"
