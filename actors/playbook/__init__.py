"""Playbooks: what a business says about its customers, in YAML, compiled into what the core uses.

A bundle is read by `loader`, checked against `schema` and the `fields` catalogue, and compiled into
the dataclasses of `model`. Nothing here looks at a customer.
"""
