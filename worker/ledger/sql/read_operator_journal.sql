SELECT no, at, operation, login, who, action, target, reason, details::text
FROM operator_journal
WHERE $2::bigint IS NULL OR operation = $2
ORDER BY no DESC
LIMIT $1
