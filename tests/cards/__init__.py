"""The codes and cards that stand on the tables, read again by somebody else's decoder."""
