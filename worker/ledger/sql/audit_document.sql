SELECT o.code AS orgcode, NULL::smallint AS kind, 'document ' || t.no AS key, NULL::smallint AS type, NULL AS subject,
       'is gone; its ' || count(*) || ' transfers come to ' || sum(t.amount) AS what
FROM transfer t JOIN org o ON o.id = t.org LEFT JOIN event e ON e.no = t.no AND e.org = t.org
WHERE e.no IS NULL
GROUP BY o.code, t.no
LIMIT 100
