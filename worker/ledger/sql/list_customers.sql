SELECT {account}
FROM account
WHERE org = $1 AND kind = 0 AND key > $2 AND standing > 0
ORDER BY key
LIMIT $3
