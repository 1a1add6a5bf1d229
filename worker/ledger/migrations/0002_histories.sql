-- Histories and lists for the doors, without an index over transfer: one entry in it would cost a sale more than its
-- transfer does. Each transfer says by whose document the account before it was moved, so a history is a chain: from
-- account.last_no to debit_before or credit_before, and on. A contra account has no row, and no chain.

ALTER TABLE transfer ADD COLUMN debit_before bigint, ADD COLUMN credit_before bigint;
ALTER TABLE account
    ADD COLUMN last_no bigint,                 -- transfer.no of the latest
    ADD COLUMN owner text COLLATE "C";         -- a card's customer; the customer or pool that the points went over to

CREATE TEMPORARY TABLE chain ON COMMIT DROP AS
    SELECT account_id, no, lag(no) OVER (PARTITION BY account_id ORDER BY no) AS before
    FROM (SELECT DISTINCT account_id, no FROM entry WHERE account_id > 0) e;
CREATE INDEX ON chain (account_id, no);
ANALYZE chain;
ALTER TABLE transfer DISABLE TRIGGER transfer_append_only;
UPDATE transfer t SET debit_before = c.before FROM chain c WHERE c.account_id = t.debit AND c.no = t.no;
UPDATE transfer t SET credit_before = c.before FROM chain c WHERE c.account_id = t.credit AND c.no = t.no;
ALTER TABLE transfer ENABLE TRIGGER transfer_append_only;
UPDATE account a SET last_no = c.no FROM (SELECT account_id, max(no) AS no FROM chain GROUP BY account_id) c
WHERE c.account_id = a.id;

-- What a link names is found by its number: wider ranges cost less to search through where there are a hundred million.
ALTER INDEX transfer_no SET (pages_per_range = 64);
ALTER INDEX event_no SET (pages_per_range = 64);
REINDEX INDEX transfer_no;
REINDEX INDEX event_no;

-- The owner as worker/ledger/pack.py packed it into extra: [[last4, expires, pin, failures, customer], [kind, key], …].
CREATE FUNCTION pg_temp.skipped(packed bytea, at integer) RETURNS integer LANGUAGE sql AS $$
    SELECT at + CASE
        WHEN tag BETWEEN 160 AND 191 THEN 1 + tag - 160
        WHEN tag IN (196, 217) THEN 2 + get_byte(packed, at + 1)
        WHEN tag IN (204, 208) THEN 2
        WHEN tag IN (205, 209) THEN 3
        WHEN tag IN (206, 210) THEN 5
        WHEN tag IN (207, 211) THEN 9
        ELSE 1
    END FROM (SELECT get_byte(packed, at) AS tag) t
$$;
CREATE FUNCTION pg_temp.owner_of(packed bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    at integer := 1;
    past integer;
BEGIN
    IF get_byte(packed, at) <> 192 THEN
        at := at + 1;
        FOR _ IN 1 .. 4 LOOP at := pg_temp.skipped(packed, at); END LOOP;
    ELSIF get_byte(packed, at + 1) <> 192 THEN
        at := at + 3;
    ELSE
        RETURN NULL;
    END IF;
    past := pg_temp.skipped(packed, at);
    at := at + CASE WHEN get_byte(packed, at) = 217 THEN 2 ELSE 1 END;
    RETURN nullif(convert_from(substring(packed FROM at + 1 FOR past - at), 'UTF8'), '');
END $$;
UPDATE account SET owner = pg_temp.owner_of(extra) WHERE extra IS NOT NULL;

CREATE INDEX account_owner ON account (org, owner) WHERE owner IS NOT NULL;
CREATE INDEX customer_email ON customer (org, lower(email COLLATE "C")) WHERE email IS NOT NULL;
CREATE INDEX customer_phone ON customer (org, phone COLLATE "C") WHERE phone IS NOT NULL;
CREATE INDEX customer_external_ids ON customer USING gin (external_ids jsonb_path_ops) WHERE external_ids IS NOT NULL;
