"""Real invoices of a retailer, turned into documents of the contract and sent through the worker: `make demo`."""
