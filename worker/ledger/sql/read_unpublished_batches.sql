SELECT no, worker, documents FROM batch WHERE published_at IS NULL ORDER BY no LIMIT $1
