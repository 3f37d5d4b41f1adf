import { serveGateway } from '../../src/gateway/ipmi/serve.ts'
import { SILENT } from '../../src/kit/log.ts'
import { IPMI_CRYPTOGRAPHY } from '../../src/sockets/ipmi-cryptography.ts'
import { FakeBmc, FakeDirectory } from '../fakes/bmc.ts'

/** Serves one BMC at an address of its own, one at a port, and both at a shared port 623; says `ready` when it does. */
const gateway = serveGateway({
  directory: new FakeDirectory([
    new FakeBmc({ machine: 'own', address: '10.9.9.1' }),
    new FakeBmc({ machine: 'port', port: 6230 }),
  ]),
  gateway: {
    host: '0.0.0.0',
    shared: { host: '0.0.0.0', port: 623 },
    clients: ['10.9.9.0/24'],
    cipherSuite3: true,
    sessions: 100,
  },
  cryptography: IPMI_CRYPTOGRAPHY,
  clock: Date,
  log: SILENT,
})
await gateway.sync()
console.log(JSON.stringify(['own', 'port'].map((machine) => gateway.statusOf(machine))))
setInterval(() => {}, 60_000)
