-- Which of these identities are decided, and their facts, which say from which record.
SELECT k.place, e.facts
FROM unnest($1::text[], $2::smallint[], $3::text[]) WITH ORDINALITY AS k (orgcode, type, subject, place)
JOIN org o ON o.code = k.orgcode
JOIN event e ON e.org = o.id AND e.type = k.type AND e.subject = k.subject
WHERE e.digest IS NOT NULL
