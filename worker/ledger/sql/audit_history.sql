-- Each transfer names the document that moved its account before it, and the account's row names the latest. The first one
-- that is not archived names the latest that is.
SELECT o.code AS orgcode, a.kind, a.key, NULL::smallint AS type, NULL AS subject,
       'the transfer of document ' || c.no || ' does not lead to the one before it' AS what
FROM (
    SELECT account_id, no, before,
           lag(no) OVER (PARTITION BY account_id ORDER BY no) AS expected,
           max(no) OVER (PARTITION BY account_id) AS last
    FROM (
        SELECT DISTINCT debit AS account_id, no, debit_before AS before FROM transfer WHERE debit > 0
        UNION SELECT DISTINCT credit, no, credit_before FROM transfer WHERE credit > 0
        UNION SELECT account_id, max(last_no), NULL FROM archived_entry GROUP BY account_id
    ) moved
) c JOIN account a ON a.id = c.account_id JOIN org o ON o.id = a.org
WHERE c.before IS DISTINCT FROM c.expected OR a.last_no <> c.last
LIMIT 100
