"""The rig: real processes, a bad network between them, and a seeded hand on the kill switch."""
