"""Start the simulator of Ollama: `python infra/ollama-sim/main.py --help`."""

from ollama_sim.command import main

if __name__ == "__main__":
    main()
