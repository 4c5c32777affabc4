"""A stand-in for a Tron node: a small ledger that answers as a real java-tron 4.8.0 was seen to answer.

Contracts are executed by an Anvil behind it, and never inspected. What it answers is compared with recorded answers in
`tests/tron`. `python -m infra.tron` runs one; tests start it within their own process (`infra.tron.standin`).
"""
