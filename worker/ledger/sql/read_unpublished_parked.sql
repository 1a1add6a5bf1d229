-- Which of these documents came in through an interface and have an outcome that no worker has published yet.
SELECT k.place
FROM unnest($1::integer[], $2::smallint[], $3::text[]) WITH ORDINALITY AS k (org, type, subject, place)
CROSS JOIN LATERAL (
    SELECT no >> 12 AS batch FROM event WHERE org = k.org AND type = k.type AND subject = k.subject
) e
CROSS JOIN LATERAL (SELECT FROM batch WHERE no = e.batch AND worker = 0 AND published_at IS NULL) b
