"""The codes and cards that stand on the tables: which spots, what each code says, how it looks."""
