-- The movements of each document, in the order of the documents. A document may move an account more than once.
SELECT x.no, x.org, a.kind, a.key, x.amount
FROM entry x JOIN account a ON a.id = x.account_id
ORDER BY x.no
