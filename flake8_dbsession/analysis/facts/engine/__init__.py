"""Engines and pools: what they are given, how often they are made, where they are used."""
