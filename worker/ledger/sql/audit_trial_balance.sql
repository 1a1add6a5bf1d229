-- What came from each contra account and went to it, up to an instant (null: now).
SELECT o.code AS orgcode, c.name AS contra, coalesce(nullif(a.currency, ''), 'points') AS unit,
       sum(t.amount) FILTER (WHERE t.debit < 0)::bigint AS issued, sum(t.amount) FILTER (WHERE t.credit < 0)::bigint AS taken
FROM transfer t
JOIN org o ON o.id = t.org
JOIN contra c ON c.id = least(t.debit, t.credit)
LEFT JOIN account a ON a.id = greatest(t.debit, t.credit)
WHERE $1::timestamptz IS NULL OR (t.no >> 12) IN (SELECT no FROM every_batch WHERE decided_at <= $1)
GROUP BY 1, 2, 3
ORDER BY 1, 3, 2
