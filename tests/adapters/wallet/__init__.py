"""Tests of the wallet client against a server that plays what it is told."""
