-- Up to which instant every partition that exists has been read: 0 while one never was. Rows of partitions that are gone
-- (a topic made anew with fewer) say nothing.
SELECT min(coalesce(w.read_us, 0))
FROM unnest($1::text[], $2::integer[]) AS t (topic, partitions)
CROSS JOIN generate_series(0, t.partitions - 1) AS n
LEFT JOIN watermark w ON w.topic = t.topic AND w.partition = n
