"""How many small faults, planted one by one into the money core, its tests find."""
