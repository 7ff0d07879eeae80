"""Rewrites trained networks into the forms that different exporters give them (tools/forms.py)."""
