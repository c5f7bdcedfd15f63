"""Takes payments from a QR code on a table."""

__version__ = "0.1.0"
