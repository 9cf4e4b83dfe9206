#!/bin/sh
set -e
echo "Linting..."
python -m ruff check --no-cache shop tests scripts
