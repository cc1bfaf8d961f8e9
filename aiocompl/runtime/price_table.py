"""Loading the price table without holding up the loop."""

from __future__ import annotations

import asyncio

from aiocompl import prices


async def load_prices() -> bool:
    """Load the price table in a worker thread, once for the whole process; whether there is one (extra `prices`).

    Cancelled: the thread goes on, and the table is there for the next who asks.
    """
    if prices.table_loaded():
        return prices.load_table()
    return await asyncio.to_thread(prices.load_table)
