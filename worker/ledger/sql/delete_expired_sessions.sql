DELETE FROM session s USING org o WHERE o.code = $1 AND s.org = o.id AND s.expires_at < now()
