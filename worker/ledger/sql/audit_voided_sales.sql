-- The sales ($2) that a void ($1) was applied to. Status 0: applied.
SELECT s.org, s.subject, s.record
FROM event v JOIN event s ON s.org = v.org AND s.subject = v.subject
WHERE v.type = $1 AND v.status = 0 AND s.type = $2 AND s.record IS NOT NULL
