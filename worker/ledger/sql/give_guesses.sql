-- Give $3 tokens back.
UPDATE guess_limit SET tokens = tokens + $3::integer WHERE what = $1 AND name = $2
