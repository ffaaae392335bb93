"""Bytes: msgpack with versions and checksums, never pickle."""
