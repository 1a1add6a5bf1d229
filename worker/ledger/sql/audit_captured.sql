-- Captured and refunded amounts of tenders.
SELECT k.place, t.captured_minor, t.refunded_minor
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (orgcode, id, place)
CROSS JOIN LATERAL (
    SELECT captured_minor, refunded_minor FROM tender
    WHERE org = (SELECT id FROM org WHERE code = k.orgcode) AND id = k.id
    LIMIT 1
) t
