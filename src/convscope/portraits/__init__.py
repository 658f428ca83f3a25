"""Portraits of units from a scan: their strongest images beside what the methods say of them. Above the methods, which it puts together."""
