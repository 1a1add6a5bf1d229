SELECT k.id AS key_id, NULL::text AS session_id, k.scopes, k.expires_at AS until
FROM org o JOIN api_key k ON k.org = o.id
WHERE o.code = $1 AND k.digest = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
