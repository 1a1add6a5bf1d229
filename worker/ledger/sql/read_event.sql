SELECT e.org, e.no, e.digest IS NOT NULL AS decided, e.facts, e.record
FROM org o JOIN event e ON e.org = o.id
WHERE o.code = $1 AND e.type = $2 AND e.subject = $3
