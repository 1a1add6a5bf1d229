-- $1: only this one; $2: only those that have not ended. `at_work`: the lock of its process is held.
SELECT o.id, o.kind, o.state, o.who, o.reason, o.planned, o.done, o.rate_per_s, o.waits_for, o.created_at, o.started_at,
       o.ended_at, o.seen_at, o.resumed_at, o.resumed_from, o.plan::text, o.cursor::text, o.result::text, o.error,
       l.objid IS NOT NULL AS at_work
FROM operation o
LEFT JOIN pg_locks l ON l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid = $3::int8::oid
    AND l.objid = o.id::oid AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
WHERE ($1::bigint IS NULL OR o.id = $1) AND (NOT $2::boolean OR o.state IN ('planned', 'running', 'paused', 'failed'))
ORDER BY o.id DESC
LIMIT $4
