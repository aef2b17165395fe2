#!/bin/sh
# Stands for Ollama's own command in the simulator's image.
exec python /app/ollama-sim/main.py "$@"
