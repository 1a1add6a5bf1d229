UPDATE operation
SET state = $2, waits_for = NULL, ended_at = CASE WHEN $2 = 'paused' THEN NULL ELSE clock_timestamp() END
WHERE id = $1 AND state = ANY ($3::text[])
RETURNING state
