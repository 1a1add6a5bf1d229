DELETE FROM card_key WHERE fingerprint = $1 RETURNING since
