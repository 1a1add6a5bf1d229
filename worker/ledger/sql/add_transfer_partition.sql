SELECT add_transfer_partition()
