"""Every line that the worker's log can hold: its name, how loud it is, what it means, what to do.

A closed list. Dashboards and greps depend on the names, and what is not among the fields never gets
out. `docs/events.md` is made from it. The names of lines about a visit are the domain's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from worker.domain.facts import FactName

Loudness = Literal["debug", "info", "warning", "error"]


class LineName(StrEnum):
    """What is told about anything but a visit's own way. noun.past_verb, never interpolated."""

    WORKER_STARTED = "worker.started"
    WORKER_READY = "worker.ready"
    WORKER_ALIVE = "worker.alive"
    WORKER_STATE = "worker.state"
    WORKER_SIGNALLED = "worker.signalled"
    WORKER_STOPPING = "worker.stopping"
    WORKER_STOPPED = "worker.stopped"
    WORKER_CRASHED = "worker.crashed"
    WORKER_TURNED_AWAY = "worker.turned_away"
    WORKER_TWIN_SEEN = "worker.twin_seen"
    WORKER_ASKED = "worker.asked"
    WORKER_DRAINING = "worker.draining"
    WORKER_UNDRAINED = "worker.undrained"
    WORKER_UNASKABLE = "worker.unaskable"
    WORKER_UNANSWERED = "worker.unanswered"
    WORKER_CANARY = "worker.canary"
    WORKER_SANDBOX_MET = "worker.sandbox_met"
    OBSERVE_WOULD_OFFER = "observe.would_offer"
    OBSERVE_WOULD_NOT_OFFER = "observe.would_not_offer"
    OBSERVE_UNFINISHED = "observe.unfinished"
    OBSERVE_SEALED = "observe.sealed"
    CONFIG_WARNED = "config.warned"
    JOURNAL_LOCKED = "journal.locked"
    JOURNAL_UNAVAILABLE = "journal.unavailable"
    WALLET_SANDBOX_MET = "wallet.sandbox_met"
    WALLET_UNREACHABLE = "wallet.unreachable"
    WALLET_REACHABLE = "wallet.reachable"
    WALLET_THROTTLED = "wallet.throttled"
    WALLET_EASED = "wallet.eased"
    WALLET_CLOCK_OFFSET = "wallet.clock_offset"
    WALLET_CLOCK_REFUSED = "wallet.clock_refused"
    WALLET_CREDENTIALS_REFUSED = "wallet.credentials_refused"
    POLL_ANSWERED = "poll.answered"
    POLL_FAILED = "poll.failed"
    POLL_INCOMPLETE = "poll.incomplete"
    POLL_COMPLETE = "poll.complete"
    TILL_UNREACHABLE = "till.unreachable"
    TILL_REACHABLE = "till.reachable"
    TILL_UNUSABLE = "till.unusable"
    BILL_UNREADABLE = "bill.unreadable"
    BILL_READABLE = "bill.readable"
    BILL_VANISHED = "bill.vanished"
    BILL_CHANGED_AFTER_PAYMENT = "bill.changed_after_payment"
    VISITS_RESUMED = "visits.resumed"
    VISIT_CRASHED = "visit.crashed"
    SPOT_ECHOED = "spot.echoed"
    TRANSACTION_FOREIGN = "transaction.foreign"
    TRANSACTION_LOST_AND_REVOKED = "transaction.lost_and_revoked"
    TRANSACTION_LOST_BUT_PAID = "transaction.lost_but_paid"
    LISTENER_READY = "listener.ready"
    LISTENER_UNAVAILABLE = "listener.unavailable"
    LISTENER_REFUSING = "listener.refusing"
    LISTENER_PAST_UNREAD = "listener.past_unread"
    LISTENER_FAILED = "listener.failed"
    LISTENER_MISCOUNTED = "listener.miscounted"
    SIDELINE_CRASHED = "sideline.crashed"
    LIBRARY_WARNED = "library.warned"


@dataclass(frozen=True, slots=True)
class Explained:
    """One kind of line."""

    name: FactName | LineName
    levels: tuple[Loudness, ...]
    meaning: str
    do: str
    """What the operator should do; empty: nothing."""
    fields: tuple[str, ...]
    """Every field that it may carry, in the order in which they are written."""


