UPDATE parked SET not_before_us = $4 WHERE org = $1 AND type = $2 AND subject = $3
