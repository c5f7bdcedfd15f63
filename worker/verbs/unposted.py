"""`visits --unposted`: what was paid and the till has not accepted."""

from datetime import UTC, datetime

from worker.adapters.journal.reader import JournalReader
from worker.bootstrap import EXIT_OK
from worker.ports import KeptNotice, NoticeState
from worker.verbs.wording import plain


def run(reader: JournalReader) -> int:
    """List them, oldest first."""
    notices = reader.unposted()
    if not notices:
        print("no visits: the till has accepted every payment")
        return EXIT_OK
    now = datetime.now(UTC)
    print(
        f"{'VISIT':<9}{'TABLE':<14}{'BILL':<18}{'AMOUNT':>14}  {'STATE':<9}{'TOLD':>5}  "
        f"{'PAID (UTC)':<20}{'AGE':>7}  WHY"
    )
    for one in notices:
        print(line(one, now))
    if any(one.state is NoticeState.PARKED for one in notices):
        print("Parked ones are told again by: paysera-worker repost VISIT")
    return EXIT_OK


def line(one: KeptNotice, now: datetime) -> str:
    """Say one of them."""
    notice = one.owed.notice
    part = f" {notice.part_id}" if notice.part_id else ""
    return (
        f"{notice.visit:<9}{plain(notice.table, 13):<14}{plain(notice.bill_id + part, 17):<18}"
        f"{notice.money!s:>14}  {one.state.value:<9}{one.owed.attempts:>4}x  "
        f"{notice.paid_at:%Y-%m-%d %H:%M:%S} {age(now - notice.paid_at):>7}  "
        f"{plain(one.detail, 60)}"
    )


def age(passed: object) -> str:
    """Say a time span in its greatest unit."""
    seconds = max(0, int(getattr(passed, "total_seconds", lambda: 0)()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
