-- These deadlines, in the order in which they would be taken.
SELECT o.code AS orgcode, t.org, t.kind, t.key, t.due_us
FROM unnest($1::integer[], $2::text[], $3::text[]) AS k (org, kind, key)
JOIN timer t ON t.org = k.org AND t.kind = k.kind AND t.key = k.key
JOIN org o ON o.id = t.org
ORDER BY t.due_us
FOR UPDATE OF t
