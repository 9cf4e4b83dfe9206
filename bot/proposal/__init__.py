"""Tell people."""
