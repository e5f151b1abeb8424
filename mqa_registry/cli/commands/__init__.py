"""The commands of mqa: a module each, with a function of the same name, imported when the command is called."""
