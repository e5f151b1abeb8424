"""The tensors of an ONNX file, held against the weights of a model."""
