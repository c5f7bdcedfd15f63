"""Names for the identifiers that travel together and must never be swapped."""

from typing import NewType

LocationId = NewType("LocationId", int)
"""The shop, as the vendor numbers it (`location_id`)."""

SpotId = NewType("SpotId", str)
"""One table, as the vendor numbers it. Opaque text: the same id serves every next guest."""

TransactionKey = NewType("TransactionKey", str)
"""The vendor's `transaction_key`. Opaque text; whoever has a `new` one can pay it."""

OrderReference = NewType("OrderReference", str)
"""Our `parameters.orderid`, made and journaled before the transaction is asked for."""

VisitId = NewType("VisitId", int)
"""Our own number of one guest at one table; grows by one in each journal."""


def visit_label(visit_id: VisitId) -> str:
    """Give a visit's number as people read it in logs and type it at the shell."""
    return f"v-{visit_id:04d}"
