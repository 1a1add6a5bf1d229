-- The instant up to which every existing partition has been read; 0 if one was never read. Rows of partitions that no
-- longer exist (a topic created again with fewer) don't count.
SELECT min(coalesce(w.read_us, 0))
FROM unnest($1::text[], $2::integer[]) AS t (topic, partitions)
CROSS JOIN generate_series(0, t.partitions - 1) AS n
LEFT JOIN watermark w ON w.topic = t.topic AND w.partition = n
