-- The parked documents whose wait ends if one of these sales, tenders or returns comes (worker/engine/waiters.py).
WITH waiters AS (
    SELECT DISTINCT org, type, subject FROM ended_waits($1, $2, $3, $4)
)
SELECT o.code AS orgcode, p.org, p.type, p.subject, p.received_us, p.record_us, p.document, p.ready,
       p.waits_for, p.waits_key, p.sale_id, p.woken_no
FROM waiters w
JOIN parked p ON p.org = w.org AND p.type = w.type AND p.subject = w.subject
JOIN org o ON o.id = p.org
WHERE NOT p.ready
ORDER BY p.received_us, p.no
LIMIT $5
FOR UPDATE OF p
