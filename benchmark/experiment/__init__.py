"""From a request to records: plan the cells, run them, describe where they ran."""
