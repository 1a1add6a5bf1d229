-- When a customer was born: YYYY-MM-DD, or --MM-DD of who does not tell the year. Personal, so erasure empties it.
ALTER TABLE customer ADD COLUMN birth_date text;
