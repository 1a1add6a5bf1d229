DELETE FROM retried WHERE minute < clock_timestamp() - interval '1 day'
