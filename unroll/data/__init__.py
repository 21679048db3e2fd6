"""Files to records to batches: readers, vocabularies, streams."""
