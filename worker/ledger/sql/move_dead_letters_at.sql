-- Move the letters at these positions from one state ($4) to another ($5).
UPDATE dead_letter d
SET state = $5, closed_at = CASE WHEN $5 = 'open' THEN NULL ELSE clock_timestamp() END
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS k (topic, partition, "offset")
WHERE d.topic = k.topic AND d.partition = k.partition AND d."offset" = k."offset" AND d.state = $4
RETURNING d.topic, d.partition, d."offset"
