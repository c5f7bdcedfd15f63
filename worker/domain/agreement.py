"""Whether what the wallet shows is what the guest was told."""

from worker.domain.money import Money
from worker.domain.visit import Visit
from worker.domain.wallet import Transaction, TransactionStatus


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
    expected = money_expected(visit, transaction)
    if expected is None:
        return f"it took {visit.asked}, and the till had not said the final amount yet"
    if transaction.payments is None:
        return "the wallet shows no payments"
    if len(transaction.payments) != 1:
        return f"it has {len(transaction.payments)} payments instead of one"
    payment = transaction.payments[0]
    if payment.money is None:
        return f"its amount can not be read, and the bill says {expected}"
    if payment.money != expected:
        return f"it says {payment.money}, and the bill says {expected}"
    if payment.reference is not None and payment.reference != visit.reference:
        return "it carries another reference"
    return None


def money_expected(visit: Visit, transaction: Transaction) -> Money | None:
    """Say what a transaction must show: what is asked for, or what was taken once it is taken.

    None: no amount would be right, as for money that somebody took while the bill was on hold.
    """
    is_taken = transaction.status is TransactionStatus.CONFIRMED
    return visit.due if is_taken else visit.asked


def is_unclear(visit: Visit, transaction: Transaction) -> bool:
    """Tell whether nothing differs but what the answer leaves out: asked again, it may say it."""
    payments = transaction.payments or ()
    if len(payments) != 1 or transaction.key != visit.transaction_key or visit.bill is None:
        return not payments
    said, expected = payments[0], money_expected(visit, transaction)
    return said.money in {None, expected} and said.reference in {None, visit.reference}


def disagreement_at_birth(visit: Visit, transaction: Transaction) -> str | None:
    """Say in what a fresh transaction differs from what was asked for; None: in nothing told.

    An answer may leave its payments out; everything is checked again before money is taken.
    """
    if transaction.auto_confirm:
        return "the wallet would confirm it by itself"
    if transaction.payments is None:
        return None
    return _disagreement_told(visit, transaction)
