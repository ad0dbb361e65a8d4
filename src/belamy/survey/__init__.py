"""Human judgement: what people take for real, which of two they prefer, how good they find it.

A survey is one SQLite file with the design, the pictures or sounds, the participants and every answer. A small web
application on this machine asks (`server`), and `analysis` says what the answers show.
"""
