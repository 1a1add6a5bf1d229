"""Dead letters for operators: list and show (`reading`), plan and run a redrive (`redrive`), rebuild (`rebuild`).

A redrive reads each original where its letter says it is, and applies it as the API does. It writes to no topic, so no
document can come round again: what is refused once more stays in the inbox, with another attempt.
"""
