"""Layers and runs as files of ONNX."""
