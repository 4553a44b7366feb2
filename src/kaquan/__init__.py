"""Kaquan (卡券): a self-hosted CRM coupon platform."""

__version__ = "0.1.0"
