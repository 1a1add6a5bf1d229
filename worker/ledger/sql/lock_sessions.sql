-- Until the transaction ends, no other transaction opens a session of this key. So the sessions can be counted.
SELECT pg_advisory_xact_lock(hashtextextended($1::text || '/' || $2::text, 0))
