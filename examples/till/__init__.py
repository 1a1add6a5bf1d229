"""A till in three languages: ask whether a gift card may pay, wait for the answer, publish the sale."""
