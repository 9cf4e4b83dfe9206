"""Candidates, and what they may not do."""
