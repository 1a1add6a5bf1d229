WITH RECURSIVE moved (before, no, debits, credits, amounts) AS (
    SELECT $3::bigint, NULL::bigint, NULL::bigint[], NULL::bigint[], NULL::bigint[]
    UNION ALL
    SELECT t.before, m.before, t.debits, t.credits, t.amounts
    FROM moved m CROSS JOIN LATERAL (
        SELECT max(CASE WHEN debit = $2 THEN debit_before ELSE credit_before END) AS before,
               array_agg(debit ORDER BY ctid) AS debits, array_agg(credit ORDER BY ctid) AS credits,
               array_agg(amount ORDER BY ctid) AS amounts
        FROM transfer
        WHERE no = m.before AND org = $1 AND (debit = $2 OR credit = $2)
        HAVING count(*) > 0
    ) t
    WHERE m.before > $4
)
SELECT no, debits, credits, amounts FROM moved WHERE no IS NOT NULL LIMIT $5
