"""The service floor, put together over its ports, wherever it runs."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from worker.domain.ids import LocationId
from worker.domain.policy import Policy
from worker.domain.safety import Mode, Safety
from worker.domain.visit import Visit
from worker.ports import Clock, Journal, JsonValue, Till, Wallet
from worker.service.allowance import Allowance
from worker.service.engine import Engine
from worker.service.ledger import KeyLedger
from worker.service.observing import Observer, SealedWallet
from worker.service.performing import Hands
from worker.service.poller import ReservationPoller, SpotPoller
from worker.service.postman import Postman
from worker.service.pulse import Pulse
from worker.service.recorder import Recorder
from worker.service.sightings import Sightings
from worker.service.strangers import Strangers
from worker.service.supervisor import Herald, Supervisor
from worker.service.sweeper import Sweeper

POLLS_TO_GO: Final = 2.5
"""Polls without a spot after which whoever waits there next is another guest, to who only looks."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far the worker may go, and what it says about that."""

    safety: Safety = field(default_factory=Safety)
    past: Sequence[Visit] = ()
    """The visits that may have taken money this day, where a bound counts them."""
    mode: str = ""
    """The words for what the worker works with and may do."""

    @property
    def is_observing(self) -> bool:
        """Tell whether nothing may be sent that changes anything."""
        return self.safety.mode is Mode.OBSERVE


def assemble(
    *,
    locations: Sequence[LocationId],
    spots_interval_s: float,
    reservations_interval_s: float,
    policy: Policy,
    wallet: Wallet,
    journal: Journal,
    till: Till,
    clock: Clock,
    dice: random.Random,
    herald: Herald,
    wallet_report: Callable[[], Mapping[str, JsonValue]],
    recorder: Recorder | None = None,
    bounds: Bounds | None = None,
) -> Supervisor:
    """Give a supervisor with everything it runs. Call it inside the loop that shall run it."""
    bounds = bounds or Bounds()
    if bounds.is_observing:
        wallet = SealedWallet(wallet)  # Every write goes through here, whoever asks for it.
    allowance = Allowance(bounds.safety, clock, bounds.past)
    ledger, pulse, sightings = KeyLedger(journal), Pulse(clock), Sightings(spots_interval_s)
    strangers = Strangers(wallet, journal, clock, ledger, recorder)
    lock = asyncio.Lock()
    hands = Hands(
        wallet, till, journal, clock, ledger, sightings, strangers, lock, policy, allowance
    )
    postman = Postman(till=till, journal=journal, clock=clock, policy=policy, pulse=pulse)
    engine = make_engine(hands, dice, postman, recorder)
    observer = None
    if bounds.is_observing:
        observer = Observer(hands, pulse, gone_after_s=POLLS_TO_GO * spots_interval_s)
    spot_pollers = [
        spot_poller(each, spots_interval_s, hands, engine=engine, pulse=pulse, observer=observer)
        for each in locations
    ]
    reservation_poller = ReservationPoller(
        interval_s=reservations_interval_s,
        wallet=wallet,
        engine=engine,
        strangers=strangers,
        clock=clock,
        pulse=pulse,
    )
    return Supervisor(
        engine=engine,
        journal=journal,
        spot_pollers=spot_pollers,
        reservation_poller=reservation_poller,
        postman=postman,
        sweeper=Sweeper(engine=engine, strangers=strangers, clock=clock, pulse=pulse),
        pulse=pulse,
        clock=clock,
        dice=dice,
        herald=herald,
        wallet_report=wallet_report,
        observer=observer,
        mode=bounds.mode,
    )


def make_engine(
    hands: Hands, dice: random.Random, postman: Postman, recorder: Recorder | None
) -> Engine:
    """Give the actors of all visits, with these hands."""
    return Engine(
        hands=hands,
        journal=hands.journal,
        clock=hands.clock,
        policy=hands.policy,
        dice=dice,
        postman=postman,
        recorder=recorder,
    )


def spot_poller(
    location_id: LocationId,
    interval_s: float,
    hands: Hands,
    *,
    engine: Engine,
    pulse: Pulse,
    observer: Observer | None,
) -> SpotPoller:
    """Give the poll of one location, which tells the engine, or who only looks on."""
    return SpotPoller(
        location_id=location_id,
        interval_s=interval_s,
        wallet=hands.wallet,
        engine=engine,
        sightings=hands.sightings,
        clock=hands.clock,
        pulse=pulse,
        newcomer=observer.see if observer else None,
        serves=hands.allowance.serves,
    )
