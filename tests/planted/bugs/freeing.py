"""Bugs about closing the spot: the one call that can hurt an innocent next guest."""

from typing import Final

from tests.planted.bug import Bug, Change

CLOSING: Final = "worker/domain/rules/closing.py"
DECISION: Final = "worker/domain/decision.py"
MISSING: Final = "worker/domain/rules/missing.py"
SEEN: Final = "worker/domain/rules/seen.py"
TAKING: Final = "worker/domain/rules/taking.py"

BUGS: Final = (
    Bug(
        "close-without-a-look",
        "No money is held any more, so the spot is closed at once. By now the next guest may sit "
        "there.",
        (
            Change(
                DECISION,
                """
    return enter(visit, Step.CLOSING, now, LookAtSpot(), *facts, end=end, reason=reason)
""",
                """
    free = CloseSpot(now + timedelta(seconds=5))
    return enter_and_send(visit, Step.CLOSING, now, free, *facts, end=end, reason=reason)
""",
            ),
            Change(
                DECISION,
                "import Command, LookAtSpot, Write\n",
                "import CloseSpot, Command, Write\n",
            ),
        ),
    ),
    Bug(
        "close-may-leave-late",
        "A close is harmless when the spot is empty, so it has all the time in the world. After "
        "a long pause of the machine the next guest sits there.",
        (
            Change(
                CLOSING,
                "    close = CloseSpot(now + timedelta(seconds=policy.close_window_s))\n",
                "    close = CloseSpot(now + timedelta(hours=1))\n",
            ),
        ),
    ),
    Bug(
        "close-repeated-blindly",
        "No answer came, so the close is sent again. If the first one worked, the second throws "
        "out the guest who came at once.",
        (
            Change(
                CLOSING,
                "    events.WriteUnknown: doubt,\n",
                """
    events.WriteUnknown: lambda visit, event, now, policy: decision.send(
        visit, now, CloseSpot(now + timedelta(seconds=policy.close_window_s))
    ),
""",
            ),
        ),
    ),
    Bug(
        "no-answer-to-a-close-means-closed",
        "The close left in good order; only its answer is missing. The spot still waits, and the "
        "guest who has paid is asked again.",
        (
            Change(
                CLOSING,
                "    events.WriteUnknown: doubt,\n",
                """
    events.WriteUnknown: lambda visit, event, now, policy: finish(
        visit, now, visit.end, visit.reason
    ),
""",
            ),
        ),
    ),
    Bug(
        "doubt-about-a-close-forgotten",
        "The spot is looked at before every close, so it seemed needless to note that one may "
        "have worked. The next guest looks just like the last one.",
        (
            Change(
                CLOSING,
                "    return decision.look(replace(visit, is_doubtful=True), LookAtSpot())\n",
                "    return decision.look(visit, LookAtSpot())\n",
            ),
        ),
    ),
    Bug(
        "doubt-about-a-close-forgotten-at-restart",
        "A new start looks at the spot anyway, so the close that the dead process may have sent "
        "is not asked about.",
        (
            Change(
                CLOSING,
                """
    in_doubt = replace(visit, is_doubtful=visit.is_doubtful or WriteKind.CLOSE in event.in_flight)
""",
                """
    in_doubt = replace(visit, is_doubtful=visit.is_doubtful)
""",
            ),
        ),
    ),
    Bug(
        "whoever-waits-is-closed",
        "The spot still waits and the visit is over, so it is closed. Whose guest waits there "
        "was not asked.",
        (
            Change(
                CLOSING,
                """
    if not is_tied(visit, event):
        told = info(FactName.SPOT_NOT_OURS, why="the guest now waiting there is not this visit's")
        return finish(visit, now, visit.end, visit.reason, told)
""",
                "",
            ),
        ),
    ),
    Bug(
        "waiting-without-a-gap-assumed",
        "Where no order can tell, the guest is taken for the same one. Since when the spot waits "
        "was not compared.",
        (
            Change(
                CLOSING,
                """
    is_unbroken = event.waiting_since is not None and event.waiting_since <= visit.opened_at
""",
                """
    is_unbroken = event.spot.status is SpotStatus.WAITING
""",
            ),
        ),
    ),
    Bug(
        "close-over-a-strangers-order",
        "Our own order is on the spot, so it is ours to close. Somebody else's order beside it "
        "goes down with it.",
        (
            Change(
                CLOSING,
                """
    if spot.live_keys() - event.earlier_keys - visit.keys:
        told_once, facts = decision.alarm(
            visit,
            warning(
                FactName.SPOT_FOREIGN,
                why="an order that is not ours is on the spot beside ours",
                do="the spot is closed once it is gone; is another worker or till at work?",
            ),
        )
        return decision.wait(told_once, now, policy.foreign_look_s, *facts)
""",
                "",
            ),
        ),
    ),
    Bug(
        "spot-not-closed-after-a-no",
        "The guest has declined, so there is nothing left to do. The spot goes on waiting, and "
        "the same guest is asked again and again.",
        (
            Change(
                TAKING,
                """
        return parts.go_on(gone, now, End.DECLINED, "the guest declined")
""",
                """
        over = replace(
            gone,
            step=Step.CLOSED,
            end=End.DECLINED,
            reason="the guest declined",
            spot_closed_at=now,
            wake_at=None,
        )
        return Decision(over)
""",
            ),
        ),
    ),
    Bug(
        "spot-not-closed-without-a-bill",
        "Nothing was offered, so nothing needs closing. The guest sits before a spinner for ever.",
        (
            Change(
                SEEN,
                """
        return decision.close(visit, now, leaves(visit, End.NO_BILL), why)
""",
                """
        return closing.finish(visit, now, leaves(visit, End.NO_BILL), why)
""",
            ),
        ),
    ),
    Bug(
        "parked-visit-leaves-its-spot-waiting",
        "A human must look at the money, so the worker lets go of everything, the table too.",
        (
            Change(
                MISSING,
                """
    return parts.wind_up(left, now, End.PARKED, why, parked(visit, why))
""",
                """
    over = replace(
        visit, step=Step.PARKED, end=End.PARKED, reason=why, spot_closed_at=now, wake_at=None
    )
    return Decision(over, None, (parked(visit, why),))
""",
            ),
            Change(
                MISSING,
                "from worker.domain.visit import End, Visit",
                "from worker.domain.visit import End, Step, Visit",
            ),
        ),
    ),
)
