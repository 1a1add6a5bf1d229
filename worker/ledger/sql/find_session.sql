SELECT k.id AS key_id, s.id AS session_id, s.scopes, least(s.expires_at, k.expires_at) AS until
FROM org o JOIN session s ON s.org = o.id JOIN api_key k ON k.org = s.org AND k.id = s.api_key
WHERE o.code = $1 AND s.digest = $2 AND s.expires_at > now()
    AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
