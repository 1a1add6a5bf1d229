SELECT {account}
FROM account
WHERE org = $1 AND kind = 1 AND key > $2
ORDER BY key
LIMIT $3
