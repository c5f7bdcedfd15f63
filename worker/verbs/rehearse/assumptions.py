"""What a rehearsal can find out: each open question, what is assumed, and what else would mean.

The names and the answers are those of the recording, which the sandbox reads with its own code.
docs/assumptions.md says for each what the worker does about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

HARMLESS: Final = "nothing to change: the worker takes either"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One open question about the wallet."""

    name: str
    question: str
    answers: Mapping[str, str]
    """Each answer, and what to do about it. The first is the one that is assumed."""

    @property
    def assumed(self) -> str:
        """What the worker takes it to be."""
        return next(iter(self.answers))


def _open(name: str, question: str, **answers: str) -> Assumption:
    return Assumption(name, question, answers)


ASSUMPTIONS: Final = (
    _open("server.unsigned", "Is the server's time told without a signature?",
          open="", signed=HARMLESS),
    _open("spots.metadata", "Does the list of waiting spots say how long it is?",
          told="", untold="with more tables than a page holds, see shapes.next_page"),
    _open("spot.single", "May a merchant read one spot?",
          shown="", refused="nothing to change: the list is used (shapes.SPOT_READ_REFUSALS)"),
    _open("spot.orders", "Does a merchant see a spot's orders?",
          shown="", hidden="nothing to change: unbroken polls tie a spot to its visit; never run "
          "two workers at one location"),
    _open("transaction.create.answer", "Does a create answer the whole transaction?",
          full="", key=HARMLESS),
    _open("payment.reference", "Does parameters.orderid come back?",
          returned="", dropped="stop: nothing would ever be confirmed; ask Paysera, then change "
          "shapes.REFERENCE_FIELD"),
    _open("transactions.new", "Does a search show a fresh transaction?",
          listed="", late="nothing to change up to 10 s (Policy.create_grace_s)",
          unlisted="a lost create is never found and stays without an order for a month; see "
          "shapes.transactions"),
    _open("transactions.reserved", "Does the list show a reservation?",
          listed="", unlisted="payments are seen by looking only, every 10 s; see "
          "shapes.transactions"),
    _open("transaction.revoke.answer", "What does a revoke answer?",
          transaction="", empty=HARMLESS),
    _open("transaction.revoke.new", "What is a revoked transaction that nobody saw?",
          deleted="", revoked=HARMLESS, missing=HARMLESS),
    _open("transaction.unknown", "How is a transaction refused that does not exist?",
          missing="", refused="ask Paysera how a missing transaction is told; see "
          "wallet/failures.py"),
    _open("order.create.answer", "What does putting an order on a spot answer?",
          order="", wrapped=HARMLESS, spot=HARMLESS, empty=HARMLESS),
    _open("order.after_confirm", "What is the order of a paid transaction?",
          confirmed="", closed="a paid spot whose close is lost may be offered a new bill; tell "
          "its guests not to accept one (rules/closing.py is_tied)"),
    _open("transaction.confirm.answer", "What does a confirm answer?",
          transaction="", empty=HARMLESS),
    _open("transaction.confirm.repeated", "What does a second confirm answer?",
          refused="", accepted=HARMLESS),
    _open("transaction.confirm.lowered", "Can a confirm take less?",
          taken="", refused='set till.shrunk_bill = "offer_again", and use no bills on hold'),
    _open("spot.close.answer", "What does closing a spot answer?", spot="", empty=HARMLESS),
    _open("spot.close.repeated", "What does closing it again answer?",
          refused="", accepted=HARMLESS),
    _open("spot.close.orders", "Are a closed spot's orders gone?",
          gone="", kept="nothing to change as long as they are marked closed"),
)  # fmt: skip

BY_NAME: Final = {one.name: one for one in ASSUMPTIONS}


def is_harmless(remedy: str) -> bool:
    """Tell whether an answer that was not assumed asks nothing of anybody."""
    return remedy.startswith("nothing to change")
