"""A node on this machine: pods as network namespaces on one bridge, real applications in them, and a fairlead-agent.

network.py    bridge, namespaces, sockets made inside a namespace
processes.py  child processes that end with us
apps.py       Apache, nginx, and small servers in threads
traffic.py    HTTP requests and request loops from a pod
rawtcp.py     TCP by hand, for what no socket would send
manifests.py  Kubernetes and Istio objects as Python dicts
agent.py      fairlead-agent, and the `fairlead` command
node.py       all of these as one thing, and what may not remain of it
"""
