"""Writes shop/currencies.py from the table below."""

from pathlib import Path

CURRENCIES = {"EUR": "€", "GBP": "£", "USD": "$"}

lines = ['"""Written by scripts/generate_currencies.py."""', "", "SYMBOLS = {"]
lines += [f'    "{code}": "{symbol}",' for code, symbol in CURRENCIES.items()]
Path("shop/currencies.py").write_text("\n".join([*lines, "}", ""]))
