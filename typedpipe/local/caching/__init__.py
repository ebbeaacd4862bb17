"""Cache keys, and what a key is made of."""
