-- What operators asked for and decided. The journal has one writer, so a verb never writes here by
-- itself while a worker runs: it asks, and what was done is kept beside the reply in one commit.

CREATE TABLE request (
  request_id TEXT PRIMARY KEY,
  at         TEXT NOT NULL,
  who        TEXT NOT NULL,
  verb       TEXT NOT NULL,
  words      TEXT NOT NULL,
  exit_code  INTEGER NOT NULL,
  reply      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER request_stays BEFORE UPDATE ON request
  BEGIN SELECT RAISE(ABORT, 'request_stays'); END;
CREATE TRIGGER request_is_kept BEFORE DELETE ON request
  BEGIN SELECT RAISE(ABORT, 'request_is_kept'); END;

-- A visit that was parked is over for good; how a human settled it stands beside it.
CREATE TABLE resolution (
  visit_id INTEGER PRIMARY KEY REFERENCES visit,
  verdict  TEXT NOT NULL CHECK (verdict IN ('paid', 'unpaid')),
  at       TEXT NOT NULL,
  who      TEXT NOT NULL,
  note     TEXT NOT NULL CHECK (note <> ''),
  body     TEXT NOT NULL
) STRICT;
CREATE TRIGGER resolution_of_parked BEFORE INSERT ON resolution
  WHEN (SELECT step FROM visit WHERE visit_id = NEW.visit_id) IS NOT 'parked'
  BEGIN SELECT RAISE(ABORT, 'resolution_of_parked'); END;
CREATE TRIGGER resolution_stays BEFORE UPDATE ON resolution
  BEGIN SELECT RAISE(ABORT, 'resolution_stays'); END;
CREATE TRIGGER resolution_is_kept BEFORE DELETE ON resolution
  BEGIN SELECT RAISE(ABORT, 'resolution_is_kept'); END;

-- A human may let go of the bill of a parked visit; nothing else ever does.
ALTER TABLE visit ADD COLUMN is_released INTEGER NOT NULL DEFAULT 0 CHECK (is_released IN (0, 1));
CREATE TRIGGER released_by_a_human BEFORE UPDATE OF is_released ON visit
  WHEN NEW.is_released <> 1
    OR NOT EXISTS (SELECT 1 FROM resolution WHERE visit_id = NEW.visit_id)
  BEGIN SELECT RAISE(ABORT, 'released_by_a_human'); END;
DROP INDEX bill_paid_once;
CREATE UNIQUE INDEX bill_paid_once ON visit (location_id, bill_id)
  WHERE bill_id IS NOT NULL AND is_released = 0
    AND (spot_closed_at IS NULL OR "end" IN ('paid', 'parked'));
