"""How long, how often, how many: every number that a rule needs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The limits that decisions keep. The first five are the operator's, the rest are ours."""

    bill_wait_s: float = 60.0
    """How long a guest may wait for the till to have a bill."""
    offer_ttl_s: float = 600.0
    """How long an offered bill may stay unpaid."""
    reserve_for_s: int = 900
    """How long the wallet holds a guest's money for us."""
    serves_oldest_bill: bool = False
    """Of several open bills at a table the oldest is offered; False: none, until one is left."""
    confirms_lowered: bool = False
    """A bill that shrank after the guest agreed is taken for less; False: it is offered anew."""

    bill_retry_s: float = 2.0
    """Asking the till again is cheap, and a guest is standing there."""
    look_every_s: float = 10.0
    """A refusal by the guest shows in no list, so each offer is looked at by key as well."""
    confirm_window_s: float = 5.0
    """A confirm leaves this soon after the look that allowed it, or not at all."""
    confirm_grace_s: float = 75.0
    """How long a confirm that has left may still work: longer than the minute for which our
    simulated network holds a call back. The vendor names no bound, so this is a guess. Later than
    that, money that is seen held counts as not taken."""
    close_window_s: float = 5.0
    """A close leaves this soon after the look that allowed it, or not at all: a frozen machine or a
    throttled line must not throw out the guest who came meanwhile."""
    create_grace_s: float = 10.0
    """How long a lost create may still surface before another is made. Short, because the guest
    waits and a second one is inert: its key was never shown to anybody."""
    foreign_look_s: float = 15.0
    """How often to look whether somebody else's order has left the spot."""
    leftover_wait_s: float = 15.0
    """How long a spot may still show our earlier visit before it is freed again."""
    unsent_wait_s: float = 2.0
    throttled_wait_s: float = 1.0
    """The wallet adapter already waits as long as it was told to."""
    credentials_wait_s: float = 15.0
    """Invalid requests count towards the vendor's limit."""
    refusals_max: int = 5
    """How often the same write may be refused before the visit takes its exit."""
    revoke_patience_s: float = 1800.0
    """How long an unpaid transaction that can not be withdrawn may keep its table."""
    misses_max: int = 3
    misses_gap_s: float = 10.0
    """A transaction that is gone is looked for again before it is believed."""
    reservation_margin_s: float = 60.0
    """How long before a reservation's end it is given back rather than left to lapse."""
    doubt_alarm_s: float = 120.0
    """How long money may stay in doubt before a human is told."""
    look_failed_wait_s_max: float = 15.0
    hold_look_s: float = 15.0
    """How often the till is asked for the final amount of a bill on hold."""
    notice_wait_s: float = 5.0
    """How soon the till is told again after it did not accept a notice; doubling."""
    notice_wait_s_max: float = 600.0
    notice_alarm_s: float = 300.0
    """How long the till may not know of a paid bill before a human is told."""
    notice_patience_s: float = 72 * 3600.0
    """How long the till is told before it is left to a human."""
    notice_attempts_min: int = 50
    """How often at the least, whatever the clock says."""


def backoff_s(tries: int, wait_s_max: float = 30.0) -> float:
    """Give the wait after so many tries: half a second, doubling."""
    return float(min(wait_s_max, 0.5 * 2 ** min(max(tries - 1, 0), 20)))
