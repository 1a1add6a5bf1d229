SELECT id, kind, key, currency, standing, balance, held, deficit, version, lots, earned, extra, last_no
FROM account
WHERE org = $1 AND owner = $2
ORDER BY kind, key
