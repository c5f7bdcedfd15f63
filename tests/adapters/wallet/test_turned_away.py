"""When the wallet's refusals mean that these credentials were never good."""

import pytest

from tests.service.world import FakeClock
from worker.adapters.wallet.health import TURNED_AWAY_REFUSALS, TURNED_AWAY_S, Pulse
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent

NO = Refused(Refusal.CREDENTIALS, 401, "unauthorized", "")
FORBIDDEN = Refused(Refusal.CREDENTIALS, 403, "forbidden", "")


class Gate:
    """A pulse that is told of calls, one every few seconds."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.pulse = Pulse(self.clock)

    async def hear(self, outcome: Outcome[object], op: str = "spots", times: int = 1) -> None:
        for _ in range(times):
            self.pulse.note(op, outcome)
            await self.clock.sleep(3.0)

    def is_turned_away(self) -> bool:
        health = self.pulse.snapshot(
            throttled_for_s=0.0, clock_offset_s=0.0, in_flight=0, waiting=0
        )
        return health.is_turned_away


@pytest.mark.parametrize("no", [NO, FORBIDDEN])
async def test_reads_that_are_refused_again_and_again_from_the_start_are_a_wrong_key(
    no: Refused,
) -> None:
    """Not one refusal fewer than that (F16)."""
    gate = Gate()
    await gate.hear(no, times=TURNED_AWAY_REFUSALS - 1)
    assert not gate.is_turned_away()
    await gate.hear(no)

    assert gate.is_turned_away()


async def test_many_refusals_in_a_moment_are_a_slip() -> None:
    """Time has to pass, too: the wallet may be in the middle of something."""
    gate = Gate()
    for _ in range(50):
        gate.pulse.note("spots", NO)
    await gate.clock.sleep(TURNED_AWAY_S - 0.1)
    assert not gate.is_turned_away()
    await gate.clock.sleep(0.1)

    assert gate.is_turned_away()


@pytest.mark.parametrize(
    ("accepted", "op"),
    [
        (Done(()), "spots"),
        (Done(()), "transactions"),
        (Done(None), "close"),
        (Refused(Refusal.MISSING, 404, "not_found", ""), "spot"),
    ],
)
async def test_a_key_that_was_good_once_is_never_called_wrong(
    accepted: Outcome[object], op: str
) -> None:
    """A key that is changed under a running worker is waited for (F16)."""
    gate = Gate()
    await gate.hear(NO, times=2)
    await gate.hear(accepted, op)
    await gate.hear(NO, times=50)

    assert not gate.is_turned_away()


@pytest.mark.parametrize(
    ("said", "op"),
    [
        (NO, "close"),
        (NO, "server"),
        (Unknown("HTTP 500"), "spots"),
        (Unsent("ConnectError"), "spots"),
        (Refused(Refusal.THROTTLED, 429, "rate_limit_exceeded", ""), "spots"),
    ],
)
async def test_what_is_no_refused_read_counts_for_nothing(said: Outcome[object], op: str) -> None:
    """Neither an outage nor a pause nor a write says that the key is wrong, or right."""
    gate = Gate()
    await gate.hear(said, op, times=50)
    assert not gate.is_turned_away()
    await gate.hear(NO, times=TURNED_AWAY_REFUSALS)

    assert gate.is_turned_away()


async def test_a_wrong_clock_is_not_a_wrong_key() -> None:
    """Refused for our time, we go on asking: the clock may be set meanwhile (F15)."""
    gate = Gate()
    gate.pulse.note_clock_refused()
    await gate.hear(NO, times=50)

    assert not gate.is_turned_away()


async def test_the_unsigned_time_of_the_server_proves_no_key() -> None:
    """It answers everybody."""
    gate = Gate()
    await gate.hear(Done(1), "server")
    await gate.hear(NO, times=TURNED_AWAY_REFUSALS)

    assert gate.is_turned_away()
