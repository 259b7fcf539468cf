"""The trainer's benchmark: speed, memory and exactness on this machine's GPU, beside what others reach on it.

The model has random weights and is made on the device: speed and memory do not depend on them, so no download is
needed. __main__.py is the command line, sections.py says what is measured, bars.py what it is held against. start.ts
starts it from `npm run bench -- gpu`.
"""
