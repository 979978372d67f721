"""Memory of a training step: estimate, measurement, and plans that fit."""
