"""What the one writer says to SQLite."""

from typing import Final

# What no index speaks of; see `Store._keep_visit`.
UPDATE_STEP: Final = "UPDATE visit SET step = ?, body = ? WHERE visit_id = ?"
# The identity in WHERE: a number that was given twice changes nothing and is noticed.
KEEP_VISIT: Final = """
INSERT INTO visit (step, "end", bill_id, amount_minor, currency, transaction_key, spot_closed_at,
  taken_minor, body, visit_id, location_id, spot_id, opened_at, "table")
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (visit_id) DO UPDATE SET step = excluded.step, "end" = excluded."end",
  bill_id = excluded.bill_id, amount_minor = excluded.amount_minor, currency = excluded.currency,
  transaction_key = excluded.transaction_key, spot_closed_at = excluded.spot_closed_at,
  taken_minor = excluded.taken_minor, body = excluded.body
WHERE location_id = excluded.location_id AND spot_id = excluded.spot_id
  AND opened_at = excluded.opened_at AND "table" = excluded."table"
"""
KEEP_KEY: Final = """
INSERT INTO known_key SELECT new_key, new_id FROM (SELECT ? AS new_key, ? AS new_id)
WHERE NOT EXISTS (SELECT 1 FROM known_key WHERE transaction_key = new_key AND visit_id = new_id)
"""
SETTLE: Final = """
UPDATE intent SET state = ?, detail = ?, ended_at = ?
WHERE visit_id = ? AND kind = ? AND target = ?
"""
BEGIN: Final = """
INSERT INTO intent (visit_id, kind, target, part, state, attempts, begun_at)
VALUES (?, ?, ?, ?, 'pending', 1, ?)
ON CONFLICT (visit_id, kind, target) DO UPDATE SET state = 'pending', attempts = attempts + 1,
  begun_at = excluded.begun_at, ended_at = NULL, detail = ''
"""
FORGET_CHARGES: Final = "DELETE FROM charge WHERE visit_id = ?"
KEEP_CHARGE: Final = (
    "INSERT INTO charge (location_id, bill_id, part_id, visit_id) VALUES (?, ?, ?, ?)"
)
KEEP_NOTICE: Final = """
INSERT INTO notice (notice_id, visit_id, location_id, bill_id, body, state, told_since, next_at)
VALUES (?, ?, ?, ?, ?, 'pending', ?, ?)
"""
# What a human hands back is told as long again as what is new.
POSTED: Final = """
UPDATE notice SET state = ?1, attempts = attempts + ?2, next_at = ?3, detail = ?4, ended_at = ?5,
  told_since = CASE ?2 WHEN 1 THEN told_since ELSE ?3 END
WHERE notice_id = ?6 AND (?2 = 1 OR state <> 'accepted')
"""
TELL: Final = "INSERT INTO event (seq, visit_id, at, kind, body, hash) VALUES (?, ?, ?, ?, ?, ?)"
KEEP_BEAT: Final = "INSERT OR REPLACE INTO beat (only, at, report) VALUES (1, ?, ?)"

NEXT_VISIT_ID: Final = "SELECT coalesce(max(visit_id), 0) + 1 FROM visit"
OPEN_VISITS: Final = """
SELECT visit_id, body FROM visit WHERE step NOT IN ('closed', 'parked') ORDER BY visit_id
"""
PENDING: Final = """
SELECT visit_id, kind, target FROM intent JOIN visit USING (visit_id)
WHERE state = 'pending' AND step NOT IN ('closed', 'parked') ORDER BY begun_at, intent_id
"""
HOLDER_OF_BILL: Final = """
SELECT visit_id FROM visit WHERE location_id = ? AND bill_id = ? AND is_released = 0
  AND (spot_closed_at IS NULL OR "end" IN ('paid', 'parked'))
"""
CHARGES: Final = "SELECT part_id, visit_id FROM charge WHERE location_id = ? AND bill_id = ?"
OWED: Final = """
SELECT notice_id, visit_id, location_id, bill_id, body, attempts, told_since, next_at FROM notice
WHERE state = 'pending' ORDER BY seq
"""
VISIT: Final = "SELECT body FROM visit WHERE visit_id = ?"
VISIT_OF_KEY: Final = (
    "SELECT body FROM known_key JOIN visit USING (visit_id) WHERE known_key.transaction_key = ?"
)
PARKED_LATELY: Final = """
SELECT body FROM visit WHERE "end" = 'parked'
  AND NOT EXISTS (SELECT 1 FROM resolution WHERE resolution.visit_id = visit.visit_id)
  AND visit_id > (SELECT coalesce(max(visit_id), 0) FROM visit) - ? ORDER BY visit_id
"""
LOST_CREATES: Final = """
SELECT visit_id, target, begun_at FROM intent WHERE state = 'abandoned'
UNION ALL
SELECT visit_id, target, begun_at FROM intent JOIN visit USING (visit_id)
WHERE kind = 'create' AND state IN ('pending', 'unknown') AND step IN ('closed', 'parked')
ORDER BY begun_at, visit_id
"""

KEEP_REQUEST: Final = """
INSERT INTO request (request_id, at, who, verb, words, exit_code, reply)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
REPLY: Final = "SELECT exit_code, reply FROM request WHERE request_id = ?"
BEGIN_DRAINING: Final = "INSERT OR IGNORE INTO meta VALUES ('draining', ?)"
END_DRAINING: Final = "DELETE FROM meta WHERE key = 'draining'"
DRAINING: Final = "SELECT value FROM meta WHERE key = 'draining'"
KEEP_RESOLUTION: Final = """
INSERT INTO resolution (visit_id, verdict, at, who, note, body) VALUES (?, ?, ?, ?, ?, ?)
"""
RESOLUTION: Final = "SELECT verdict, at, who, note, body FROM resolution WHERE visit_id = ?"
RELEASE_BILL: Final = "UPDATE visit SET is_released = 1 WHERE visit_id = ?"
RELEASE_PART: Final = "DELETE FROM charge WHERE visit_id = ? AND part_id = ?"
NOTICES: Final = """
SELECT notice_id, visit_id, location_id, bill_id, body, attempts, told_since, next_at, state,
  ended_at, detail FROM notice
"""
