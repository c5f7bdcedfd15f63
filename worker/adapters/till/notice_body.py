"""The paid notice as the shop receives it: the same bytes each time it is told."""

import json
from datetime import UTC

from worker.domain.notice import Notice


def notice_body(notice: Notice) -> bytes:
    """Write a notice as compact JSON in ASCII, its keys in a fixed order. Pure.

    A repetition is the same to the byte, so that a shop may compare, sign or hash it.
    """
    paid_at = notice.paid_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    document = {
        "type": "bill.paid",
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
    return json.dumps(document, separators=(",", ":")).encode("ascii")
