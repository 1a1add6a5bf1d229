SELECT fold_batches()
