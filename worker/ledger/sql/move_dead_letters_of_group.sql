-- Move the letters of a group from one state ($2) to another ($3).
UPDATE dead_letter d
SET state = $3, closed_at = CASE WHEN $3 = 'open' THEN NULL ELSE clock_timestamp() END
WHERE d.group_id = $1 AND d.state = $2
RETURNING d.topic, d.partition, d."offset"
