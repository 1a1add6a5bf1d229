-- Without a pending list, which every search by external id would read whole until a vacuum comes by.
ALTER INDEX customer_external_ids SET (fastupdate = off);
SELECT gin_clean_pending_list('customer_external_ids');
