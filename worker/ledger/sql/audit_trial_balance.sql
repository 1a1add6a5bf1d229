-- What came from each contra account and went to it, up to an instant (null: now) that is not before the latest archive.
SELECT o.code AS orgcode, c.name AS contra, coalesce(nullif(a.currency, ''), 'points') AS unit,
       sum(t.issued)::bigint AS issued, sum(t.taken)::bigint AS taken
FROM (
    SELECT org, least(debit, credit) AS contra, greatest(debit, credit) AS account_id,
           CASE WHEN debit < 0 THEN amount END AS issued, CASE WHEN credit < 0 THEN amount END AS taken
    FROM transfer
    WHERE $1::timestamptz IS NULL OR (no >> 12) IN (SELECT no FROM every_batch WHERE decided_at <= $1)
    UNION ALL
    SELECT org, contra, account_id, nullif(received, 0), nullif(given, 0) FROM archived_entry
) t
JOIN org o ON o.id = t.org
JOIN contra c ON c.id = t.contra
LEFT JOIN account a ON a.id = t.account_id
GROUP BY 1, 2, 3
ORDER BY 1, 3, 2
