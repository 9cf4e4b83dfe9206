"""Written by scripts/generate_currencies.py."""

SYMBOLS = {
    "EUR": "€",
    "USD": "$",
}
