-- The parked documents whose wait ends if one of these sales, tenders or returns comes (worker/engine/waiters.py).
WITH k AS (
    SELECT * FROM unnest($1::integer[], $2::text[], $3::text[]) AS k (org, what, key)
), waiters AS (
    SELECT p.org, p.type, p.subject
    FROM k JOIN parked p ON p.org = k.org AND p.waits_for = k.what AND p.waits_key = k.key
    UNION
    SELECT p.org, p.type, p.subject
    FROM k JOIN parked p ON k.what = 'sale' AND p.org = k.org AND p.sale_id = k.key AND p.sale_id <> ''
    UNION
    SELECT p.org, p.type, p.subject
    FROM k JOIN parked p ON k.what = 'return' AND p.org = k.org AND p.type = $4 AND p.subject = k.key
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
