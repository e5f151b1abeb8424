"""The tensors of an ONNX file, compared with the weights of a model."""
