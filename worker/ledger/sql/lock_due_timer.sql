SELECT o.code AS orgcode, t.org, t.kind, t.key, t.due_us
FROM timer t JOIN org o ON o.id = t.org
WHERE t.due_us <= $1 AND t.not_before_us <= $2
ORDER BY t.due_us
LIMIT $3
FOR UPDATE OF t SKIP LOCKED
