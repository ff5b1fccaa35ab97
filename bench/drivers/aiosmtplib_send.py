#!/usr/bin/python3
"""aiosmtplib as a driver (see driver.hpp and driver.py)."""
import asyncio

import aiosmtplib

from driver import FROM, TO, Stopwatch, Task


async def connect(task):
    client = aiosmtplib.SMTP(
        task.host,
        task.port,
        local_hostname="localhost",
        use_tls=task.tls == "implicit",
        start_tls=task.tls == "starttls",
        tls_context=task.tls_context(),
    )
    await client.connect()
    return client


async def worker(task, text, left):
    client = await connect(task)
    first = True
    while left:
        left.pop()
        if task.mode == "reconnect" and not first:
            await client.quit()
            client = await connect(task)
        first = False
        await client.sendmail(FROM, [TO], text)
    client.close()


async def run():
    task = Task()
    text = task.text()
    left = [None] * task.count
    watch = Stopwatch()
    await asyncio.gather(*(worker(task, text, left) for _ in range(task.sessions if task.mode == "many" else 1)))
    watch.stop()
    watch.print(task.count)


asyncio.run(run())
