"""What goes wrong in the columns of a table."""
