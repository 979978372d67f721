"""``bsroformer checkpoint``: inspect, convert, export, strip, average, card, publish."""
