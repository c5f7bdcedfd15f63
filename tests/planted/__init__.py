"""Planted bugs: proof that the checks would notice if a rule of the money path were broken."""
