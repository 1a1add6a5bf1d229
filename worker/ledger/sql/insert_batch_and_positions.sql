-- As insert_batch.sql, for a worker that has read records: interfaces have no positions, and no right to write any.
-- Returns what upsert_watermark.sql returns, or one row without a partition.
WITH positions AS (
{upsert_watermark}), made AS (
    INSERT INTO batch (no, worker, decided_at, documents) VALUES ($9, $10, $11, $12)
)
SELECT EXISTS (SELECT FROM dead_letter WHERE state = 'open' AND identity IS NOT NULL) AS letters_wait,
       p.topic, p.partition, p.topic_id
FROM (VALUES (1)) AS one LEFT JOIN positions AS p ON true
