-- Which of these identities are decided, and their facts, which say from which record. LIMIT: each is looked up by its key,
-- where a join would read the whole table for every few thousand of them.
SELECT k.place, e.facts
FROM unnest($1::text[], $2::smallint[], $3::text[]) WITH ORDINALITY AS k (orgcode, type, subject, place)
CROSS JOIN LATERAL (
    SELECT facts FROM event
    WHERE org = (SELECT id FROM org WHERE code = k.orgcode) AND type = k.type AND subject = k.subject
        AND digest IS NOT NULL
    LIMIT 1
) e
