-- A card may have two numbers: its old spelling and the canonical one. OFFSET 0 keeps the planner from walking the
-- tenant's accounts.
SELECT a.*
FROM (SELECT DISTINCT card_id FROM card_number WHERE org = $1 AND last4 = $4::text AND card_id > $2) n
CROSS JOIN LATERAL (
    SELECT {account}
    FROM account
    WHERE org = $1 AND kind = 1 AND key = n.card_id
    OFFSET 0
) a
ORDER BY n.card_id
LIMIT $3
