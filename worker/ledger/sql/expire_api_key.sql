UPDATE api_key k SET expires_at = least(k.expires_at, now() + $3) FROM org o
WHERE o.code = $1 AND k.org = o.id AND k.id = $2 AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > now())
RETURNING k.org, k.name, k.scopes
