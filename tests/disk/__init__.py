"""A disk that fills, fails, lies and forgets, under the real journal."""
