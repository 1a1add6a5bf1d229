SELECT k.place, a.*
FROM unnest($1::integer[], $2::smallint[], $3::text[]) WITH ORDINALITY AS k (org, kind, owner, place)
CROSS JOIN LATERAL (
    SELECT {account}
    FROM account
    WHERE org = k.org AND owner = k.owner AND kind = k.kind
    ORDER BY key
) a
