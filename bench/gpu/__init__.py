"""Speed, memory and exactness on this machine's GPU, with a model of random weights made on the device; and its peers.

Speed and memory do not depend on the weights, so no download is needed. See __main__.py for the command line,
sections.py for what is measured and bars.py for what it is held against.
"""
