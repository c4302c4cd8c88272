"""The server that downloads are tried against."""

from file_server import file_server

__all__ = ["file_server"]
