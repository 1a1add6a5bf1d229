SELECT w.topic, w.partition, w.next_offset, w.last_offset, w.last_ms, w.checksum, w.topic_id
FROM unnest($1::text[], $2::integer[]) AS k (topic, partition)
CROSS JOIN LATERAL (SELECT * FROM watermark WHERE topic = k.topic AND partition = k.partition) w
