-- A process's finished work counts, even if the operation was paused or cancelled meanwhile.
UPDATE operation
SET cursor = coalesce($3::jsonb, cursor), done = done + $4, waits_for = $5, seen_at = clock_timestamp()
WHERE id = $1 AND runner = $2
RETURNING state, rate_per_s, done
