-- Of the last hour, the workers with most first.
SELECT worker, sum(retries)::bigint AS retries, sum(halves)::bigint AS halves
FROM retried
WHERE minute > clock_timestamp() - interval '1 hour'
GROUP BY worker
ORDER BY sum(retries) + sum(halves) DESC, worker
