"""The outside world, one module for each thing in it. None of them knows another."""
