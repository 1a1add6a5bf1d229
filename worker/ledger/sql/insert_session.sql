INSERT INTO session (org, id, digest, api_key, scopes, expires_at, parent)
SELECT o.id, $2, $3, $4, $5, least(now() + $6, $7), $8 FROM org o
WHERE o.code = $1 AND (SELECT count(*) FROM session s WHERE s.org = o.id AND s.api_key = $4) < $9
RETURNING created_at, expires_at
