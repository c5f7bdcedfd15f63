"""`status` and `visits`: what the journal says, for people and for scripts."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from worker.adapters.journal.reader import ALL, JournalReader
from worker.bootstrap import EXIT_DEGRADED, EXIT_NOT_RUNNING, EXIT_OK
from worker.domain.visit import FINAL, Step
from worker.ports import JsonValue, NoticeState
from worker.verbs.wording import money, plain

BEAT_AGE_S_MAX: Final = 30.0
POLL_AGE_S_MAX: Final = 60.0
NEWEST: Final = 50


def status(reader: JournalReader, *, mode: str, as_json: bool) -> int:
    """Say how the worker is: 0 well, 1 degraded, 3 not running."""
    is_running = reader.is_running()
    instance, beat, totals = reader.instance(), reader.beat(), reader.totals()
    open_visits = sum(count for step, count in totals.by_step.items() if step not in FINAL)
    settled = len(reader.resolutions())
    parked = totals.by_step.get(Step.PARKED, 0) - settled
    unposted, draining = reader.unposted(), reader.draining_since()
    given_up = sum(one.state is NoticeState.PARKED for one in unposted)
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
            "settled": settled,
            "unposted": len(unposted),
            "unposted_parked": given_up,
            "mode": mode,
            "journal": instance,
            "draining_since": draining.isoformat() if draining else None,
            "confirmed_minor": totals.confirmed(),
            "report_age_s": None if age_s is None else round(age_s, 1),
            "report": report,
        }
        print(json.dumps(figures, indent=2))
        return code
    print(f"paysera-worker is {state}" + ", and draining: no new visits" * bool(draining))
    for trouble in troubles:
        print(f"  {trouble}")
    print(f"  visits open    {open_visits}")
    print(f"  visits parked  {parked}" + ("  (see: paysera-worker visits --parked)" * bool(parked)))
    if unposted:
        more = f", {given_up} of them given up" * bool(given_up)
        print(f"  not in till    {len(unposted)}{more}  (see: paysera-worker visits --unposted)")
    if draining:
        print(f"  draining       since {draining:%Y-%m-%d %H:%M:%S} UTC  (end it: drain --undo)")
    print(f"  mode           {mode}")
    print(f"  journal        {instance}")
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


def is_missing(path: Path) -> bool:
    """Tell whether there certainly is no journal; where nobody may look, there may be one."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


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
    # What somebody has to see to is listed whole; of all the others, the newest.
    limit = ALL if open_only or parked_only else NEWEST + 1
    rows = reader.visits(open_only=open_only, parked_only=parked_only, limit=limit)
    if not rows:
        print("no visits")
        return EXIT_OK
    settled = reader.resolutions()
    print(
        f"{'VISIT':<9}{'TABLE':<14}{'STEP':<12}{'END':<10}{'AMOUNT':>14}  {'OPENED (UTC)':<20} WHY"
    )
    is_cut = limit != ALL and len(rows) > NEWEST
    for visit in rows[:NEWEST] if is_cut else rows:
        amount = str(visit.bill.money) if visit.bill else "-"
        known = settled.get(visit.visit_id)
        why = f"settled as {known.verdict.value}: {known.note}" if known else visit.reason
        print(
            f"{visit.label:<9}{plain(visit.table, 13):<14}{visit.step.value:<12}"
            f"{visit.end.value if visit.end else '-':<10}{amount:>14}  "
            f"{visit.opened_at:%Y-%m-%d %H:%M:%S}  {plain(why, 60)}"
        )
    if is_cut:
        print(
            f"These are the newest {NEWEST}; `paysera-worker show VISIT` tells any other's story."
        )
    return EXIT_OK
