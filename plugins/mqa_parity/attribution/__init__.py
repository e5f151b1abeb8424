"""Attribution of a difference between a model and its export: the module in which it begins, and its root cause."""
