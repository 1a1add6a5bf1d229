SELECT k.place, a.*
FROM unnest($1::integer[], $2::smallint[], $3::text[]) WITH ORDINALITY AS k (org, kind, key, place)
CROSS JOIN LATERAL (
    SELECT {account}
    FROM account
    WHERE org = k.org AND kind = k.kind AND key = k.key
    FOR NO KEY UPDATE
) a
