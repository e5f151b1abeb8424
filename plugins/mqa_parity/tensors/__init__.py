"""The probe `parity/tensors`: a model's output tensors against the same model in float64."""
