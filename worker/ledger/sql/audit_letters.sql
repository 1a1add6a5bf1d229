-- Which of these positions have a dead letter. LIMIT: each is looked up by its key.
SELECT k.place
FROM unnest($1::text[], $2::integer[], $3::bigint[]) WITH ORDINALITY AS k (topic, partition, "offset", place)
CROSS JOIN LATERAL (
    SELECT topic FROM dead_letter
    WHERE topic = k.topic AND partition = k.partition AND "offset" = k."offset"
    LIMIT 1
) d
