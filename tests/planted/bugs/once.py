"""Mistakes that were really in the product once, each found by a simulation and mended."""

from typing import Final

from tests.planted.bug import Bug, Change

CLOSING: Final = "worker/domain/rules/closing.py"
COURIER: Final = "worker/adapters/wallet/courier.py"
ENGINE: Final = "worker/service/engine.py"
LEDGER: Final = "worker/service/ledger.py"
LINKING: Final = "worker/domain/rules/linking.py"
MACHINE: Final = "worker/domain/machine.py"
MEMORY_JOURNAL: Final = "worker/adapters/journal/memory.py"
OPENING: Final = "worker/adapters/journal/opening.py"
PERFORMING: Final = "worker/service/performing.py"
REVOKING: Final = "worker/domain/rules/revoking.py"
SEEN: Final = "worker/domain/rules/seen.py"
SIGHTINGS: Final = "worker/service/sightings.py"
STRANGERS: Final = "worker/service/strangers.py"

BUGS: Final = (
    Bug(
        "leftover-takes-the-earlier-keys",
        "An order of an earlier visit is marked as the new visit's own, so that closing finds it. "
        "The journal refuses that, and the spot is never freed.",
        (
            Change(
                SEEN,
                """
    return decision.close(visit, now, end, "the spot still showed an earlier visit")
""",
                """
    keys = tuple(sorted(event.spot.live_keys() & event.earlier_keys))
    marked = replace(visit, former_keys=visit.former_keys + keys, offered_at=now)
    return decision.close(marked, now, end, "the spot still showed an earlier visit")
""",
            ),
        ),
    ),
    Bug(
        "gone-once-is-gone",
        "After a revoke was sent, one answer that knows of no such transaction ends it. The revoke "
        "was lost, and a second bill is offered beside the first.",
        (
            Change(
                REVOKING,
                """
    if visit.is_doubtful and missed.misses < policy.misses_max:
""",
                """
    if visit.is_doubtful and missed.misses < 1:
""",
            ),
        ),
    ),
    Bug(
        "close-after-a-freeze",
        "A close has no time by which it must have left. The machine freezes between the look and "
        "the close, and the next guest is thrown out.",
        (
            Change(
                CLOSING,
                """
    close = CloseSpot(now + timedelta(seconds=policy.close_window_s))
""",
                """
    close = CloseSpot(now + timedelta(hours=1))
""",
            ),
        ),
    ),
    Bug(
        "lost-creates-by-an-old-clock",
        "The search for a lost create begins when the journal says that it was sent. The clock was "
        "set meanwhile, and the search looks at another day.",
        (
            Change(
                STRANGERS,
                """
        ages = [WATCHED_FOR if is_early else age_of(one, now) for one in lost]
""",
                """
        ages = [now - one.begun_at for one in lost]
""",
            ),
        ),
        tests=("tests/service/test_loose_ends.py",),
        why_tests="the clock has to be set between a create that is lost and the next start",
    ),
    Bug(
        "an-answer-without-payments-is-remembered",
        "What was read once need not be read again. One answer left its payments out, and the "
        "transaction counts as nobody's for good.",
        (
            Change(
                LEDGER,
                """
        if not transaction.payments:
            return  # It may carry one all the same: whoever searches has to read it again.
""",
                "",
            ),
        ),
        tests=("tests/service/test_ledger.py",),
        why_tests="it takes two rare things at once, which a short hunt may miss",
    ),
    Bug(
        "one-answer-without-orders-is-believed",
        "A spot without orders is taken as the wallet shows it. It left them out once, and weaker "
        "evidence closes the next guest.",
        (
            Change(
                PERFORMING,
                """
        if not self.sightings.is_whole(spot):
""",
                """
        if not self.sightings.is_whole(spot) and spot.orders is not None:
""",
            ),
        ),
    ),
    Bug(
        "a-stop-counts-as-a-try",
        "A stop comes between the decision and the call; the decision is written as it is. After "
        "the restart a call that never left counts as made.",
        (
            Change(
                ENGINE,
                """
                actor.visit = machine.left_undone(actor.visit, command)
""",
                "",
            ),
        ),
        tests=("tests/service/test_stopping.py",),
        why_tests="it takes two rare things at once, which a short hunt may miss",
    ),
    Bug(
        "a-link-in-doubt-was-never-shown",
        "An order that was never seen on the spot was never shown to a guest. The answer was lost, "
        "the guest saw it and left, and the next one is closed.",
        (
            Change(
                LINKING,
                """
    may_be_shown = visit.is_doubtful and visit.offered_at is None
""",
                """
    may_be_shown = False and visit.is_doubtful
""",
            ),
        ),
        tests=("tests/domain/test_offering.py",),
        why_tests="it takes two rare things at once, which a short hunt may miss",
    ),
    Bug(
        "polls-vouch-for-a-visit-from-before",
        "A visit that began before every poll was seen without a gap. The clock was set back, so "
        "every visit from before the restart began after every poll.",
        (
            Change(
                SIGHTINGS,
                """
        if visit.visit_id in self._taken_up:
            return None
""",
                "",
            ),
        ),
        tests=("tests/service/test_sightings.py",),
        why_tests="it takes two rare things at once, which a short hunt may miss",
    ),
    Bug(
        "a-log-that-was-never-synced",
        "What can be read from the log is there. A failed sync left it in the machine's memory "
        "alone, and the next power cut takes all that was built on it.",
        (
            Change(
                OPENING,
                """
        make_log_durable(path)
        connection = connect(path)
""",
                """
        connection = connect(path)
""",
            ),
        ),
        tests=("tests/disk/test_io_errors.py",),
        why_tests="it takes a failed sync, a new start, and then a power cut",
    ),
    Bug(
        "parked-is-told-by-one-run-alone",
        "Only the run that gives a visit up calls a human. When it dies between its journal and "
        "its log, money is left lying and no line says so.",
        (
            Change(
                ENGINE,
                """
        await self._tell_parked()
""",
                "",
            ),
        ),
        tests=("tests/service/test_loose_ends.py",),
        why_tests="the run has to die in one instant of a visit that is seldom parked",
    ),
    Bug(
        "create-in-doubt-over-with-its-visit",
        "Only creates that were followed by another are searched for. One that is still in doubt "
        "when its visit ends may appear later, and nobody withdraws it.",
        (
            Change(
                MEMORY_JOURNAL,
                """
            or (page.visit.step in FINAL and is_live_create(intent, kept))
""",
                "",
            ),
        ),
        tests=("tests/contract/test_loose_ends.py",),
        why_tests="six answers in a row have to be lost, and the last request has to come late",
    ),
    Bug(
        "one-denial-frees-the-spot",
        "One answer that knows of no such spot ends the visit. The guest has paid, still waits, "
        "and is asked to pay again.",
        (
            Change(
                CLOSING,
                """
    if missed.misses < policy.misses_max:
        return decision.wait(missed, now, policy.misses_gap_s)
    return finish(missed, now, visit.end, visit.reason)
""",
                """
    return finish(missed, now, visit.end, visit.reason)
""",
            ),
        ),
    ),
    Bug(
        "parked-guest-is-asked-again",
        "Where spots hide their orders, only a plain payment is reason enough to close a spot "
        "that nothing ties to the visit. A guest whose payment is a riddle is asked again.",
        (
            Change(
                CLOSING,
                """
MAY_HAVE_PAID: Final = HAS_PAID | {End.PARKED}
""",
                """
MAY_HAVE_PAID: Final = HAS_PAID
""",
            ),
        ),
        tests=("tests/domain/test_closing.py",),
        why_tests="the wallet has to lie about a payment and to hide orders in one evening",
    ),
    Bug(
        "answer-from-before-the-sleep",
        "An answer counts from when it is read. A suspended machine's timers stood still, so what "
        "it reads on waking is an hour old, and a close follows from it.",
        (
            Change(
                COURIER,
                """
            if not call.is_write and self._clock.ticks_s() - began_s > within_s + PAUSE_S:
                return Unknown("the machine stood still, and the answer is out of date")
""",
                "",
            ),
        ),
        tests=("tests/adapters/wallet/test_resending.py",),
        why_tests="the simulator has a wallet of its own in the client's place",
    ),
    Bug(
        "unclear-answers-do-not-stop-the-count",
        "An answer that leaves the payments out says nothing about what is missing. Together with "
        "two stray denials it counts as gone, and the spot is closed over held money.",
        (
            Change(
                MACHINE,
                """
    if visit.misses and isinstance(event, events.TransactionLooked):
        visit = replace(visit, misses=0)
""",
                "",
            ),
        ),
        tests=("tests/domain/test_moments.py",),
        why_tests="three strange answers of two kinds have to meet in one visit",
    ),
    Bug(
        "unknown-word-hides-a-strangers-order",
        "A spot with a status that nobody knows is waited out, whatever else it shows. Then the "
        "link is sent again, beside a stranger's order.",
        (
            Change(
                LINKING,
                """
    if would_add and spot.live_keys() - event.earlier_keys - visit.keys:
        return give_up(visit, now, End.REFUSED, "somebody else put an order on the spot")
    if spot.status is SpotStatus.OTHER:
        return decision.wait(visit, now, policy.unsent_wait_s)
""",
                """
    if spot.status is SpotStatus.OTHER:
        return decision.wait(visit, now, policy.unsent_wait_s)
    if would_add and spot.live_keys() - event.earlier_keys - visit.keys:
        return give_up(visit, now, End.REFUSED, "somebody else put an order on the spot")
""",
            ),
        ),
        tests=(
            "tests/simulation/test_crashes.py::test_dying_at_any_step_changes_nothing_that_matters"
            "[a link is refused, and the spot shows a stranger's order and a strange word]",
            "tests/domain/test_offering.py",
        ),
        why_tests="a strange word, a stranger's order and a refused link have to meet, which a "
        "script brings about and chance hardly ever",
    ),
)
