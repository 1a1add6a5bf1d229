"""Import files. An interrupted import can be continued; no row is done twice or left out."""
