INSERT INTO watermark AS w (topic, partition, read_us, next_offset, last_offset, last_ms, checksum, topic_id)
SELECT * FROM unnest(
    $1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], $8::uuid[])
ON CONFLICT (topic, partition) DO UPDATE
SET read_us = greatest(w.read_us, excluded.read_us),
    -- Reading a topic again never moves the position back, and neither does a worker that lost the partition. A
    -- position in a topic with another id is not taken: the caller sees that by the id that is returned.
    (next_offset, last_offset, last_ms, checksum, topic_id) = (
        SELECT p.next_offset, p.last_offset, p.last_ms, p.checksum, p.topic_id
        FROM (VALUES (w.next_offset, w.last_offset, w.last_ms, w.checksum, w.topic_id),
            (excluded.next_offset, excluded.last_offset, excluded.last_ms, excluded.checksum, excluded.topic_id)
        ) AS p (next_offset, last_offset, last_ms, checksum, topic_id)
        ORDER BY coalesce(p.topic_id <> w.topic_id, false), p.next_offset DESC NULLS LAST LIMIT 1)
WHERE excluded.read_us > w.read_us OR excluded.next_offset > coalesce(w.next_offset, -1)
    OR excluded.topic_id <> w.topic_id
RETURNING topic, partition, topic_id
