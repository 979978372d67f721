"""Kinds of numbers that settings have: annotations of constructors and of the schemas of ``configs/``.

Each constructor declares its constraints; the command line is checked against them, and an error names the
constructor's key.
"""

from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1, le=10**8)]
CountOrZero = Annotated[int, Field(ge=0, le=10**8)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
"""A share below 1."""
Weight = Annotated[float, Field(ge=0, le=10**6)]
Amount = Annotated[float, Field(gt=0, le=10**8)]
AmountOrZero = Annotated[float, Field(ge=0, le=10**8)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
"""Length of an excerpt or a window."""
Decibels = Annotated[float, Field(ge=-400, le=400)]
SampleRate = Annotated[int, Field(ge=100, le=2**22)]
"""Hz."""
Channels = Annotated[int, Field(ge=1, le=64)]
Samples = Annotated[int, Field(ge=1, le=2**17)]
"""Length of an STFT window or hop, in samples."""
