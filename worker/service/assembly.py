"""The service floor, put together over its ports, wherever it runs."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from worker.domain.ids import LocationId
from worker.domain.policy import Policy
from worker.ports import Clock, Journal, JsonValue, Till, Wallet
from worker.service.engine import Engine
from worker.service.ledger import KeyLedger
from worker.service.performing import Hands
from worker.service.poller import ReservationPoller, SpotPoller
from worker.service.postman import Postman
from worker.service.pulse import Pulse
from worker.service.recorder import Recorder
from worker.service.sightings import Sightings
from worker.service.strangers import Strangers
from worker.service.supervisor import Herald, Supervisor
from worker.service.sweeper import Sweeper


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
) -> Supervisor:
    """Give a supervisor with everything it runs. Call it inside the loop that shall run it."""
    ledger = KeyLedger(journal)
    pulse = Pulse(clock)
    sightings = Sightings(spots_interval_s)
    strangers = Strangers(wallet, journal, clock, ledger)
    searching = asyncio.Lock()
    hands = Hands(wallet, till, journal, clock, ledger, sightings, strangers, searching, policy)
    postman = Postman(till=till, journal=journal, clock=clock, policy=policy, pulse=pulse)
    engine = Engine(
        hands=hands,
        journal=journal,
        clock=clock,
        policy=policy,
        dice=dice,
        postman=postman,
        recorder=recorder,
    )
    spot_poller = partial(
        SpotPoller, interval_s=spots_interval_s, sightings=sightings, wallet=wallet, engine=engine
    )
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
        spot_pollers=[
            spot_poller(location_id=each, clock=clock, pulse=pulse) for each in locations
        ],
        reservation_poller=reservation_poller,
        postman=postman,
        sweeper=Sweeper(engine=engine, strangers=strangers, clock=clock, pulse=pulse),
        pulse=pulse,
        clock=clock,
        dice=dice,
        herald=herald,
        wallet_report=wallet_report,
    )
