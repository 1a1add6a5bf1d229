-- Also the sessions that it opened. The foreign key would delete them too, but would not return them.
WITH RECURSIVE ended AS (
    SELECT s.org, s.id FROM org o JOIN session s ON s.org = o.id
    WHERE o.code = $1 AND s.id = $2 AND s.api_key = $3
    UNION ALL
    SELECT c.org, c.id FROM ended e JOIN session c ON c.org = e.org AND c.parent = e.id
)
DELETE FROM session s USING ended e WHERE s.org = e.org AND s.id = e.id RETURNING s.id