def _line(
    name: FactName | LineName,
    levels: str,
    fields: str,
    meaning: str,
    do: str = "",
) -> Explained:
    named: dict[str, Loudness] = {
        "debug": "debug", "info": "info", "warning": "warning", "error": "error"
    }  # fmt: skip
    return Explained(
        name, tuple(named[level] for level in levels.split()), meaning, do, tuple(fields.split())
    )


_OF_VISIT: Final = "table visit "
_REPORT: Final = "Please report the line."

# fmt: off
CHAPTERS: Final[Mapping[str, tuple[Explained, ...]]] = {
    "The worker itself": (
    _line(LineName.WORKER_STARTED, "info",
          "version mode base_url locations journal interval_s",
          "It begins: what it is, where it works and for whom."),
    _line(LineName.WORKER_READY, "info", "open unposted",
          "The journal is open and every unfinished visit is taken up; `unposted` payments are "
          "still to be told to the till."),
    _line(LineName.WORKER_ALIVE, "info",
          "open parked unposted polls polls_failed last_poll_ms",
          "Proof of life, every quarter of an hour. If it stays out, the worker is not running."),
    _line(LineName.WORKER_STATE, "info",
          "mode open parked unposted polls polls_failed last_poll_ms is_draining good_poll_age_s "
          "late_loops",
          "How it is now: somebody asked with USR1 (`systemctl kill --signal=USR1`)."),
    _line(LineName.WORKER_SIGNALLED, "info warning", "signal why do",
          "Somebody asked it to stop; as a warning, to reload, which it does not do.",
          "After a change of the settings, restart it."),
    _line(LineName.WORKER_STOPPING, "info", "waits_for",
          "It begins nothing new and waits up to 10 s for the calls under way."),
    _line(LineName.WORKER_STOPPED, "info", "exit_code",
          "It ended well. Open visits are in the journal and are resumed by the next start."),
    _line(LineName.WORKER_CRASHED, "error", "error exit_code do exception",
          "A fault in the worker (exit 70). systemd starts it again and it resumes.", _REPORT),
    _line(LineName.WORKER_TURNED_AWAY, "error", "error exit_code do",
          "None of its calls was accepted since the start and no visit was open, so it ended (exit "
          "77), and systemd leaves it ended.",
          "Put the credentials right, try `paysera-worker check-config --online`, start it."),
    _line(LineName.WORKER_TWIN_SEEN, "error",
          "transaction status reference amount why do",
          "Another worker with another journal uses these credentials.", "Stop one of them."),
    _line(LineName.WORKER_ASKED, "info", "verb visit who answer exit_code",
          "An operator's verb asked for something: what, who, and the answer's first line."),
    _line(LineName.WORKER_DRAINING, "warning", "who since do",
          "No new visits are begun: who asked for it, or, at a start, since when it is so.",
          "`paysera-worker drain --undo` ends it."),
    _line(LineName.WORKER_UNDRAINED, "info", "who", "New visits are begun again; who asked."),
    _line(LineName.WORKER_UNASKABLE, "error", "error do",
          "The folder `<journal>.requests` is not the worker's alone or can not be read. Payments "
          "go on.", "Put the folder right, so that the worker can be asked."),
    _line(LineName.WORKER_UNANSWERED, "warning", "verb error",
          "A reply could not be written (disk full?). What was asked for is done.",
          "Look with `show` or `status`."),
    _line(LineName.WORKER_CANARY, "info", "tables why",
          "The tables that are served while `safety.mode` is canary; all others are left alone."),
    _line(LineName.WORKER_SANDBOX_MET, "error", "error exit_code do",
          "A sandbox answers, and these are not its credentials (exit 78).",
          "Put `wallet.base_url` right, or use the credentials that `sandbox` prints."),
    _line(LineName.OBSERVE_WOULD_OFFER, "info", "table location spot amount bill description",
          "`safety.mode` is observe: what a guest would be asked for, once per check-in."),
    _line(LineName.OBSERVE_WOULD_NOT_OFFER, "info", "table location spot why",
          "`safety.mode` is observe: why a guest would be asked for nothing, once per check-in."),
    _line(LineName.OBSERVE_UNFINISHED, "warning", "open unposted why do",
          "There are visits or notices from before, and observe touches none.",
          "Start with canary or live to finish them."),
    _line(LineName.OBSERVE_SEALED, "error", "call why do",
          "Something tried to write while `safety.mode` is observe; nothing was sent.", _REPORT),
    _line(LineName.CONFIG_WARNED, "warning", "why",
          "A setting is allowed, but worth a second look.", "Read the sentence, and decide."),
    _line(LineName.JOURNAL_LOCKED, "error", "error exit_code do",
          "Another worker holds this journal (exit 75).", "Stop one of them."),
    _line(LineName.JOURNAL_UNAVAILABLE, "error", "error exit_code do",
          "Disk full, read-only, damaged, deleted or replaced (exit 69). Nothing was done that is "
          "not recorded.", "Mend it and start the worker again; never delete it."),
    _line(LineName.LIBRARY_WARNED, "warning error", "logger message exception",
          "A library that the worker uses complained in its own words.",
          "Report it if it comes often."),
    ),
    "Paysera": (
    _line(LineName.WALLET_SANDBOX_MET, "error", "why do",
          "A sandbox answers, and these are not its credentials. Nothing is sent any more.",
          "Put `wallet.base_url` right."),
    _line(LineName.WALLET_UNREACHABLE, "warning", "call why",
          "The first call without an answer; then silence until it is over.",
          "If it lasts, look at the network, the name server, Paysera's status."),
    _line(LineName.WALLET_REACHABLE, "info", "down_s failures",
          "Paysera answers again; how long it did not, and how many calls were lost on the way."),
    _line(LineName.WALLET_THROTTLED, "warning", "retry_after_s",
          "Paysera asked for quiet, for the first time in a while. Confirms and closes go first "
          "afterwards.", "If it comes often, poll more slowly (`polling`)."),
    _line(LineName.WALLET_EASED, "info", "seconds count",
          "A minute without being asked for quiet; how long it lasted, and how often it was."),
    _line(LineName.WALLET_CLOCK_OFFSET, "warning", "offset_s",
          "This machine's clock is wrong; signatures are made from Paysera's.", "Set the clock."),
    _line(LineName.WALLET_CLOCK_REFUSED, "error", "do",
          "Signatures are refused for their time even so.",
          "Set the clock; see that no proxy delays or caches requests; ask Paysera."),
    _line(LineName.WALLET_CREDENTIALS_REFUSED, "error", "call answer do",
          "`client_id` or `mac_key` is not accepted, for everything or for one kind of call. The "
          "worker keeps asking slowly.", "Check both; ask Paysera whether the client may."),
    _line(LineName.POLL_ANSWERED, "debug", "location count", "A poll found so many waiting spots."),
    _line(LineName.POLL_FAILED, "debug", "location loop why", "A poll gave no list."),
    _line(LineName.POLL_INCOMPLETE, "warning", "location why do",
          "Some rows of a list could not be read; the others are served.", _REPORT),
    _line(LineName.POLL_COMPLETE, "info", "location", "The list can be read in full again."),
    ),
    "The till": (
    _line(LineName.TILL_UNREACHABLE, "warning", "location call why failures do",
          "A location's till gave no answer three times in a row. It is left alone for 10 s, "
          "growing to 60 s between trials. `call` says whether for bills or for notices.",
          "See to the till and the way to it."),
    _line(LineName.TILL_REACHABLE, "info", "location call down_s failures",
          "The till answers again, and how long it did not."),
    _line(LineName.TILL_UNUSABLE, "error", "error exit_code do",
          "The till can not be reached as it is set up: a plug-in or a library is missing (exit "
          "78).",
          "Correct [till], try `paysera-worker check-config --online`."),
    _line(LineName.BILL_UNREADABLE, "warning", "file why",
          "A file in the bills folder can not be charged, and why. Told again when it changes.",
          "Correct the file, or what writes it."),
    _line(LineName.BILL_READABLE, "info", "file", "The file is gone or well again."),
    _line(LineName.BILL_VANISHED, "warning", "file bill visit paid",
          "A paid bill's file was gone; its receipt is in `paid/` all the same.",
          "Nothing but the worker should move a bill that is open."),
    _line(LineName.BILL_CHANGED_AFTER_PAYMENT, "error", "file bill visit paid other do",
          "The file changed after the guest had paid; the receipt has both amounts.",
          "Settle the difference with the guest."),
    _line(FactName.NOTICE_ACCEPTED, "info", _OF_VISIT + "bill amount attempts",
          "The till knows for good that this was paid."),
    _line(FactName.NOTICE_DELAYED, "error",
          _OF_VISIT + "transaction bill amount attempts why do",
          "**The bill is paid**, and the till has not accepted it for five minutes. Told once; the "
          "worker keeps telling the till, for three days.", "Make the till able to hear it."),
    _line(FactName.NOTICE_PARKED, "error",
          _OF_VISIT + "transaction bill amount attempts why do",
          "**The bill is paid**, and after three days the worker no longer tells the till.",
          "Enter it by hand, or mend the till and `paysera-worker repost VISIT`."),
    ),
    "A visit": (
    _line(FactName.SPOT_SEEN, "info", _OF_VISIT + "spot", "A guest checked in."),
    _line(FactName.BILL_AWAITED, "info", _OF_VISIT + "why seconds",
          "The till has no bill for the table yet, or can not tell; the guest waits at most so "
          "long."),
    _line(FactName.BILL_TOO_MUCH, "warning", _OF_VISIT + "transaction why do",
          "More than `[safety]` allows: not offered, or taken back before the confirm.",
          "Take the money another way, or raise the bound and restart."),
    _line(FactName.TRANSACTION_CREATED, "info", _OF_VISIT + "transaction amount part",
          "Paysera made the transaction. Nobody sees it yet."),
    _line(FactName.ORDER_OFFERED, "info", _OF_VISIT + "transaction amount part took_ms",
          "The guest sees the bill, or a part of it, in the app; at first `took_ms` after the "
          "check-in was seen."),
    _line(FactName.TRANSACTION_RESERVED, "info", _OF_VISIT + "transaction",
          "The guest agreed, and the money is held."),
    _line(FactName.BILL_HELD, "info", _OF_VISIT + "transaction seconds",
          "The guest agreed to a ceiling; the money is held at most so long, until the till says "
          "what is finally owed."),
    _line(FactName.BILL_LOWERED, "info", _OF_VISIT + "transaction amount why",
          "Less than the guest agreed to is taken: the final amount of a bill on hold, or a bill "
          "that the till lowered."),
    _line(FactName.TRANSACTION_CONFIRMED, "info", _OF_VISIT + "transaction amount part",
          "The money is taken: Paysera was asked again, and says so."),
    _line(FactName.VISIT_CLOSED, "info error",
          _OF_VISIT + "transaction end amount bill why attempts lasted_s looks",
          "The visit's one canonical line: how it ended, how much, why, how long it took, how many "
          "writes and looks. As an error (`end=parked`) it is left to a human.",
          "With `end=parked`: as for `visit.parked`."),
    _line(FactName.BILL_CHANGED, "warning", _OF_VISIT + "transaction why",
          "The till changed a bill that was on offer; it is withdrawn and offered anew."),
    _line(FactName.BILL_WITHDRAWN, "warning", _OF_VISIT + "transaction part why",
          "The till took back a bill, or a part, that was on offer."),
    _line(FactName.TRANSACTION_RELEASED, "info warning", _OF_VISIT + "transaction why",
          "It ended without money; as a warning, although the guest's money had been held.",
          "As a warning: the guest may ask; nothing was taken."),
    _line(FactName.TRANSACTION_ABANDONED, "info", _OF_VISIT + "reference why",
          "The answer to a create was lost and the transaction does not show; another is made, and "
          "the lost one is revoked when it does."),
    _line(LineName.TRANSACTION_LOST_AND_REVOKED, "info", "visit transaction reference",
          "It did show, and is revoked. Nobody ever saw it."),
    _line(LineName.TRANSACTION_LOST_BUT_PAID, "error", "visit transaction status do",
          "One that nobody was shown is paid.", "Look it up at Paysera, and tell the till."),
    _line(LineName.TRANSACTION_FOREIGN, "warning",
          "transaction status reference amount why do",
          "A transaction that is not this worker's, which never touches it.",
          "None, if another program uses the same credentials."),
    _line(FactName.TRANSACTION_MISMATCHED, "error", _OF_VISIT + "transaction why do",
          "Paysera's amount, currency or reference is not the bill's; nothing is taken.",
          "Compare the transaction with the bill; ask Paysera."),
    _line(FactName.TRANSACTION_CONFIRMED_ELSEWHERE, "warning", _OF_VISIT + "transaction do",
          "Somebody else confirmed ours. It counts as paid.", "Find out who."),
    _line(FactName.TRANSACTION_MISSING, "warning", _OF_VISIT + "transaction",
          "Paysera says that it knows no such transaction. It has to say so three times."),
    _line(FactName.TRANSACTION_STATUS_UNKNOWN, "warning", _OF_VISIT + "transaction status do",
          "A status that the worker does not know; it looks again.", _REPORT),
    _line(FactName.WRITE_REFUSED, "error",
          _OF_VISIT + "transaction kind status code description why do",
          "Paysera refused a call for good, in its own words.", "Read them; `do` says the rest."),
    _line(FactName.SPOT_FOREIGN, "warning", _OF_VISIT + "why do",
          "Somebody else's order lies on the table; nothing is stacked on it.",
          "Find out whose it is."),
    _line(FactName.SPOT_NOT_OURS, "info", _OF_VISIT + "why",
          "The guest now waiting there is the next one, and was not closed."),
    _line(FactName.SPOT_STUCK, "error", _OF_VISIT + "tries why do",
          "Paysera does not close the spot. The worker keeps trying.",
          "Close it with Paysera's own tools."),
    _line(LineName.SPOT_ECHOED, "debug", "table spot",
          "A list showed a check-in that is over already."),
    _line(FactName.VISIT_RESUMED, "info", _OF_VISIT + "step",
          "Taken up after a restart, and where it stood."),
    _line(LineName.VISITS_RESUMED, "info", "count", "So many were taken up at this start."),
    _line(FactName.VISIT_DOUBTFUL, "error", _OF_VISIT + "transaction amount tries why do",
          "Money is held, and something keeps it from being taken or given back. The worker keeps "
          "trying.", "Look the transaction up at Paysera; do not confirm it by hand."),
    _line(FactName.VISIT_PARKED, "error", _OF_VISIT + "transaction amount why do",
          "The worker leaves this visit's money alone. For a day each start says it again.",
          "Look the transaction up at Paysera, tell the till, then: "
          "`paysera-worker resolve VISIT`."),
    _line(FactName.VISIT_SURPRISED, "error", _OF_VISIT + "why do",
          "A fact that should be impossible; nothing was done about it.", _REPORT),
    _line(LineName.VISIT_CRASHED, "error", _OF_VISIT + "error count do exception",
          "A fault in one visit; it is resumed from the journal, the third time it is parked.",
          _REPORT),
    ),
    "Those who look on": (
    _line(LineName.LISTENER_READY, "info", "port base_url",
          "The page, the probes and the figures are there; see [monitoring.md](monitoring.md)."),
    _line(LineName.LISTENER_UNAVAILABLE, "error", "port why do",
          "Its port is taken or not allowed. Payments go on; it tries again every 30 s.",
          "Free the port or choose another `listener.port`."),
    _line(LineName.LISTENER_REFUSING, "warning", "why",
          "The machine has no file left for another connection; those at the door are turned away.",
          "See who holds so many connections open."),
    _line(LineName.LISTENER_PAST_UNREAD, "warning", "why",
          "The journal could not be read for the page, which shows less until it can."),
    _line(LineName.LISTENER_FAILED, "error", "error do exception",
          "A fault in the page or the probes. Payments go on.", _REPORT),
    _line(LineName.LISTENER_MISCOUNTED, "error", "error do exception",
          "A fault in the figures, which are wrong from now on. Payments go on.", _REPORT),
    _line(LineName.SIDELINE_CRASHED, "error", "loop error do exception",
          "What looks on ended by a fault. Payments go on.",
          "Restart the worker to have it back. " + _REPORT),
    ),
}
# fmt: on

LINES: Final = tuple(line for chapter in CHAPTERS.values() for line in chapter)
BY_NAME: Final = {line.name.value: line for line in LINES}
FIELDS: Final = frozenset(field for line in LINES for field in line.fields)
"""Every field that may be logged. Another one is left out of the line."""
