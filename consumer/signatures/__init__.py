"""Signed events: compact JWS with RS256, as Canvas posts them, and the keys to verify them with."""
