#!/usr/bin/python3
"""Python's smtplib as a driver (see driver.hpp and driver.py)."""
import smtplib

from driver import FROM, TO, Stopwatch, Task, cannot


def connect(task):
    context = task.tls_context()
    if task.tls == "implicit":
        return smtplib.SMTP_SSL(task.host, task.port, local_hostname="localhost", context=context)
    client = smtplib.SMTP(task.host, task.port, local_hostname="localhost")
    if task.tls == "starttls":
        client.starttls(context=context)
    return client


def main():
    task = Task()
    if task.mode == "many":
        cannot("one connection per thread only")
    text = task.text()
    watch = Stopwatch()
    client = connect(task)
    for i in range(task.count):
        if task.mode == "reconnect" and i:
            client.quit()
            client = connect(task)
        client.sendmail(FROM, [TO], text)
    watch.stop()
    client.quit()
    watch.print(task.count)


main()
