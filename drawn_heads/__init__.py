"""Talking heads that the library draws itself.

Needs no photograph, no model and no download: hundreds of different people, rendered from simple
3-D shapes. The points that shape a drawn face are projected to give its 68 landmarks.
"""
