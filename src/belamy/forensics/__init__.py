"""Telling generated samples from real ones: traces, their statistics, rules learned from real data, and detectors.

Nothing here needs published weights. A trace is a number or a few per image; whether two sets differ is decided from
those by tests whose false alarms are counted on real data against real data.
"""
