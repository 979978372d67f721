"""``bsroformer check-gpu``: the device, and whether a training fits its memory."""
