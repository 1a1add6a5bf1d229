-- Take a token from a bucket that holds $3 and refills at $3 a minute; no row if it is empty.
INSERT INTO guess_limit AS g (what, name, tokens, at)
VALUES ($1, $2, $3::integer - 1, clock_timestamp())
ON CONFLICT (what, name) DO UPDATE
SET tokens = least(g.tokens + $3 / 60.0 * extract(epoch FROM clock_timestamp() - g.at), $3) - 1,
    at = clock_timestamp()
WHERE least(g.tokens + $3 / 60.0 * extract(epoch FROM clock_timestamp() - g.at), $3) >= 1
RETURNING tokens
