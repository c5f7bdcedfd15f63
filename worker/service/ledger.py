"""What this process knows about transaction keys: whose they are and what reference they carry.

A transaction's parameters never change, so a reference once read is remembered; that keeps a search
for a lost create from reading the same strangers again and again.
"""

from collections import OrderedDict
from typing import Final

from worker.domain.ids import OrderReference, TransactionKey, VisitId
from worker.domain.wallet import Transaction
from worker.ports import Journal

KEYS_MAX: Final = 20_000


class KeyLedger:
    """Keys and references, the newest ones in memory and our own in the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._owners: OrderedDict[TransactionKey, VisitId] = OrderedDict()
        self._references: OrderedDict[TransactionKey, OrderReference | None] = OrderedDict()
        self._keys: dict[OrderReference, TransactionKey] = {}

    def own(self, key: TransactionKey, visit_id: VisitId) -> None:
        """Remember that a key is ours."""
        self._owners[key] = visit_id
        if len(self._owners) > KEYS_MAX:
            self._owners.popitem(last=False)

    async def owner(self, key: TransactionKey) -> VisitId | None:
        """Tell which visit a key was made for; None: it is not ours."""
        known = self._owners.get(key)
        if known is not None:
            return known
        visit = await self._journal.visit_of_key(key)
        if visit is None:
            return None
        self.own(key, visit.visit_id)
        return visit.visit_id

    def note(self, transaction: Transaction) -> None:
        """Remember what reference a transaction carries, unless this answer left it out."""
        if not transaction.payments:
            return  # It may carry one all the same: whoever searches has to read it again.
        key, reference = transaction.key, transaction.reference()
        self._references[key] = reference
        if reference is not None:
            self._keys[reference] = key
        if len(self._references) > KEYS_MAX:
            _, forgotten = self._references.popitem(last=False)
            if forgotten is not None:
                self._keys.pop(forgotten, None)

    def is_read(self, key: TransactionKey) -> bool:
        """Tell whether the key's reference is known, or that it has none."""
        return key in self._references or key in self._owners

    def key_of(self, reference: OrderReference) -> TransactionKey | None:
        """Give the key that carries a reference, as far as it was read."""
        return self._keys.get(reference)
