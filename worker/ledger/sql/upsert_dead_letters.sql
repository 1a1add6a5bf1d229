-- A letter whose document is already in the ledger is resolved from the start; a conflict never is (its identity is
-- null). $16: rebuilt from the dead-letter topics; $17: the redrive that had it refused again, which counts it once.
INSERT INTO dead_letter AS d
    (topic, partition, "offset", record_ms, group_id, subject, version, detail, identity, state, closed_at, attempts,
     redrive)
SELECT k.topic, k.partition, k."offset", k.record_ms, g.id, k.subject, k.version, k.detail, k.identity,
       CASE WHEN e.known THEN 'resolved' ELSE 'open' END, CASE WHEN e.known THEN clock_timestamp() END, k.attempts, $17
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::bytea[], $13::smallint[], $14::text[], $15::int[])
    AS k (topic, partition, "offset", record_ms, reason, path, type, orgcode, subject, version, detail, identity,
          type_code, known_subject, attempts)
JOIN dead_letter_group g ON g.reason = k.reason AND g.path = k.path AND g.type = k.type AND g.orgcode = k.orgcode
CROSS JOIN LATERAL (
    SELECT k.identity IS NOT NULL AND EXISTS (
        SELECT FROM org o JOIN event v ON v.org = o.id
        WHERE o.code = k.orgcode AND v.type = k.type_code AND v.subject = k.known_subject AND v.digest IS NOT NULL
    ) AS known
) e
ON CONFLICT (topic, partition, "offset") DO UPDATE
SET attempts = CASE WHEN $16 THEN greatest(d.attempts, excluded.attempts) ELSE d.attempts + 1 END,
    last_at = CASE WHEN $16 THEN d.last_at ELSE clock_timestamp() END,
    group_id = CASE WHEN $16 THEN d.group_id ELSE excluded.group_id END,
    version = CASE WHEN $16 THEN d.version ELSE excluded.version END,
    detail = CASE WHEN $16 THEN d.detail ELSE excluded.detail END,
    redrive = coalesce($17, d.redrive)
WHERE $17 IS NULL OR d.redrive IS DISTINCT FROM $17
