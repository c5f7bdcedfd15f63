"""What the one writer says to SQLite."""

from typing import Final

# What no index speaks of; see `Store._keep_visit`.
UPDATE_STEP: Final = "UPDATE visit SET step = ?, body = ? WHERE visit_id = ?"
# The identity in WHERE: a number that was given twice changes nothing and is noticed.
UPDATE_VISIT: Final = """
UPDATE visit SET step = ?1, "end" = ?2, bill_id = ?3, amount_minor = ?4, currency = ?5,
  transaction_key = ?6, spot_closed_at = ?7, body = ?8
WHERE visit_id = ?9 AND location_id = ?10 AND spot_id = ?11 AND opened_at = ?12 AND "table" = ?13
"""
INSERT_VISIT: Final = """
INSERT INTO visit (step, "end", bill_id, amount_minor, currency, transaction_key, spot_closed_at,
  body, visit_id, location_id, spot_id, opened_at, "table")
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
"""
KEEP_KEY: Final = """
INSERT INTO known_key SELECT ?1, ?2
WHERE NOT EXISTS (SELECT 1 FROM known_key WHERE transaction_key = ?1 AND visit_id = ?2)
"""
SETTLE: Final = """
UPDATE intent SET state = ?1, detail = ?2, ended_at = ?3
WHERE visit_id = ?4 AND kind = ?5 AND target = ?6
"""
BEGIN_AGAIN: Final = """
UPDATE intent
SET state = 'pending', attempts = attempts + 1, begun_at = ?4, ended_at = NULL, detail = ''
WHERE visit_id = ?1 AND kind = ?2 AND target = ?3
"""
BEGIN_NEW: Final = """
INSERT INTO intent (visit_id, kind, target, state, attempts, begun_at)
VALUES (?, ?, ?, 'pending', 1, ?)
"""
TELL: Final = "INSERT INTO event (seq, visit_id, at, kind, body, hash) VALUES (?, ?, ?, ?, ?, ?)"
KEEP_BEAT: Final = "INSERT OR REPLACE INTO beat (only, at, report) VALUES (1, ?, ?)"

NEXT_VISIT_ID: Final = "SELECT coalesce(max(visit_id), 0) + 1 FROM visit"
OPEN_VISITS: Final = """
SELECT body, (SELECT kind FROM intent WHERE intent.visit_id = visit.visit_id AND state = 'pending'
              ORDER BY begun_at DESC, intent_id DESC LIMIT 1)
FROM visit WHERE step NOT IN ('closed', 'parked') ORDER BY visit_id
"""
HOLDER_OF_BILL: Final = """
SELECT visit_id FROM visit WHERE location_id = ? AND bill_id = ?
  AND (spot_closed_at IS NULL OR "end" IN ('paid', 'parked'))
"""
VISIT: Final = "SELECT body FROM visit WHERE visit_id = ?"
VISIT_OF_KEY: Final = (
    "SELECT body FROM known_key JOIN visit USING (visit_id) WHERE known_key.transaction_key = ?"
)
LOST_CREATES: Final = """
SELECT visit_id, target, begun_at FROM intent WHERE state = 'abandoned' AND ended_at >= ?
ORDER BY begun_at, intent_id
"""
