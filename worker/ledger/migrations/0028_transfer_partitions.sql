-- Transfers are kept by range of `no`, in partitions of about a month each, so that old ones can be archived. The table
-- that there is becomes the first partition: it is read once, to see that its numbers are below the bound, and not written.
ALTER TABLE transfer RENAME TO transfer_0;
ALTER INDEX transfer_no RENAME TO transfer_0_no;
CREATE TABLE transfer (LIKE transfer_0 INCLUDING CONSTRAINTS) PARTITION BY RANGE (no);
CREATE INDEX transfer_no ON transfer USING brin (no) WITH (pages_per_range = 64, autosummarize = on);
CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE VIEW entry AS
    SELECT no, org, debit AS account_id, -amount AS amount FROM transfer
    UNION ALL
    SELECT no, org, credit, amount FROM transfer;

-- Each partition: which batches it has. The first one has no lower bound; the one for the rest has no bounds, and is left out.
CREATE VIEW transfer_partition AS
    SELECT c.relname AS name, coalesce((b.bounds[1]::bigint) >> 12, 0) AS first_batch,
           (b.bounds[2]::bigint) >> 12 AS end_batch
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL regexp_match(
        pg_get_expr(c.relpartbound, c.oid), $$FROM \((?:MINVALUE|'(\d+)')\) TO \('(\d+)'\)$$
    ) AS b (bounds)
    WHERE i.inhparent = 'transfer'::regclass AND b.bounds IS NOT NULL;

-- Adds the next partition unless one is there that no batch has come to yet; returns its name, or null. It has as many
-- batches as the last 30 days had. A worker may call this, and it acts as the owner. Nobody who inserts waits for it; whoever
-- reads the whole table makes it wait, so it gives up soon, and is tried again: there is time.
CREATE FUNCTION add_transfer_partition() RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET lock_timeout = '100ms' AS
$$
DECLARE
    latest bigint;
    start  bigint;
    size   bigint;
    name   text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7100278) THEN  -- any number: one at a time
        RETURN NULL;
    END IF;
    SELECT last_value INTO latest FROM batch_no;
    SELECT max(end_batch) INTO start FROM transfer_partition;
    IF EXISTS (SELECT FROM transfer_partition WHERE first_batch > latest) THEN
        RETURN NULL;
    END IF;
    -- Batches that no partition was there for are in the last one, and stay there.
    IF latest >= start - 1 THEN
        start := latest + 65536;
    END IF;
    SELECT latest - coalesce(max(last_no), 0) INTO size FROM batch_past WHERE latest_at < now() - interval '30 days';
    size := least(greatest(size, 65536), 4194304);
    name := 'transfer_' || start;
    EXECUTE format('CREATE TABLE %I (LIKE transfer INCLUDING CONSTRAINTS) WITH ('
        'autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02)', name);
    EXECUTE format('CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
        'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('ALTER TABLE transfer ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, start << 12,
        (start + size) << 12);
    RETURN name;
END
$$;
REVOKE ALL ON FUNCTION add_transfer_partition() FROM PUBLIC;

DO $$
BEGIN
    EXECUTE format('ALTER TABLE transfer ATTACH PARTITION transfer_0 FOR VALUES FROM (MINVALUE) TO (%L)',
        ((SELECT last_value FROM batch_no) + 65536) << 12);
END $$;
CREATE TABLE transfer_rest PARTITION OF transfer DEFAULT WITH (
    autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02
);
CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer_rest
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT add_transfer_partition();
