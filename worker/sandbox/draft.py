"""Read the body of `POST /transaction` and of a confirm: what is asked, or why it is refused.

Pure: nothing here knows the world. Amounts are integers of minor units from here on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from .errors import VendorError, invalid_parameters, invalid_request, unsupported

DEFAULT_RESERVE_S = 2_592_000
AMOUNT_MAX = 10**12
QUANTITY_MAX = 10**6
_DECIMAL = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")
_CURRENCY = re.compile(r"[A-Z]{3}")

_FLAGS = ("auto_confirm", "use_allowance", "suggest_allowance")
_TRANSACTION_ECHO = ("redirect_uri", "callback_uri", "restrictions", "user", "inquiries")
_TRANSACTION_FIELDS = {
    "payments",
    "reserve",
    "reserve_for",
    "reserve_until",
    *_FLAGS,
    *_TRANSACTION_ECHO,
}
_PAYMENT_ECHO = (
    "description",
    "items",
    "parameters",
    "beneficiary",
    "commission",
    "price_rules",
    "purpose",
    "funds_source",
)
_PAYMENT_FIELDS = {
    "price",
    "price_decimal",
    "currency",
    "freeze",
    "freeze_for",
    "freeze_until",
    *_PAYMENT_ECHO,
}
_ITEM_FIELDS = {
    "title",
    "description",
    "image_uri",
    "price",
    "price_decimal",
    "currency",
    "quantity",
    "total_price",
    "total_price_decimal",
    "parameters",
}


@dataclass(frozen=True, slots=True)
class PaymentDraft:
    """A payment as asked for."""

    price_minor: int
    currency: str
    freeze: dict[str, int]
    told: dict[str, object]


@dataclass(frozen=True, slots=True)
class TransactionDraft:
    """A transaction as asked for. A payment is a draft or the id of one that exists."""

    payments: list[PaymentDraft | int]
    reserve: dict[str, int]
    auto_confirm: bool
    told: dict[str, object] = field(default_factory=dict)


def read_transaction(body: object) -> TransactionDraft:
    """Read a create body, or refuse it naming the field."""
    asked = _object(body, "the request body")
    _only(asked, _TRANSACTION_FIELDS, "transaction", "transaction.create.fields")
    payments = asked.get("payments")
    if not isinstance(payments, list) or not payments:
        raise invalid_parameters("payments", "must be a list of at least one payment")
    told: dict[str, object] = {name: False for name in _FLAGS if name != "auto_confirm"}
    told["inquiries"] = []
    for name in _FLAGS:
        if name in asked and not isinstance(asked[name], bool):
            raise invalid_parameters(name, "must be true or false")
    told.update({name: asked[name] for name in told if name in asked})
    told.update({name: asked[name] for name in _TRANSACTION_ECHO if name in asked})
    reserve = _span(asked, "reserve")
    return TransactionDraft(
        payments=[_read_payment(one, f"payments.{n}") for n, one in enumerate(payments)],
        reserve={"for": DEFAULT_RESERVE_S} if reserve is None else reserve,
        auto_confirm=asked.get("auto_confirm") is True,
        told=told,
    )


def read_lowered(body: bytes, parsed: Callable[[], object]) -> dict[int, tuple[int, str | None]]:
    """Read a confirm body, payment id -> (price, currency). Nothing, `[]`, `{}` change nothing."""
    asked = parsed() if body else {}
    if asked == []:
        return {}
    lowered: dict[int, tuple[int, str | None]] = {}
    for name, wanted in _object(asked, "the request body").items():
        if not name.isascii() or not name.isdigit():
            raise invalid_parameters(name[:40], "is not a payment id")
        change = _object(wanted, name)
        _only(change, {"price", "price_decimal", "currency"}, name, "transaction.confirm.body")
        prices = {_amount(change, one, name) for one in ("price", "price_decimal") if one in change}
        if len(prices) != 1:
            raise invalid_parameters(name, "needs one price; price and price_decimal must agree")
        currency = change.get("currency")
        lowered[int(name)] = (prices.pop(), None if currency is None else _currency(currency, name))
    return lowered


def _read_payment(asked: object, at: str) -> PaymentDraft | int:
    if isinstance(asked, int) and not isinstance(asked, bool):
        return asked
    payment = _object(asked, at)
    _only(payment, _PAYMENT_FIELDS, at, "payment.create.fields")
    items = payment.get("items")
    if items is not None and (not isinstance(items, list) or not items):
        raise invalid_parameters(f"{at}.items", "must be a list of at least one item")
    if not items:
        for name in ("description", "currency"):
            if name not in payment:
                raise invalid_parameters(f"{at}.{name}", "is required when there are no items")
    description = payment.get("description", "")
    if not isinstance(description, str) or ("description" in payment and not description):
        raise invalid_parameters(f"{at}.description", "must be a text that is not empty")
    lines = [_read_item(one, f"{at}.items.{n}") for n, one in enumerate(items or [])]
    price, currency = _read_price(payment, lines, at)
    told = {name: payment[name] for name in _PAYMENT_ECHO if name in payment}
    if "parameters" in told:
        told["parameters"] = _object(told["parameters"], f"{at}.parameters")
    freeze = _span(payment, "freeze", at)
    return PaymentDraft(price, currency, {"for": 0} if freeze is None else freeze, told)


def _read_price(
    payment: dict[str, object], lines: list[tuple[int, str | None]], at: str
) -> tuple[int, str]:
    currency = payment.get("currency")
    named = None if currency is None else _currency(currency, at)
    price = _one_amount(payment, "price", at, required=not lines)
    currencies = {named, *(one for _, one in lines)} - {None}
    if len(currencies) != 1:
        raise invalid_parameters(f"{at}.currency", "must be given, and be the same in all items")
    total = sum(amount for amount, _ in lines) if price is None else price
    return total, str(currencies.pop())


def _read_item(asked: object, at: str) -> tuple[int, str | None]:
    """Return an item's total and its currency."""
    item = _object(asked, at)
    _only(item, _ITEM_FIELDS, at, "payment.create.items")
    if not isinstance(item.get("title"), str) or not item["title"]:
        raise invalid_parameters(f"{at}.title", "is required")
    currency = None if "currency" not in item else _currency(item["currency"], at)
    total = _one_amount(item, "total_price", at, required=False)
    price = _one_amount(item, "price", at, required=total is None)
    quantity = item.get("quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int | float):
        raise invalid_parameters(f"{at}.quantity", "must be a number")
    if not 0 < quantity <= QUANTITY_MAX:
        raise invalid_parameters(f"{at}.quantity", f"must be above zero and at most {QUANTITY_MAX}")
    if total is not None:
        return total, currency
    exact = (price or 0) * Decimal(str(quantity))
    if exact != int(exact):
        raise invalid_parameters(f"{at}.quantity", "must make a whole number of minor units")
    return int(exact), currency


def _one_amount(of: dict[str, object], name: str, at: str, *, required: bool) -> int | None:
    """Read `name` or `name_decimal`, of which at most one may be there."""
    decimal = f"{name}_decimal"
    if name in of and decimal in of:
        raise invalid_parameters(f"{at}.{name}", f"and {decimal} exclude each other")
    for one in (name, decimal):
        if one in of:
            return _amount(of, one, at)
    if required:
        raise invalid_parameters(f"{at}.{name}", f"or {decimal} is required")
    return None


def _amount(of: dict[str, object], name: str, at: str) -> int:
    value = of[name]
    if name.endswith("_decimal"):
        if not isinstance(value, str) or _DECIMAL.fullmatch(value) is None:
            raise invalid_parameters(f"{at}.{name}", "must be a text like 12.50")
        whole, _, cents = value.partition(".")
        amount = int(whole) * 100 + int(cents.ljust(2, "0") or 0)
    elif isinstance(value, bool) or not isinstance(value, int):
        raise invalid_parameters(f"{at}.{name}", "must be an integer of minor units")
    else:
        amount = value
    if not 0 < amount <= AMOUNT_MAX:
        raise invalid_parameters(f"{at}.{name}", f"must be above zero and at most {AMOUNT_MAX}")
    return amount


def _span(of: dict[str, object], name: str, at: str = "") -> dict[str, int] | None:
    """Read a span in its object form (seconds) or one of its old forms (hours, or an instant)."""
    forms = [one for one in (name, f"{name}_for", f"{name}_until") if of.get(one) is not None]
    path = f"{at}.{name}" if at else name
    if len(forms) > 1:
        raise invalid_parameters(path, f"and {forms[1]} exclude each other")
    if not forms:
        return None
    form = forms[0]
    least = 1 if name == "reserve" else 0
    if form == f"{name}_for":
        return {"for": _whole(of[form], f"{path}_for", least) * 3600}
    if form == f"{name}_until":
        return {"until": _whole(of[form], f"{path}_until", least)}
    span = _object(of[name], path)
    _only(span, {"for", "until"}, path, "transaction.create.reserve")
    if len(span) != 1:
        raise invalid_parameters(path, "needs either for or until")
    key, value = next(iter(span.items()))
    return {key: _whole(value, f"{path}.{key}", least)}


def _whole(value: object, path: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 10**11:
        raise invalid_parameters(path, f"must be an integer of at least {least}")
    return value


def _currency(value: object, at: str) -> str:
    if not isinstance(value, str) or _CURRENCY.fullmatch(value) is None:
        raise invalid_parameters(f"{at}.currency", "must be three capital letters")
    return value


def _object(value: object, what: str) -> dict[str, object]:
    if value == []:
        return {}  # A PHP client writes an empty map as an empty list.
    if not isinstance(value, dict):
        raise invalid_request(f"{what} must be an object")
    return value


def _only(of: dict[str, object], known: set[str], what: str, rule: str) -> None:
    for name in of:
        if name not in known:
            raise _unknown(name, what, rule)


def _unknown(name: str, what: str, rule: str) -> VendorError:
    return unsupported(f"the field {name[:80]!r} of {what[:80]}", rule)
