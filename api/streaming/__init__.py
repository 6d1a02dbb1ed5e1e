"""Subscriptions over the wire."""
