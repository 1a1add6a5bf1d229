SELECT o.code AS orgcode, p.org, p.type, p.subject, p.due_us, p.received_us, p.record_us, p.document, p.ready,
       p.waits_for, p.waits_key, p.woken_no
FROM parked p JOIN org o ON o.id = p.org
WHERE (p.ready OR p.due_us <= $1) AND p.not_before_us <= $1
ORDER BY p.received_us
LIMIT $2
FOR UPDATE OF p SKIP LOCKED
