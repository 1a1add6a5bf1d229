-- These parked documents, whether or not their wait is over, in the order in which they would be taken.
SELECT o.code AS orgcode, p.org, p.type, p.subject, p.due_us, p.received_us, p.record_us, p.document, p.ready,
       p.waits_for, p.waits_key, p.woken_no
FROM unnest($1::integer[], $2::smallint[], $3::text[]) AS k (org, type, subject)
JOIN parked p ON p.org = k.org AND p.type = k.type AND p.subject = k.subject
JOIN org o ON o.id = p.org
ORDER BY p.received_us, p.no
FOR UPDATE OF p
