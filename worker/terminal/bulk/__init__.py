"""Import of files, resumable: nothing is done twice, nothing is left out."""
