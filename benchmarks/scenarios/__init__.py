"""Small red projects that Regreen is held to; see `__main__`."""
