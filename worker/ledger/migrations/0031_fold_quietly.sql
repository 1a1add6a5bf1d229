-- As in 0027, but rows are locked only if there are a thousand to fold: a lock is written, and workers call this every minute.
CREATE OR REPLACE FUNCTION fold_batches() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS
$$
DECLARE
    earliest bigint[];
BEGIN
    PERFORM 1 FROM batch WHERE published_at IS NOT NULL AND decided_at < now() - interval '1 day'
    ORDER BY no OFFSET 999 LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
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
