"""pyghmi's fakebmc on a port of the loopback address alone, where `fakebmc` itself would bind all: fakebmc.py PORT."""
import sys

import pyghmi.ipmi.bmc as bmc
from pyghmi.cmd.fakebmc import FakeBmc


class LoopbackBmc(FakeBmc):
    def __init__(self, authdata, port):
        bmc.Bmc.__init__(self, authdata, port=port, address='::ffff:127.0.0.1')
        self.powerstate = 'off'
        self.bootdevice = 'default'


LoopbackBmc({'admin': 'password'}, int(sys.argv[1])).listen()
