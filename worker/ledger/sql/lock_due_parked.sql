-- Two walks, each along an index. A single query over ready and due documents would sort all of them for every batch.
WITH ready AS (
    SELECT * FROM parked
    WHERE ready AND not_before_us <= $1
    ORDER BY received_us, no
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), due AS (
    SELECT * FROM parked
    WHERE NOT ready AND due_us <= $1 AND not_before_us <= $1
    ORDER BY due_us, no
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
SELECT o.code AS orgcode, p.org, p.type, p.subject, p.due_us, p.received_us, p.record_us, p.document, p.ready,
       p.waits_for, p.waits_key, p.woken_no
FROM (SELECT * FROM ready UNION ALL SELECT * FROM due) p JOIN org o ON o.id = p.org
ORDER BY p.received_us, p.no
