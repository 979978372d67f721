"""Helpers of the studio's tests: a server, songs and visitors."""
