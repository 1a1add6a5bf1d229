SELECT id, kind, key, currency, standing, balance, held, deficit, version, lots, earned, extra, last_no
FROM account
WHERE org = $1 AND kind = 0 AND key > $2 AND standing > 0
ORDER BY key
LIMIT $3
