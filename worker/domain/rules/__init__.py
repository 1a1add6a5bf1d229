"""Rules that several decisions share: what earns, what a hold takes, what an outcome shows."""
