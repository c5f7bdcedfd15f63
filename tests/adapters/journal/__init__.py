"""What only the journal in a file can get wrong."""
