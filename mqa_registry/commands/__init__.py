"""What commands are made of, mqa's own and those of plugins: flags, outputs, reports, suites in memory, exit codes."""
