"""Asks the power status of BMCs on consecutive ports with pyghmi's own asynchronous client; prints seconds and how many answered."""
import os
import sys
import time

from pyghmi.ipmi.private import session as ipmi

first, count, together = (int(word) for word in sys.argv[1:4])
answered = 0
failed = 0
started = 0
under_way = 0


class One:
    """A session with one BMC, and one question when it is logged in."""

    def __init__(self, port):
        self.has_asked = False
        self.session = None
        self.session = ipmi.Session('127.0.0.1', 'admin', 'password', port=port, onlogon=self.logged_on)

    def logged_on(self, response):
        if self.has_asked:
            return
        self.has_asked = True
        if 'error' in response:
            self.ended(False)
        else:
            self.session.raw_command(0, 1, callback=self.answered)

    def answered(self, response):
        self.session.incommand = False
        self.ended('error' not in response and bool(response.get('data')))

    def ended(self, well):
        global answered, failed, under_way
        under_way -= 1
        if well:
            answered += 1
        else:
            failed += 1


before = time.monotonic()
alive = []
while answered + failed < count and time.monotonic() - before < 300:
    while under_way < together and started < count:
        under_way += 1
        alive.append(One(first + started))
        started += 1
    ipmi.Session.wait_for_rsp(1)
print(time.monotonic() - before, answered)
sys.stdout.flush()
# Its sessions would be closed one by one, which is not what is measured.
os._exit(0)
