SELECT EXISTS (SELECT FROM dead_letter WHERE state = 'open' AND identity IS NOT NULL)
