"""The decisions: for each document, the rows that it needs, and its effect on the books."""
