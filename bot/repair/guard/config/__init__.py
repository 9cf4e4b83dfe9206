"""Configuration of linters, formatters, type checkers, test runners and coverage: whether it asks for less."""
