"""What models of transformers are for: a task a module, and what tasks share of tokens and outputs."""
