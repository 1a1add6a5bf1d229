-- $1: the state; $2: this group only.
SELECT g.id, g.reason, g.path, g.type, g.orgcode, g.detail, g.sample, d.topic, d.letters, d.first_at, d.last_at,
       d.oldest_ms
FROM (
    SELECT group_id, topic, count(*) AS letters, min(first_at) AS first_at, max(last_at) AS last_at,
           min(record_ms) AS oldest_ms
    FROM dead_letter
    WHERE state = $1 AND ($2::bigint IS NULL OR group_id = $2)
    GROUP BY group_id, topic
) d
JOIN dead_letter_group g ON g.id = d.group_id
ORDER BY d.letters DESC, g.id
