-- Take a token of a bucket that holds $3 and gets as many a minute; no row if there is none.
INSERT INTO guess_limit AS g (what, name, tokens, at)
VALUES ($1, $2, $3::integer - 1, clock_timestamp())
ON CONFLICT (what, name) DO UPDATE
SET tokens = least(g.tokens + $3 / 60.0 * extract(epoch FROM clock_timestamp() - g.at), $3) - 1,
    at = clock_timestamp()
WHERE least(g.tokens + $3 / 60.0 * extract(epoch FROM clock_timestamp() - g.at), $3) >= 1
RETURNING tokens
