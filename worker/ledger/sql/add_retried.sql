INSERT INTO retried AS r (minute, worker, retries, halves)
VALUES (date_trunc('minute', clock_timestamp()), $1, $2, $3)
ON CONFLICT (minute, worker) DO UPDATE SET retries = r.retries + EXCLUDED.retries, halves = r.halves + EXCLUDED.halves
