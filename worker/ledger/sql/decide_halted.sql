UPDATE halted SET decision = $3 WHERE topic = $1 AND partition = $2 RETURNING kind, why
