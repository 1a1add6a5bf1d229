-- Types from 60 on are deadlines, which no publisher sends: they have no digest.
SELECT o.code AS orgcode, NULL::smallint AS kind, NULL AS key, e.type, e.subject,
       CASE WHEN e.facts IS NULL THEN 'has no outcome' ELSE 'has an outcome and no digest' END AS what
FROM event e JOIN org o ON o.id = e.org
WHERE e.type < 60 AND (e.digest IS NULL) <> (e.facts IS NULL)
LIMIT 100
