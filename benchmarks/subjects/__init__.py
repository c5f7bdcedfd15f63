"""What is measured, each in a process of its own that does one burst of visits when told to.

A burst has two halves, because a guest accepts the bill in between: `offer` is over when every
order is linked, `finish` when every table is free again. The answer to each is one line of JSON.
"""
