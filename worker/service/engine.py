"""One turn: a fact, a decision, the journal, the act, and what came of it as the next fact.

Every visit has an actor here. Its facts are taken one after the other; different visits run side by
side. Before anything is done to the world the decision and its intent are durable, and nothing is
told in the log that is not. Recovery is the same loop, started with the fact that we were away.
"""

import asyncio
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import structlog

from worker.domain import events, machine
from worker.domain.commands import WriteKind
from worker.domain.decision import Decision
from worker.domain.errors import JournalConflict, JournalUnavailable
from worker.domain.facts import FactName, Level
from worker.domain.ids import LocationId, SpotId, TransactionKey, VisitId
from worker.domain.policy import Policy
from worker.domain.rules import confirming
from worker.domain.visit import FINAL, Step, Visit
from worker.domain.wallet import Spot
from worker.logbook import LineName
from worker.ports import Clock, Entry, Intent, IntentState, Journal, Record, Settled, Surfaced
from worker.service.actor import Actor, intent_of, matters, resumption
from worker.service.performing import Hands, Performed
from worker.service.postman import Postman
from worker.service.recorder import Recorder, Silence

CRASHES_MAX: Final = 3
CRASH_PAUSE_S: Final = 5.0
PARKED_TOLD_FOR: Final = timedelta(days=1)
"""For how long each start tells again of a visit that was left to a human."""
NONCE_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without the letters and digits that people mistake for one another."""


log = structlog.get_logger()


class Engine:
    """The actors of all open visits."""

    def __init__(
        self,
        *,
        hands: Hands,
        journal: Journal,
        clock: Clock,
        policy: Policy,
        dice: random.Random,
        postman: Postman,
        recorder: Recorder | None = None,
    ) -> None:
        self._hands = hands
        self._postman = postman
        self._journal = journal
        self._clock = clock
        self._policy = policy
        self._dice = dice
        self._recorder = recorder or Silence()
        self._actors: dict[VisitId, Actor] = {}
        self._at_spot: dict[SpotId, VisitId] = {}
        self._by_key: dict[TransactionKey, VisitId] = {}
        self._next_id = VisitId(1)
        self._group: asyncio.TaskGroup | None = None
        self._is_stopping = False
        bound = (
            log.bind()
        )  # Once: a logger that is looked up for each line costs more than the line.
        self._tell_by_level = {
            Level.INFO: bound.info,
            Level.WARNING: bound.warning,
            Level.ERROR: bound.error,
        }
        self.stirred = asyncio.Event()
        """Set when some visit's time to wake may have moved."""
        self.ended = 0
        self.parked = 0
        """Visits that wait for a human, those of earlier runs among them."""
        self.is_draining = False
        """No new visits are begun; open ones are finished."""

    # What the supervisor does with it.

    async def start(self, group: asyncio.TaskGroup) -> int:
        """Take up every unfinished visit; return how many there are."""
        self._group = group
        self._next_id = await self._journal.next_visit_id()
        opened = await self._journal.open_visits()
        for unfinished in opened:
            visit = unfinished.visit
            actor = Actor(visit, visit, unfinished.pending)
            self._actors[visit.visit_id] = actor
            self._index(actor)
            self._hands.allowance.note(visit)
            self._hands.sightings.take_up(visit.visit_id)
            self._tell(actor, resumption(actor))
        await self._tell_parked()
        return len(opened)

    async def _tell_parked(self) -> None:
        """Call a human again: the run that did may have died between its journal and its log."""
        before = await self._journal.parked_lately()
        self.parked = len(before)
        for visit in before:
            if self._clock.now() - visit.since < PARKED_TOLD_FOR:
                actor = Actor(visit, visit)
                actor.facts.append(machine.parked_before(visit))
                self._log(actor)

    def one_settled(self) -> None:
        """Count one visit less that waits for a human."""
        self.parked = max(0, self.parked - 1)

    async def drain(self, patience_s: float) -> None:
        """Begin nothing new, let the calls in flight end, and journal what came of them.

        A call that outlasts the patience is cut off; its pending intent is the truth about it.
        """
        self._is_stopping = True
        running = [actor.task for actor in self._actors.values() if actor.task is not None]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=patience_s)
        for task in late:
            task.cancel()

    def drain_from_now(self, is_draining: bool) -> None:
        """Begin no new visits and finish the open ones; or begin new ones again."""
        self.is_draining = is_draining

    def in_flight(self) -> list[Visit]:
        """Give the visits whose turn is under way."""
        return [actor.visit for actor in self._actors.values() if actor.task is not None]

    # What the pollers and the sweeper tell it.

    def open_visits(self) -> Iterable[Visit]:
        """Give every visit that is not over."""
        return [actor.visit for actor in self._actors.values()]

    def visit_at(self, spot_id: SpotId) -> Visit | None:
        """Give the visit that holds a spot."""
        visit_id = self._at_spot.get(spot_id)
        return None if visit_id is None else self._actors[visit_id].visit

    def visit_of(self, key: TransactionKey) -> Visit | None:
        """Give the open visit that a transaction belongs to."""
        visit_id = self._by_key.get(key)
        return None if visit_id is None else self._actors[visit_id].visit

    def begin(self, spot: Spot, location_id: LocationId, at: datetime) -> None:
        """Begin a visit at a waiting spot that none holds. A look at the spot comes first."""
        if self._is_stopping or self.is_draining:
            return
        visit_id = self._next_id
        self._next_id = VisitId(visit_id + 1)
        opened = machine.open_visit(
            visit_id=visit_id,
            instance=self._journal.instance,
            nonce="".join(self._dice.choice(NONCE_LETTERS) for _ in range(6)),
            location_id=location_id,
            spot_id=spot.spot_id,
            table=spot.identifier,
            now=at,
        )
        actor = Actor(opened.visit, None)
        actor.facts.extend(opened.facts)
        self._actors[visit_id] = actor
        self._index(actor)
        self._tell(actor, events.Woke())

    def hint(self, visit_id: VisitId, event: events.SpotHinted | events.TransactionHinted) -> None:
        """Pass on what a list suggests, unless the visit is busy and will look anyway."""
        actor = self._actors.get(visit_id)
        if actor is not None and actor.task is None:
            self._tell(actor, event)

    def wake_due(self, now: datetime) -> None:
        """Wake every visit whose time has come."""
        for actor in list(self._actors.values()):
            if actor.due_at is not None and actor.due_at <= now and actor.task is None:
                actor.due_at = None
                self._tell(actor, events.Woke())

    def wake_failed(self) -> None:
        """Wake the visits that wait because the wallet could not be reached."""
        for actor in list(self._actors.values()):
            if actor.visit.failures and actor.task is None and not actor.inbox:
                self._tell(actor, events.Woke())

    def next_due(self) -> datetime | None:
        """Tell when the next visit wants to be woken; None: none does."""
        dues = [a.due_at for a in self._actors.values() if a.due_at is not None and not a.task]
        return min(dues, default=None)

    # One turn.

    def _tell(self, actor: Actor, event: events.Event) -> None:
        actor.inbox.append(event)
        if actor.task is None and self._group is not None and not self._is_stopping:
            actor.task = self._group.create_task(
                self._take_turns(actor), name=f"visit {actor.visit.label}"
            )

    async def _take_turns(self, actor: Actor) -> None:
        try:
            while actor.inbox and not self._is_stopping:
                await self._take_turn(actor, actor.inbox.popleft())
        except (JournalUnavailable, asyncio.CancelledError):
            raise
        except Exception as exc:  # One poisoned visit must not stop the others.
            await self._recover(actor, exc)
        finally:
            actor.task = None
            self.stirred.set()

    async def _take_turn(self, actor: Actor, event: events.Event) -> None:
        while True:
            now = self._clock.now()
            decided = machine.decide(actor.visit, event, now, self._policy)
            self._adopt(actor, event, decided, now)
            command = decided.command
            if command is not None and self._is_stopping:
                actor.visit = machine.left_undone(actor.visit, command)
                command = None
            if command is None:
                await self._write(actor, None)
                self._schedule(actor)
                return
            intent = intent_of(actor.visit, command)
            if intent is not None or actor.notices:
                await self._write(actor, intent)
            if intent is None:
                actor.looks += 1
            performed = await self._hands.perform(actor.visit, command)
            self._settle(actor, intent, performed)
            event = performed.event

    def _adopt(self, actor: Actor, event: events.Event, decided: Decision, now: datetime) -> None:
        """Take over a decision, to be written before anything follows from it."""
        before, after = actor.visit, decided.visit
        was_creating = before.is_doubtful and before.step is Step.CREATING
        if was_creating and after.creates > before.creates:
            lost = Intent(WriteKind.CREATE, before.reference)
            actor.settled.append(Settled(lost, IntentState.ABANDONED))
        if was_creating and isinstance(event, events.TransactionCreated):
            found = Intent(WriteKind.CREATE, before.reference)
            actor.settled.append(Settled(found, IntentState.DONE, "found by its reference"))
            self._recorder.surfaced(Surfaced.ADOPTED)
        if confirming.is_found_lost(before, event, after):
            assert before.transaction_key is not None, "what is confirmed has a key"
            lost = Intent(WriteKind.CONFIRM, before.transaction_key)
            actor.settled.append(Settled(lost, IntentState.REFUSED, "it never took effect"))
        then = None if decided.command is None else type(decided.command).__name__
        why = getattr(event, "why", None) or getattr(event, "hint", None)
        told = str(why)[:300] if why else None
        after_ms = round((now - after.opened_at).total_seconds() * 1000)
        actor.path.append((type(event).__name__, after.step.value, then, told, after_ms))
        actor.facts.extend(decided.facts)
        actor.notices.extend(decided.notices)
        actor.visit = after
        self._hands.allowance.note(after)
        was_locked = before.is_locked or (isinstance(event, events.BillFound) and event.is_locked)
        if was_locked and not after.is_locked and not decided.notices:
            self._unlock(before)  # A bill that is paid stays as it is until the till hears of it.
        if before.transaction_key != after.transaction_key or before.step != after.step:
            self._index(actor)

    def _unlock(self, visit: Visit) -> None:
        """Let the bill go, without waiting for a till that may hang."""
        if self._group is not None:
            name = f"unlock {visit.label}"
            self._group.create_task(self._hands.unlock_bill(visit), name=name)

    def _settle(self, actor: Actor, intent: Intent | None, performed: Performed) -> None:
        if intent is None or performed.state is None:
            return
        state = performed.state
        if actor.visit.is_doubtful and state in {IntentState.REFUSED, IntentState.UNSENT}:
            state = IntentState.UNKNOWN  # An earlier try may have worked all the same.
        actor.settled.append(Settled(intent, state, performed.detail[:300]))

    async def _write(self, actor: Actor, begun: Intent | None) -> None:
        """Make everything decided so far durable, then tell it."""
        visit = actor.visit
        if actor.durable is None and visit.step is Step.CLOSED and not actor.settled:
            self._forget(actor)
            log.debug(LineName.SPOT_ECHOED, table=visit.table, spot=visit.spot_id)
            return
        notices = tuple(actor.notices)
        if begun is not None or actor.settled or notices or matters(actor.durable, visit):
            record = Record(self._clock.now(), "turn", {"path": tuple(actor.path)})
            settled = tuple(actor.settled)
            entry = Entry(visit.visit_id, visit, (record,), settled, begun, notices)
            await self._journal.write(entry)
            actor.durable = visit
            actor.pending = () if begun is None else (begun,)
            actor.notices.clear()
            self._postman.take(notices)
            if begun is None:
                actor.crashes = 0
        actor.path.clear()
        actor.settled.clear()
        self._recorder.wrote(visit)
        self._log(actor)
        if visit.step in FINAL:
            self._forget(actor)

    def _log(self, actor: Actor) -> None:
        for fact in actor.facts:
            fields = {name: value for name, value in fact.fields.items() if value is not None}
            if fact.name is FactName.VISIT_CLOSED:
                fields["looks"] = actor.looks
            tell = self._tell_by_level[fact.level]
            tell(fact.name, table=actor.visit.table, visit=actor.visit.label, **fields)
            self._recorder.told(actor.visit, fact.name)
        actor.facts.clear()

    async def _recover(self, actor: Actor, exc: Exception) -> None:
        """Go back to what the journal has and resume from there; park what keeps failing."""
        actor.crashes += 1
        label, table = actor.visit.label, actor.visit.table
        self._recorder.crashed(actor.visit)
        log.error(
            LineName.VISIT_CRASHED,
            table=table,
            visit=label,
            error=f"{type(exc).__name__}: {exc}",
            count=actor.crashes,
            do="the worker resumes the visit from its journal; please report this line",
            exc_info=not isinstance(exc, JournalConflict),
        )
        if actor.durable is None:
            self._hands.allowance.forget(actor.visit)
            self._forget(actor)
            return
        actor.visit = actor.durable
        self._hands.allowance.note(actor.visit)
        actor.path.clear()
        actor.settled.clear()
        actor.facts.clear()
        actor.notices.clear()
        actor.inbox.clear()
        self._index(actor)
        resumed = resumption(actor)
        if actor.crashes >= CRASHES_MAX or isinstance(exc, JournalConflict):
            now = self._clock.now()
            # What an exception says may quote anything; the journal and the page keep its kind.
            why = f": {exc}" if isinstance(exc, JournalConflict) else f" of {type(exc).__name__}"
            parked = machine.park(actor.visit, now, f"the worker failed{why}")
            self._adopt(actor, events.Woke(), parked, now)
            await self._write(actor, None)
        actor.inbox.append(resumed)
        actor.due_at = self._clock.now() + timedelta(seconds=CRASH_PAUSE_S)

    # Where everybody is.

    def _schedule(self, actor: Actor) -> None:
        wake_at = actor.visit.wake_at
        if wake_at is None:
            actor.due_at = None
            return
        pause_s = (wake_at - self._clock.now()).total_seconds()
        spread_s = self._dice.uniform(0.0, 0.1 * pause_s) if pause_s > 1.0 else 0.0
        actor.due_at = wake_at + timedelta(seconds=spread_s)

    def _index(self, actor: Actor) -> None:
        visit = actor.visit
        if visit.spot_closed_at is None:
            self._at_spot[visit.spot_id] = visit.visit_id
        elif self._at_spot.get(visit.spot_id) == visit.visit_id:
            del self._at_spot[visit.spot_id]
        keys = (visit.transaction_key,) if visit.at is None else visit.keys
        for key in keys:
            if key is not None:
                self._by_key[key] = visit.visit_id
                self._hands.ledger.own(key, visit.visit_id)

    def _forget(self, actor: Actor) -> None:
        visit = actor.visit
        self._actors.pop(visit.visit_id, None)
        if self._at_spot.get(visit.spot_id) == visit.visit_id:
            del self._at_spot[visit.spot_id]
        for key in visit.keys:
            if self._by_key.get(key) == visit.visit_id:
                del self._by_key[key]
        actor.due_at = None
        if visit.step is Step.PARKED:
            self.parked += 1
        self.ended += 1
