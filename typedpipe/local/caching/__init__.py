"""Cache keys and their parts."""
