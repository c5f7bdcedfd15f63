"""The durable record of what was seen, decided and done."""
