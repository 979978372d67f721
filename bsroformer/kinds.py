"""Kinds of numbers that settings have: annotations of constructors and of the schemas of ``configs/``.

A constraint stands where the value is used. The command line is checked against it, and an error names it.
"""

from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1, le=10**8)]
CountOrNone = Annotated[int, Field(ge=0, le=10**8)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
"""Less than the whole."""
Weight = Annotated[float, Field(ge=0, le=10**6)]
Amount = Annotated[float, Field(gt=0, le=10**8)]
AmountOrNone = Annotated[float, Field(ge=0, le=10**8)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
"""Length of an excerpt or a window."""
Decibels = Annotated[float, Field(ge=-400, le=400)]
SampleRate = Annotated[int, Field(ge=100, le=2**22)]
"""Hz."""
Channels = Annotated[int, Field(ge=1, le=64)]
Samples = Annotated[int, Field(ge=1, le=2**17)]
"""Of a window of a spectrum, or of a hop."""
