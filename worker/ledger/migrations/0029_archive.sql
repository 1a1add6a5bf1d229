-- Partitions of transfers that are in files: the oldest first, so all numbers below the greatest end are in files.
CREATE TABLE archive (
    end_batch   bigint PRIMARY KEY,
    first_batch bigint NOT NULL,
    name        text COLLATE "C" NOT NULL UNIQUE,  -- of the partition, and of its folder
    until       timestamptz NOT NULL,              -- when its latest batch was decided
    transfers   bigint NOT NULL,
    checksum    bytea NOT NULL,                    -- of its manifest
    archived_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER archive_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON archive
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What archived transfers come to: of an account, from and to each contra account; 0 stands for other accounts.
CREATE TABLE archived_entry (
    received   bigint NOT NULL,
    given      bigint NOT NULL,
    account_id bigint NOT NULL,
    last_no    bigint NOT NULL,
    last_at    timestamptz NOT NULL,
    org        integer NOT NULL,
    contra     smallint NOT NULL,
    PRIMARY KEY (account_id, contra)
);

CREATE OR REPLACE VIEW imbalance AS
    SELECT a.org, a.id, a.kind, a.key, a.balance, coalesce(e.amount, 0) AS booked
    FROM account a
    LEFT JOIN (
        SELECT account_id, sum(amount) AS amount FROM (
            SELECT account_id, amount FROM entry WHERE account_id > 0
            UNION ALL
            SELECT account_id, received - given FROM archived_entry
        ) b GROUP BY account_id
    ) e ON e.account_id = a.id
    WHERE a.balance <> coalesce(e.amount, 0);
