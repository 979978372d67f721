"""``bsroformer checkpoint``: inspect, convert, export, strip, average."""
