-- Whether a passed deadline waits only because some partitions are not known to be read past it.
SELECT EXISTS (SELECT FROM timer WHERE due_us > $1 AND due_us <= $2 AND not_before_us <= $3)
