"""What the verbs do once their arguments are read: one module a verb or a family of verbs."""
