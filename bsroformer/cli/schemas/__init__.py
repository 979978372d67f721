"""Schemas that commands share.

`schema` is the base of all, `config` the base of a command's configuration.
"""
