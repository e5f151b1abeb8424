"""What `mqa doctor` asks: each diagnosis of a plugin in a process of its own, and what installed packages require."""
