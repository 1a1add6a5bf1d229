"""Dead letters for operators: list and show (`reading`), plan and run a redrive (`redrive`), rebuild (`rebuild`).

A redrive reads each original at the position in its letter, and applies it as the API does. It writes to no topic, so
it can't cause a loop. A letter that is refused again stays in the inbox, with one more attempt.
"""
