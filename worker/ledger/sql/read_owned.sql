SELECT {account}
FROM account
WHERE org = $1 AND owner = $2
ORDER BY kind, key
