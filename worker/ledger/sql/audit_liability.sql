-- What is owed on accounts, up to an instant (null: now) that is not before the latest archive: by tenant, kind, unit, where
-- it came from, and the age in days of the account's last movement. -7 is what was issued free, -8 what was sold.
SELECT o.code AS orgcode, a.kind, coalesce(nullif(a.currency, ''), 'points') AS unit,
       CASE WHEN a.kind <> 1 THEN 'points' WHEN m.issued = 0 THEN 'sold' WHEN m.sold = 0 THEN 'issued free' ELSE 'both' END
           AS origin,
       CASE WHEN m.age <= 30 THEN 30 WHEN m.age <= 90 THEN 90 WHEN m.age <= 365 THEN 365 ELSE 9999 END AS age_days,
       count(*) AS accounts,
       sum(greatest(m.balance, 0))::bigint AS positive, sum(least(m.balance, 0))::bigint AS negative
FROM (
    SELECT account_id, sum(amount) AS balance,
           coalesce(sum(amount) FILTER (WHERE other = -7), 0) AS issued,
           coalesce(sum(amount) FILTER (WHERE other = -8), 0) AS sold,
           extract(day FROM coalesce($1, now()) - max(at))::integer AS age
    FROM (
        SELECT e.account_id, e.amount, e.other, b.decided_at AS at
        FROM (
            SELECT debit AS account_id, -amount AS amount, no, credit AS other FROM transfer WHERE debit > 0
            UNION ALL
            SELECT credit, amount, no, debit FROM transfer WHERE credit > 0
        ) e JOIN every_batch b ON b.no = e.no >> 12
        WHERE $1::timestamptz IS NULL OR b.decided_at <= $1
        UNION ALL
        SELECT account_id, received - given, contra, last_at FROM archived_entry
    ) x
    GROUP BY account_id
) m JOIN account a ON a.id = m.account_id JOIN org o ON o.id = a.org
WHERE m.balance <> 0
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2, 3, 4, 5
