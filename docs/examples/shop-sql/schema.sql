-- A small shop's own tables, and the door that it opens to paysera-worker: one view that the worker may
-- read and one table that it may add to. Run it as the owner of the shop's database:
--
--   psql -d shop -f schema.sql
--   psql -d shop -c "\password paysera_worker"

CREATE TABLE bills (
  bill_id text PRIMARY KEY,
  location_id bigint NOT NULL,
  spot text NOT NULL,
  currency char(3) NOT NULL DEFAULT 'EUR',
  opened_at timestamptz NOT NULL DEFAULT now(),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'void'))
);

CREATE TABLE bill_lines (
  bill_id text NOT NULL REFERENCES bills,
  position integer NOT NULL,
  title text NOT NULL,
  quantity integer NOT NULL CHECK (quantity > 0),
  amount numeric(12, 2) NOT NULL,  -- the line's total; never a REAL or FLOAT
  kind text NOT NULL DEFAULT 'item' CHECK (kind IN ('item', 'service', 'tip')),
  PRIMARY KEY (bill_id, position)
);

-- What the worker records. The key is what makes a payment that is told twice stand here once.
CREATE TABLE paysera_payments (
  notice_id text PRIMARY KEY,
  bill_id text NOT NULL REFERENCES bills,
  part_id text,
  amount numeric(12, 2) NOT NULL,
  currency char(3) NOT NULL,
  visit text NOT NULL,
  transaction_key text NOT NULL,
  orderid text NOT NULL,
  paid_at timestamptz NOT NULL
);

-- One row for each line; every row repeats what is the bill's.
CREATE VIEW paysera_open_bills AS
SELECT
  bills.bill_id,
  bills.location_id,
  bills.spot,
  bills.currency,
  bills.opened_at,
  sum(bill_lines.amount) OVER (PARTITION BY bills.bill_id) AS amount,
  bill_lines.title AS line_title,
  bill_lines.quantity AS line_quantity,
  bill_lines.amount AS line_amount,
  bill_lines.kind AS line_kind,
  bill_lines.position
FROM bills
JOIN bill_lines USING (bill_id)
WHERE bills.state = 'open';

-- The shop's own books follow in the same transaction: either both are written or neither is. Runs with
-- its owner's rights, so that the worker needs none on the bills.
CREATE FUNCTION paysera_bill_is_paid() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  UPDATE bills SET state = 'paid' WHERE bill_id = NEW.bill_id;
  RETURN NULL;
END $$;

CREATE TRIGGER paysera_bill_is_paid AFTER INSERT ON paysera_payments
FOR EACH ROW EXECUTE FUNCTION paysera_bill_is_paid();

-- The worker's role: it may read the view, and add to and read the payments. Nothing else.
CREATE ROLE paysera_worker LOGIN CONNECTION LIMIT 20;
GRANT SELECT ON paysera_open_bills TO paysera_worker;
GRANT SELECT, INSERT ON paysera_payments TO paysera_worker;
