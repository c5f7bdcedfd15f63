"""A bad day: frozen, stopped at the wrong moment, locked out, rebooted, unplugged."""

import time
from typing import Final

from tests.operator.processes import until
from tests.system.venue import KEY_FILE, MAC_KEY, UNIT, Venue

WATCHDOG_S: Final = 60.0
STOP_S_MAX: Final = 10.0
STORM_S: Final = 8.0
"""Longer than the unit's RestartSec: a restart that is to come would have come."""


def watchdog(venue: Venue) -> str:
    """A worker whose loop stands still is killed and started again, and finishes its visit."""
    paying = venue.paying()
    pid, told = venue.pid(), len(venue.told("visits.resumed"))
    key = venue.guest("table4")
    venue.await_status("1 open")
    began_s = time.monotonic()
    venue.machine.type(f"systemctl kill --signal=STOP --kill-who=main {UNIT}")
    venue.agree(key)
    patience_s = WATCHDOG_S + 60.0
    until("it was started again", lambda: venue.restarts() == 1, patience_s)
    until("it is up again", lambda: venue.states()[0] == "active")
    took_s = time.monotonic() - began_s
    assert venue.pid() != pid
    lines = [line["message"] for line in venue.log() if "message" in line]
    assert any("Watchdog timeout" in line for line in lines), lines
    assert any("status=6/ABRT" in line or "status=9/KILL" in line for line in lines), lines
    venue.await_told("visits.resumed", told + 1)
    settled = paying.settle()
    assert venue.confirms(key) == 1
    return f"frozen, killed and up again within {took_s:.0f} s; the visit was resumed: {settled}"


def _stop_in_confirm(venue: Venue, table: str, held_s: float) -> tuple[float, str]:
    """Stop it while a confirm hangs, start it again; give how long the stop took, and the end."""
    paying = venue.paying()
    key = venue.guest(table)
    venue.wallet.control("PUT", "faults", {})
    before = {one["n"] for one in venue.wallet.calls("transaction.confirm")}
    venue.wallet.hold("transaction.confirm", held_s)
    venue.agree(key)
    until(
        "the confirm hangs",
        lambda: {one["n"] for one in venue.wallet.calls("transaction.confirm")} - before,
    )
    began_s = time.monotonic()
    venue.stop()
    took_s = time.monotonic() - began_s
    assert took_s <= STOP_S_MAX, f"the stop took {took_s:.1f} s"
    assert venue.states() == ("inactive", "dead", "success"), venue.states()
    assert venue.property("ExecMainStatus") == "0"
    venue.start()
    settled = paying.settle()
    venue.wallet.control("PUT", "faults", {})
    return took_s, settled


def stop_in_confirm(venue: Venue) -> str:
    """A stop waits for the confirm's answer when it comes in time."""
    took_s, settled = _stop_in_confirm(venue, "table5", 4.0)
    stopping = venue.told("worker.stopping")[-1]
    assert "confirming" in stopping["waits_for"], stopping
    return f"clean after {took_s:.1f} s with the answer kept; {settled}"


def stop_in_hung_confirm(venue: Venue) -> str:
    """A stop does not wait for ever, and what became of the confirm is found out later."""
    took_s, settled = _stop_in_confirm(venue, "table6", 20.0)
    return f"clean after {took_s:.1f} s without the answer, which the next start found; {settled}"


def wrong_key(venue: Venue) -> str:
    """A wrong key ends the service with 77; it stays ended, and comes back with the right one."""
    venue.await_quiet()
    venue.stop()
    started, crashed = len(venue.told("worker.started")), len(venue.told("worker.crashed"))
    venue.machine.type(f"cat > {KEY_FILE}", stdin="a-key-that-was-never-good\n")
    began_s = time.monotonic()
    venue.start()
    until("it ended", lambda: venue.states() == ("failed", "failed", "exit-code"))
    took_s = time.monotonic() - began_s
    assert venue.property("ExecMainStatus") == "77"
    said = venue.told("worker.turned_away", "-p err")[-1]
    assert "check-config" in said["do"], said
    calls = len(venue.wallet.control("GET", "requests")["requests"])
    until("a storm had its time", lambda: time.monotonic() - began_s > took_s + STORM_S)
    assert venue.states() == ("failed", "failed", "exit-code"), "it was started again"
    assert len(venue.told("worker.started")) == started + 1
    assert len(venue.told("worker.crashed")) == crashed
    assert len(venue.wallet.control("GET", "requests")["requests"]) == calls
    venue.machine.type(f"cat > {KEY_FILE}", stdin=MAC_KEY + "\n")
    venue.start()
    venue.await_status("wallet ok")
    paying = venue.paying()
    venue.agree(venue.guest("table7"))
    return f"77 after {took_s:.0f} s, not started again; with the right key {paying.settle()}"


def reboot(venue: Venue) -> str:
    """The machine reboots while a confirm hangs; the service comes up by itself and goes on."""
    paying = venue.paying()
    key = venue.guest("table8")
    venue.wallet.hold("transaction.confirm", 12.0)
    venue.agree(key)
    venue.wallet.await_held("transaction.confirm")
    began_s = time.monotonic()
    venue.machine.reboot()
    took_s = time.monotonic() - began_s
    until("the service is up by itself", lambda: venue.states()[0] == "active")
    settled = paying.settle()
    assert venue.told("visits.resumed", "-b")
    return f"up again after {took_s:.0f} s, the visit was resumed: {settled}"


def power_cut(venue: Venue) -> str:
    """The machine vanishes while a bill is offered, and the guest agrees meanwhile."""
    paying = venue.paying()
    key = venue.guest("table9")
    venue.await_status("1 open")
    venue.machine.cut_power()
    venue.agree(key)
    venue.machine.boot()
    until("the service is up by itself", lambda: venue.states()[0] == "active")
    settled = paying.settle()
    assert venue.confirms(key) == 1
    return f"the guest agreed while the machine was off: {settled}"


def books(venue: Venue) -> str:
    """At the end of the day both books agree to the cent, and the log has no crash in it."""
    venue.await_quiet()
    ledger, own = venue.wallet.ledger(), venue.report()
    elsewhere = 1250  # What the second instance took stands in its own journal.
    assert ledger["violations"] == [], ledger["violations"]
    assert (own["open"], own["parked"]) == (0, 0), own
    taken = own["confirmed_minor"]["EUR"] + elsewhere
    assert ledger["confirmed_total_minor"] == {"EUR": taken}, (ledger, own)
    assert venue.told("worker.crashed") == []
    count = ledger["confirmed_count"]
    return f"{count} payments, {taken / 100:.2f} EUR on both sides, no violation, no crash"
