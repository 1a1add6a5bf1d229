UPDATE operation
SET state = 'running', runner = $2, error = NULL, waits_for = NULL, resumed_from = done,
    resumed_at = clock_timestamp(), seen_at = clock_timestamp(),
    started_at = coalesce(started_at, clock_timestamp()), rate_per_s = coalesce($3, rate_per_s), ended_at = NULL
WHERE id = $1 AND state IN ('planned', 'running', 'paused', 'failed')
RETURNING state
