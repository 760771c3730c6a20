"""How the rooms are put together: what outlives their services, and which services the settings ask for.

Part of the composition root: only `agent.app` and the demo look in here.
"""
