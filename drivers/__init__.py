"""Drivers: one device each. They touch hardware and know nothing of the agent."""
