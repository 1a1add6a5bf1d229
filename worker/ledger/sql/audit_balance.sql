SELECT o.code AS orgcode, a.kind, a.key, NULL::smallint AS type, NULL AS subject,
       'has ' || a.balance || ', its transfers come to ' || a.booked AS what
FROM imbalance a JOIN org o ON o.id = a.org
LIMIT 100
