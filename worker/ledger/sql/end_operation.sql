UPDATE operation
SET state = $3, result = coalesce($4::jsonb, result), error = $5, waits_for = NULL, seen_at = clock_timestamp(),
    ended_at = CASE WHEN $3 = 'paused' THEN NULL ELSE clock_timestamp() END
WHERE id = $1 AND runner = $2 AND state = 'running'
RETURNING state
