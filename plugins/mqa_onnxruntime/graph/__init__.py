"""ONNX graphs, read and cut without running them."""
