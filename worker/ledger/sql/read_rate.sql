-- Over the last minute, of the latest batches: documents, and how long a batch took from its decision to its outcomes.
SELECT coalesce(sum(documents), 0)::bigint AS documents,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM published_at - decided_at)) AS median_s,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM published_at - decided_at)) AS p99_s
FROM (SELECT documents, decided_at, published_at FROM batch ORDER BY no DESC LIMIT 5000) b
WHERE decided_at > clock_timestamp() - interval '1 minute'
