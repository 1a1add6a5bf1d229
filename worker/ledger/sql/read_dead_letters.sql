-- Of a group ($1), or of all positions ($2, $3, $4); those after ($5, $6, $7); $8: of this state only.
SELECT d.topic, d.partition, d."offset", d.record_ms, d.first_at, d.last_at, d.closed_at, d.attempts, d.redrive,
       d.state, d.subject, d.version, d.detail, g.id AS group_id, g.reason, g.path, g.type, g.orgcode
FROM dead_letter d
JOIN dead_letter_group g ON g.id = d.group_id
WHERE (d.group_id = $1 OR $1::bigint IS NULL AND (d.topic, d.partition, d."offset") IN
        (SELECT * FROM unnest($2::text[], $3::int[], $4::bigint[])))
    AND (d.topic, d.partition, d."offset") > ($5::text, $6::int, $7::bigint)
    AND ($8::text IS NULL OR d.state = $8)
ORDER BY d.topic, d.partition, d."offset"
LIMIT $9
