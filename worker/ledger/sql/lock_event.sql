SELECT k.place, e.digest IS NOT NULL AS decided, e.status, e.record
FROM unnest($1::integer[], $2::smallint[], $3::text[]) WITH ORDINALITY AS k (org, type, subject, place)
CROSS JOIN LATERAL (
    SELECT digest, status, record FROM event
    WHERE org = k.org AND type = k.type AND subject = k.subject
    FOR NO KEY UPDATE
) e
