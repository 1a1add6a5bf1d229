UPDATE api_key k SET revoked_at = coalesce(k.revoked_at, now()) FROM org o
WHERE o.code = $1 AND k.org = o.id AND k.id = $2
RETURNING k.id
