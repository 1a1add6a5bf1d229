UPDATE card_issuer SET api_key = $3 WHERE orgcode = $1 AND command_id = $2
