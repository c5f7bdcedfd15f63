"""The documents that are made from the code. `make docs` writes them; the tests see that it was."""
