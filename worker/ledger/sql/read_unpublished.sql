-- Which of these documents were last decided in a batch whose outcomes are not known to be published.
SELECT k.place
FROM unnest($1::text[], $2::smallint[], $3::text[]) WITH ORDINALITY AS k (orgcode, type, subject, place)
CROSS JOIN LATERAL (SELECT id FROM org WHERE code = k.orgcode) o
CROSS JOIN LATERAL (
    SELECT no >> 12 AS batch FROM event WHERE org = o.id AND type = k.type AND subject = k.subject
) e
CROSS JOIN LATERAL (SELECT FROM batch WHERE no = e.batch AND published_at IS NULL) b
