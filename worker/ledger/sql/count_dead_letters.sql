SELECT g.reason, d.topic, sum(d.letters)::bigint AS letters, min(d.oldest_ms) AS oldest_ms
FROM (
    SELECT group_id, topic, count(*) AS letters, min(record_ms) AS oldest_ms
    FROM dead_letter WHERE state = 'open' GROUP BY group_id, topic
) d
JOIN dead_letter_group g ON g.id = d.group_id
GROUP BY g.reason, d.topic
