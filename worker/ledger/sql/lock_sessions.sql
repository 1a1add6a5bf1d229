-- Until the transaction ends nobody else opens a session of this key, so that they can be counted.
SELECT pg_advisory_xact_lock(hashtextextended($1::text || '/' || $2::text, 0))
