"""What Python users call: each function is one verb."""
