"""The only modules that talk to the world: processes, git, the sandbox, the disk."""
