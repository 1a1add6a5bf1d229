DELETE FROM watermark w
USING unnest($1::text[], $2::integer[]) AS k (topic, partition)
WHERE w.topic = k.topic AND w.partition = k.partition
