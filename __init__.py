"""duplexdata: training data for duplex language models."""

__version__ = "0.1.0"
