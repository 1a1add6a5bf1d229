-- Sales, tenders and returns came ($1–$3) with the documents of these numbers ($5): the first of them ends a wait.
WITH woken AS (
    SELECT org, type, subject, min(($5::bigint[])[at]) AS no FROM ended_waits($1, $2, $3, $4) GROUP BY org, type, subject
)
UPDATE parked p SET ready = true, woken_no = w.no
FROM woken w
WHERE p.org = w.org AND p.type = w.type AND p.subject = w.subject AND NOT p.ready
