"""The laboratory: how networks answer to hints, as numbers."""
