-- What each document moved, by account, in the order of the documents.
SELECT x.no, x.org, a.kind, a.key, x.amount
FROM (SELECT no, org, account_id, sum(amount)::bigint AS amount FROM entry WHERE account_id > 0 GROUP BY 1, 2, 3) x
JOIN account a ON a.id = x.account_id
ORDER BY x.no
