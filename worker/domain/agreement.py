"""Whether what the wallet shows is what the guest was told."""

from worker.domain.visit import Visit
from worker.domain.wallet import Transaction


def disagreement(visit: Visit, transaction: Transaction) -> str | None:
    """Say in what a transaction differs from the visit's bill; None: in nothing.

    Money is only taken when everything agrees: the key, one payment, its amount and currency, and
    our own reference on it.
    """
    why = _disagreement_told(visit, transaction)
    if why is None and transaction.reference() is None:
        return "it does not carry our reference"
    return why


def _disagreement_told(visit: Visit, transaction: Transaction) -> str | None:
    """Say in what a transaction differs, where a reference that is not shown is no difference."""
    if visit.bill is None or transaction.key != visit.transaction_key:
        return "it is not the transaction of this visit"
    if transaction.payments is None:
        return "the wallet shows no payments"
    if len(transaction.payments) != 1:
        return f"it has {len(transaction.payments)} payments instead of one"
    payment = transaction.payments[0]
    if payment.money is None:
        return f"its amount can not be read, and the bill says {visit.bill.money}"
    if payment.money != visit.bill.money:
        return f"it says {payment.money}, and the bill says {visit.bill.money}"
    if payment.reference is not None and payment.reference != visit.reference:
        return "it carries another reference"
    return None


def is_unclear(visit: Visit, transaction: Transaction) -> bool:
    """Tell whether nothing differs but what the answer leaves out: asked again, it may say it."""
    payments = transaction.payments or ()
    if len(payments) != 1 or transaction.key != visit.transaction_key or visit.bill is None:
        return not payments
    said = payments[0]
    return said.money in {None, visit.bill.money} and said.reference in {None, visit.reference}


def disagreement_at_birth(visit: Visit, transaction: Transaction) -> str | None:
    """Say in what a fresh transaction differs from what was asked for; None: in nothing told.

    An answer may leave its payments out; everything is checked again before money is taken.
    """
    if transaction.auto_confirm:
        return "the wallet would confirm it by itself"
    if transaction.payments is None:
        return None
    return _disagreement_told(visit, transaction)
