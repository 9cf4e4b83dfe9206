"""Prices."""

from shop.currencies import SYMBOLS

def total(prices, discount = 0):
    """The sum of the prices, less the discount in percent."""
    return sum(prices) * (100-discount)

def shown(amount, currency='EUR'):
    return f'{SYMBOLS[currency]}{amount:.2f}'
