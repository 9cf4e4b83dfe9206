"""Programs that run inside the sandbox, by a bare `python -IS`: only the standard library, and nothing of the rest."""
