"""The backend `onnxruntime/session`: sessions of ONNX Runtime, also in float64, and how a batch goes through one."""
