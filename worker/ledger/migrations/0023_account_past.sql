-- The columns in another order, and `past`. Of a row that is changed in its place, Postgres writes to the WAL what lies between
-- the first byte that differs and the last. A sale changes balance, version, last_no and earned, which now stand together.
--
-- The table is written anew, and nothing else reads or writes it meanwhile.
DROP VIEW imbalance;
ALTER TABLE account RENAME TO account_before;
ALTER TABLE account_before DROP CONSTRAINT account_pkey, DROP CONSTRAINT account_id_key;
DROP INDEX account_owner;
CREATE TABLE account (
    id       bigint NOT NULL,
    held     bigint NOT NULL,
    deficit  bigint NOT NULL,
    org      integer NOT NULL,
    kind     smallint NOT NULL,   -- 0 points, 1 gift card, 2 pool
    standing smallint NOT NULL,   -- 0 unclaimed, 1 active, 2 frozen, 3 closed
    key      text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    balance  bigint NOT NULL,
    version  bigint NOT NULL,
    last_no  bigint,              -- transfer.no of the latest
    lots     bytea,
    earned   bytea,
    extra    bytea,
    owner    text COLLATE "C",    -- a card's customer; the customer or pool that the points went over to
    past     bytea                -- lots and days of an account that has many; those that differ since are in lots and earned
) WITH (fillfactor = 70);
ALTER TABLE account ALTER COLUMN past SET STORAGE EXTERNAL;  -- it is compressed already
INSERT INTO account (id, held, deficit, org, kind, standing, key, currency, balance, version, last_no, lots, earned, extra, owner)
SELECT id, held, deficit, org, kind, standing, key, currency, balance, version, last_no, lots, earned, extra, owner
FROM account_before;
DROP TABLE account_before;
ALTER TABLE account ADD PRIMARY KEY (org, kind, key), ADD UNIQUE (id);
CREATE INDEX account_owner ON account (org, owner) WHERE owner IS NOT NULL;
CREATE VIEW imbalance AS
    SELECT a.org, a.id, a.kind, a.key, a.balance, coalesce(e.amount, 0) AS booked
    FROM account a
    LEFT JOIN (SELECT account_id, sum(amount) AS amount FROM entry WHERE account_id > 0 GROUP BY account_id) e
        ON e.account_id = a.id
    WHERE a.balance <> coalesce(e.amount, 0);
