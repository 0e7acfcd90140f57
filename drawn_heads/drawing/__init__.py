"""The means of drawing: a canvas with depth, surfaces, light, cast shadows, noise, the film."""
