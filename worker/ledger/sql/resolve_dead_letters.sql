UPDATE dead_letter SET state = 'resolved', closed_at = clock_timestamp()
WHERE state = 'open' AND identity IS NOT NULL AND identity = ANY ($1::bytea[])
