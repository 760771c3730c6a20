"""The kiosk: the process that holds the browser, the panel and the eye of the big screen, beside the agent.

It runs under a user of its own inside the compositor, reads no file and knows no secret: what it has to know comes from
the agent over loopback (`word`), and what it sees goes back the same way. Nothing here is imported by the agent but
`word`.
"""
