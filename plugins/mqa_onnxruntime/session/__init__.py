"""The backend `onnxruntime/session`: sessions of ONNX Runtime, and how a batch goes through one."""
