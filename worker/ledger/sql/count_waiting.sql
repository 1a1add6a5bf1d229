SELECT (SELECT count(*) FROM batch
        WHERE published_at IS NULL AND decided_at < now() - interval '1 minute') AS unpublished,
       (SELECT count(*) FROM parked) AS parked,
       (SELECT count(*) FROM parked WHERE ready) AS ready
