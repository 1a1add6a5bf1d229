INSERT INTO operator_journal (who, action, target, reason, operation, details) VALUES ($1, $2, $3, $4, $5, $6::jsonb)
