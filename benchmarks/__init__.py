"""How fast and how small: every figure beside a baseline that is measured in the same run.

Nothing here is a test: a slow machine fails nothing. `python -m benchmarks` prints the table.
"""
