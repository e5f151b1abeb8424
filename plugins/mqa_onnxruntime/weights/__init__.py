"""The tensors of an ONNX file, quantized or not, compared with the weights of a model."""
