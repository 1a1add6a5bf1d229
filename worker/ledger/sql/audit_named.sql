-- The names of documents, by their numbers.
SELECT o.code AS orgcode, e.type, e.subject
FROM event e JOIN org o ON o.id = e.org
WHERE e.no = ANY ($1::bigint[])
ORDER BY e.no
