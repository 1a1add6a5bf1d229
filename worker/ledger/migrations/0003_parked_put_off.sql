-- A parked document on which the program failed is left alone until then, so that the others go on.
ALTER TABLE parked ADD COLUMN not_before_us bigint NOT NULL DEFAULT 0;
