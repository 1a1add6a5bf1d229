-- Batches that are published are read by audits, which want each one's time and number of documents, and by a rebuild, which
-- wants their order. A thousand of them take one row here, which Postgres compresses.
CREATE TABLE batch_past (
    last_no    bigint PRIMARY KEY,
    latest_at  timestamptz NOT NULL,
    nos        bigint[] NOT NULL,
    decided_at timestamptz[] NOT NULL,
    documents  integer[] NOT NULL
);
CREATE TRIGGER batch_past_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON batch_past
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW every_batch (no, decided_at, documents) AS
    SELECT no, decided_at, documents FROM batch
    UNION ALL
    SELECT b.no, b.decided_at, b.documents
    FROM batch_past p CROSS JOIN LATERAL unnest(p.nos, p.decided_at, p.documents) AS b (no, decided_at, documents);

-- Folds the earliest thousand published batches that are older than a day, if there are as many; returns how many it folded.
-- A worker may call this, and it acts as the owner: no worker can delete a batch.
CREATE FUNCTION fold_batches() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS
$$
DECLARE
    earliest bigint[];
BEGIN
    SELECT array_agg(no) INTO earliest FROM (
        SELECT no FROM batch WHERE published_at IS NOT NULL AND decided_at < now() - interval '1 day'
        ORDER BY no LIMIT 1000 FOR UPDATE SKIP LOCKED
    ) b;
    IF coalesce(cardinality(earliest), 0) < 1000 THEN
        RETURN 0;
    END IF;
    WITH gone AS (DELETE FROM batch WHERE no = ANY (earliest) RETURNING no, decided_at, documents)
    INSERT INTO batch_past (last_no, latest_at, nos, decided_at, documents)
    SELECT max(no), max(decided_at), array_agg(no ORDER BY no), array_agg(decided_at ORDER BY no),
           array_agg(documents ORDER BY no)
    FROM gone;
    RETURN 1000;
END
$$;
REVOKE ALL ON FUNCTION fold_batches() FROM PUBLIC;
