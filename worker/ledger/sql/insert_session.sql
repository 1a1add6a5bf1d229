INSERT INTO session (org, id, digest, api_key, scopes, expires_at)
SELECT o.id, $2, $3, $4, $5, least(now() + $6, $7) FROM org o WHERE o.code = $1
RETURNING expires_at
