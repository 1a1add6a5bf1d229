SELECT t.amount, t.debit, t.credit, dc.name AS debit_contra, cc.name AS credit_contra
FROM transfer t
LEFT JOIN contra dc ON dc.id = t.debit
LEFT JOIN contra cc ON cc.id = t.credit
WHERE t.no = $2 AND t.org = $1
ORDER BY t.ctid
