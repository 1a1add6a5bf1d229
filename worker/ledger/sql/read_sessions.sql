-- All sessions of a key; or a session, the sessions that it opened, and so on.
WITH RECURSIVE mine AS (
    SELECT s.org, s.id, s.parent, s.scopes, s.created_at, s.expires_at
    FROM org o JOIN session s ON s.org = o.id AND s.api_key = $2
    WHERE o.code = $1 AND CASE WHEN $3::text IS NULL THEN s.parent IS NULL ELSE s.id = $3 END
    UNION ALL
    SELECT c.org, c.id, c.parent, c.scopes, c.created_at, c.expires_at
    FROM mine m JOIN session c ON c.org = m.org AND c.parent = m.id
)
SELECT id, parent, scopes, created_at, expires_at FROM mine WHERE expires_at > now() ORDER BY created_at, id
