-- The letters of a group after a position ($2, $3, $4); $5: only letters in this state.
SELECT d.topic, d.partition, d."offset", d.record_ms, d.first_at, d.last_at, d.closed_at, d.attempts, d.redrive,
       d.state, d.subject, d.version, d.detail, g.id AS group_id, g.reason, g.path, g.type, g.orgcode
FROM dead_letter d
JOIN dead_letter_group g ON g.id = d.group_id
WHERE d.group_id = $1 AND (d.topic, d.partition, d."offset") > ($2::text, $3::int, $4::bigint)
    AND ($5::text IS NULL OR d.state = $5)
ORDER BY d.topic, d.partition, d."offset"
LIMIT $6
