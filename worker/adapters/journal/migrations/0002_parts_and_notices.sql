-- Bills in parts, what was taken beside what was asked, and an outbox for what the till must hear.
-- Telling the till was a step of the visit; now it is a notice of its own, and a visit ends without it.

CREATE TABLE notice (
  seq         INTEGER PRIMARY KEY,
  notice_id   TEXT NOT NULL UNIQUE,
  visit_id    INTEGER NOT NULL REFERENCES visit,
  location_id INTEGER NOT NULL,
  bill_id     TEXT NOT NULL,
  body        TEXT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('pending', 'accepted', 'parked')),
  attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  told_since  TEXT NOT NULL,
  next_at     TEXT NOT NULL,
  ended_at    TEXT,
  detail      TEXT NOT NULL DEFAULT '',
  CHECK ((state = 'pending') = (ended_at IS NULL))
) STRICT;
CREATE INDEX notice_unposted ON notice (seq) WHERE state <> 'accepted';
CREATE INDEX notice_of_visit ON notice (visit_id);

INSERT INTO notice (notice_id, visit_id, location_id, bill_id, body, state, told_since, next_at)
SELECT 'v1-' || meta.value || '-' || location_id || '-' || visit_id || '-'
         || json_extract(body, '$.nonce') || json_extract(body, '$.creates'),
       visit_id, location_id, bill_id,
       json_object('table', "table", 'part_id', NULL, 'amount_minor', amount_minor,
         'currency', currency, 'bill_minor', amount_minor, 'service_minor', 0, 'tip_minor', 0,
         'transaction_key', transaction_key,
         'reference', 'v1.' || meta.value || '.' || location_id || '.' || visit_id || '.'
           || json_extract(body, '$.nonce') || json_extract(body, '$.creates'),
         'paid_at', coalesce(json_extract(body, '$.paid_at'), json_extract(body, '$.since'))),
       'pending',
       coalesce(json_extract(body, '$.paid_at'), json_extract(body, '$.since')),
       coalesce(json_extract(body, '$.paid_at'), json_extract(body, '$.since'))
FROM visit JOIN meta ON meta.key = 'instance'
WHERE "end" = 'paid' AND bill_id IS NOT NULL AND step IN ('closing', 'settling')
  AND json_extract(body, '$.is_settled') IS NULL;

-- SQLite changes a CHECK only by building the table anew.
CREATE TABLE visit_anew (
  visit_id        INTEGER PRIMARY KEY CHECK (visit_id > 0),
  location_id     INTEGER NOT NULL,
  spot_id         TEXT NOT NULL,
  "table"         TEXT NOT NULL,
  opened_at       TEXT NOT NULL,
  step            TEXT NOT NULL CHECK (step IN ('seen', 'creating', 'linking', 'offered', 'confirming',
                                                'revoking', 'closing', 'closed', 'parked')),
  "end"           TEXT CHECK ("end" IN ('paid', 'part_paid', 'declined', 'left', 'unpaid', 'no_bill',
                                        'expired', 'withdrawn', 'mismatch', 'refused', 'leftover',
                                        'parked')),
  bill_id         TEXT,
  amount_minor    INTEGER CHECK (amount_minor > 0),
  currency        TEXT CHECK (length(currency) = 3),
  transaction_key TEXT,
  spot_closed_at  TEXT,
  taken_minor     INTEGER NOT NULL CHECK (taken_minor >= 0),
  body            TEXT NOT NULL,
  CHECK ((amount_minor IS NULL) = (currency IS NULL)),
  CHECK (bill_id IS NULL OR amount_minor IS NOT NULL),
  CHECK (step <> 'parked' OR "end" IN ('paid', 'parked')),
  CHECK (step <> 'closed' OR "end" IS NOT NULL)
) STRICT;

INSERT INTO visit_anew
SELECT visit_id, location_id, spot_id, "table", opened_at,
       CASE step WHEN 'settling' THEN 'closed' ELSE step END,
       "end", bill_id, amount_minor, currency, transaction_key, spot_closed_at,
       CASE "end" WHEN 'paid' THEN amount_minor ELSE 0 END,
       CASE "end" WHEN 'paid'
         THEN json_set(json_remove(body, '$.is_settled'), '$.taken_minor', amount_minor, '$.step',
                       CASE step WHEN 'settling' THEN 'closed' ELSE step END)
         ELSE json_remove(body, '$.is_settled') END
FROM visit;
UPDATE visit_anew SET body = json_remove(body, '$.wake_at') WHERE step = 'closed';

DROP TABLE visit;
ALTER TABLE visit_anew RENAME TO visit;

CREATE UNIQUE INDEX one_open_visit ON visit (location_id, spot_id) WHERE spot_closed_at IS NULL;
CREATE UNIQUE INDEX bill_paid_once ON visit (location_id, bill_id)
  WHERE bill_id IS NOT NULL AND (spot_closed_at IS NULL OR "end" IN ('paid', 'parked'));

-- Which visit takes, or took, a part of a bill: a part is paid once in a journal's life.
CREATE TABLE charge (
  location_id INTEGER NOT NULL,
  bill_id     TEXT NOT NULL,
  part_id     TEXT NOT NULL,
  visit_id    INTEGER NOT NULL REFERENCES visit,
  PRIMARY KEY (location_id, bill_id, part_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX charge_of_visit ON charge (visit_id);

-- One confirm per visit, or per part of its bill; one that took nothing does not count.
ALTER TABLE intent ADD COLUMN part TEXT NOT NULL DEFAULT '';
DROP INDEX one_confirm_per_visit;
CREATE UNIQUE INDEX one_confirm_per_visit ON intent (visit_id, part)
  WHERE kind = 'confirm' AND state NOT IN ('refused', 'unsent');

CREATE TRIGGER visit_is_over BEFORE UPDATE ON visit
  WHEN OLD.step IN ('closed', 'parked') AND NEW.body <> OLD.body
  BEGIN SELECT RAISE(ABORT, 'visit_is_over'); END;
CREATE TRIGGER visit_is_kept BEFORE DELETE ON visit
  BEGIN SELECT RAISE(ABORT, 'visit_is_kept'); END;
CREATE TRIGGER notice_stays_itself
  BEFORE UPDATE OF notice_id, visit_id, location_id, bill_id, body ON notice
  BEGIN SELECT RAISE(ABORT, 'notice_stays_itself'); END;
CREATE TRIGGER notice_is_kept BEFORE DELETE ON notice
  BEGIN SELECT RAISE(ABORT, 'notice_is_kept'); END;
