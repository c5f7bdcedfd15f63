"""A local door for those who look on: probes, figures and a page. Off unless the operator opens it.

It reads and never writes, answers this machine only, and takes no part in any payment: the worker
goes on as well without it.
"""
