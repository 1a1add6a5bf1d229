SELECT k.place, e.no, e.status, e.digest, e.facts
FROM unnest($1::integer[], $2::smallint[], $3::text[]) WITH ORDINALITY AS k (org, type, subject, place)
CROSS JOIN LATERAL (
    SELECT no, status, digest, facts FROM event
    WHERE org = k.org AND type = k.type AND subject = k.subject
) e
