-- A record in the WAL that changes nothing.
SELECT pg_logical_emit_message(true, 'g3n', '')
