"""The composition roots: the only places that know every part. A module for each kind of process."""
