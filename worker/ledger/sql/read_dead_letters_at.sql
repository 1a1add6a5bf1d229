-- At these positions; $4: of this state only.
SELECT d.topic, d.partition, d."offset", d.record_ms, d.first_at, d.last_at, d.closed_at, d.attempts, d.redrive,
       d.state, d.subject, d.version, d.detail, g.id AS group_id, g.reason, g.path, g.type, g.orgcode
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS k (topic, partition, "offset")
JOIN dead_letter d ON d.topic = k.topic AND d.partition = k.partition AND d."offset" = k."offset"
JOIN dead_letter_group g ON g.id = d.group_id
WHERE $4::text IS NULL OR d.state = $4
ORDER BY d.topic, d.partition, d."offset"
