"""The words in which a shop is told that a bill is paid: the same bytes for the same notice."""

import json
from datetime import UTC, datetime
from typing import Final

from worker.domain.notice import Notice

EVENT_TYPE: Final = "bill.paid"


def notice_body(notice: Notice) -> bytes:
    """Write a notice as JSON: one line of ASCII, names in order, the same each time.

    The outer shape is the one that Standard Webhooks recommends: `type`, `timestamp`, `data`
    (github.com/standard-webhooks/standard-webhooks, spec, "Payload structure"). `timestamp` is the
    moment of the payment and not of the telling, or else a repeat would be another text.
    """
    paid_at = _utc(notice.paid_at)
    told = {
        "type": EVENT_TYPE,
        "timestamp": paid_at,
        "data": {
            "notice_id": notice.notice_id,
            "bill_id": notice.bill_id,
            "part_id": notice.part_id,
            "location_id": notice.location_id,
            "spot": notice.table,
            "amount_minor": notice.money.amount_minor,
            "currency": notice.money.currency,
            "bill_amount_minor": notice.bill_minor,
            "service_minor": notice.service_minor,
            "tip_minor": notice.tip_minor,
            "visit": notice.visit,
            "transaction_key": notice.transaction_key,
            "orderid": notice.reference,
            "paid_at": paid_at,
        },
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode("ascii")


def _utc(moment: datetime) -> str:
    """Write a moment in whole seconds, so that a journal may keep it as coarsely as it likes."""
    assert moment.tzinfo is not None, "a moment of a payment knows its time zone"
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
