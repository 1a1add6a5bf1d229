UPDATE timer SET due_us = $4 + least(greatest($4 - not_before_us, $5), $6)
WHERE org = $1 AND kind = $2 AND key = $3
