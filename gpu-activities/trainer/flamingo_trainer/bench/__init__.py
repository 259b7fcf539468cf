"""Speed, memory and exactness on this machine's GPU, with a model of random weights made on the device.

python -m flamingo_trainer.bench [--shape 14b|small] [--only SECTION,...] [--out FILE]

Speed and memory do not depend on the weights, so no download is needed. One JSON object a section is printed as it
finishes, and a table at the end. Sections: see `SECTIONS` in __main__.py.
"""
