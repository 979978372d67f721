"""Schemas that commands share; `schema` is the base, `config` the base of a command's configuration."""
