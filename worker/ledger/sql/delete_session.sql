DELETE FROM session s USING org o WHERE o.code = $1 AND s.org = o.id AND s.id = $2 AND s.api_key = $3
