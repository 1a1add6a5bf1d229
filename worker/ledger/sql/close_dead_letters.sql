-- Those of a group ($1), or at positions ($2, $3, $4), from one state ($5) to another ($6).
UPDATE dead_letter d
SET state = $6, closed_at = CASE WHEN $6 = 'open' THEN NULL ELSE clock_timestamp() END
WHERE d.state = $5
    AND (d.group_id = $1 OR $1::bigint IS NULL AND (d.topic, d.partition, d."offset") IN
        (SELECT * FROM unnest($2::text[], $3::int[], $4::bigint[])))
RETURNING d.topic, d.partition, d."offset"
