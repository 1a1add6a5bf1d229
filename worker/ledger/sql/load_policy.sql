SELECT p.org, p.version, p.effective_us, p.policy
FROM unnest($1::integer[], $2::integer[]) AS k (org, known)
CROSS JOIN LATERAL (
    SELECT org, version, effective_us, policy FROM policy WHERE org = k.org AND version > k.known
) p
ORDER BY p.org, p.version
