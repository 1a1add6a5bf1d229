-- $1: the type of voids of tenders. Status 0: applied. State 6: voided.
SELECT o.code AS orgcode, NULL::smallint AS kind, 'tender ' || t.id AS key, NULL::smallint AS type, NULL AS subject,
       'was voided by scm.tender.voided, and is not void' AS what
FROM event e JOIN tender t ON t.org = e.org AND t.id = e.subject JOIN org o ON o.id = e.org
WHERE e.type = $1 AND e.status = 0 AND t.state <> 6
LIMIT 100
