-- The journal's first shape. The unique indexes below are what stands behind "never charge twice":
-- they hold whatever the code above them believes.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- `body` is the whole visit. The other columns repeat what indexes and listings need. No index
-- speaks of `step`, so a step that changes nothing else rewrites one page.
CREATE TABLE visit (
  visit_id        INTEGER PRIMARY KEY CHECK (visit_id > 0),
  location_id     INTEGER NOT NULL,
  spot_id         TEXT NOT NULL,
  "table"         TEXT NOT NULL,
  opened_at       TEXT NOT NULL,
  step            TEXT NOT NULL CHECK (step IN ('seen', 'creating', 'linking', 'offered', 'confirming',
                                                'revoking', 'closing', 'settling', 'closed', 'parked')),
  "end"           TEXT CHECK ("end" IN ('paid', 'declined', 'left', 'unpaid', 'no_bill', 'expired',
                                        'withdrawn', 'mismatch', 'refused', 'leftover', 'parked')),
  bill_id         TEXT,
  amount_minor    INTEGER CHECK (amount_minor > 0),
  currency        TEXT CHECK (length(currency) = 3),
  transaction_key TEXT,
  spot_closed_at  TEXT,
  body            TEXT NOT NULL,
  CHECK ((amount_minor IS NULL) = (currency IS NULL)),
  CHECK (bill_id IS NULL OR amount_minor IS NOT NULL),
  CHECK (step <> 'parked' OR "end" IN ('paid', 'parked')),
  CHECK (step <> 'closed' OR "end" IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX one_open_visit ON visit (location_id, spot_id) WHERE spot_closed_at IS NULL;
CREATE UNIQUE INDEX bill_paid_once ON visit (location_id, bill_id)
  WHERE bill_id IS NOT NULL AND (spot_closed_at IS NULL OR "end" IN ('paid', 'parked'));

-- Every key that was ever a visit's, the released ones too: a key belongs to one visit for good.
CREATE TABLE known_key (
  transaction_key TEXT PRIMARY KEY,
  visit_id        INTEGER NOT NULL REFERENCES visit
) STRICT, WITHOUT ROWID;

-- One row per write at the wallet, durable before its first byte is sent.
CREATE TABLE intent (
  intent_id INTEGER PRIMARY KEY,
  visit_id  INTEGER NOT NULL REFERENCES visit,
  kind      TEXT NOT NULL CHECK (kind IN ('create', 'link', 'confirm', 'revoke', 'close')),
  target    TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('pending', 'done', 'refused', 'unsent', 'unknown', 'abandoned')),
  attempts  INTEGER NOT NULL CHECK (attempts > 0),
  begun_at  TEXT NOT NULL,
  ended_at  TEXT,
  detail    TEXT NOT NULL DEFAULT '',
  CHECK ((state = 'pending') = (ended_at IS NULL)),
  CHECK (state <> 'abandoned' OR kind = 'create')
) STRICT;

CREATE UNIQUE INDEX same_intent ON intent (visit_id, kind, target);
CREATE UNIQUE INDEX one_confirm_per_visit ON intent (visit_id)
  WHERE kind = 'confirm' AND state NOT IN ('refused', 'unsent');
CREATE UNIQUE INDEX confirm_key_once ON intent (target) WHERE kind = 'confirm';
-- `kind` is here so that SQLite's refusal names another pair of columns than the confirm's.
CREATE UNIQUE INDEX one_live_create ON intent (visit_id, kind)
  WHERE kind = 'create' AND state IN ('pending', 'unknown');
CREATE INDEX create_abandoned ON intent (ended_at) WHERE state = 'abandoned';

-- The story, one line at a time; each line's hash covers the line before it.
CREATE TABLE event (
  seq      INTEGER PRIMARY KEY CHECK (seq > 0),
  visit_id INTEGER NOT NULL REFERENCES visit,
  at       TEXT NOT NULL,
  kind     TEXT NOT NULL,
  body     TEXT NOT NULL,
  hash     BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX event_of_visit ON event (visit_id);

CREATE TABLE beat (
  only   INTEGER PRIMARY KEY CHECK (only = 1),
  at     TEXT NOT NULL,
  report TEXT NOT NULL
) STRICT;

-- Never backwards: what is over stays as it is, what was told stays told.
CREATE TRIGGER visit_is_over BEFORE UPDATE ON visit
  WHEN OLD.step IN ('closed', 'parked') AND NEW.body <> OLD.body
  BEGIN SELECT RAISE(ABORT, 'visit_is_over'); END;
CREATE TRIGGER visit_is_kept BEFORE DELETE ON visit
  BEGIN SELECT RAISE(ABORT, 'visit_is_kept'); END;
CREATE TRIGGER known_key_stays BEFORE UPDATE ON known_key
  BEGIN SELECT RAISE(ABORT, 'known_key_stays'); END;
CREATE TRIGGER known_key_is_kept BEFORE DELETE ON known_key
  BEGIN SELECT RAISE(ABORT, 'known_key_is_kept'); END;
CREATE TRIGGER intent_stays_itself BEFORE UPDATE OF visit_id, kind, target ON intent
  BEGIN SELECT RAISE(ABORT, 'intent_stays_itself'); END;
CREATE TRIGGER intent_is_kept BEFORE DELETE ON intent
  BEGIN SELECT RAISE(ABORT, 'intent_is_kept'); END;
CREATE TRIGGER event_stays BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'event_stays'); END;
CREATE TRIGGER event_is_kept BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'event_is_kept'); END;
