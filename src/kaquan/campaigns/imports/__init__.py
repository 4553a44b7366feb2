"""Vouchers from files and long lists, and changes to many of them, part by part."""
