SELECT a.id, a.kind, a.key, a.extra
FROM unnest($2::bigint[]) AS k (id)
CROSS JOIN LATERAL (SELECT id, kind, key, extra FROM account WHERE id = k.id AND org = $1) a
