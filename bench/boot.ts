/**
 * Time from power-on to userland with Reveille and with the best dnsmasq set-up (no ping before the first offer, router
 * advertisements answered, files by nginx): the same machine, in turn. Prints a markdown table.
 * `node bench/boot.ts [ROUNDS [bios|uefi ...]]`; needs root.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SILENT } from '../src/kit/log.ts'
import { buildLabLinux } from '../src/lab/linux.ts'
import { LAB_LINUX } from '../src/lab/offer.ts'
import { ARRIVAL, SERVER } from '../test/e2e/bed/bed.ts'
import { LINUX_CACHE, offerLinux } from '../test/e2e/bed/linux.ts'
import { Server } from '../test/e2e/bed/server.ts'
import { until } from '../test/e2e/bed/until.ts'
import { Vm } from '../test/e2e/bed/vm.ts'
import { Bridge, Host } from '../test/e2e/bed/wire.ts'
import { median } from './wire.ts'

const [rounds = '5', ...told] = process.argv.slice(2)
const firmwares = (['bios', 'uefi'] as const).filter((firmware) => told.length === 0 || told.includes(firmware))

type Contender = Readonly<{ name: string; start(host: Host, vm: Vm): Promise<() => Promise<void>> }>

const contenders: readonly Contender[] = [
  {
    name: 'Reveille',
    async start(host, vm) {
      const settings = {
        dhcp: { mode: 'server' as const, interfaces: ['br0'] },
        networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0' }],
      }
      const server = await Server.make(settings, { start: (...given) => host.start(...given) })
      await offerLinux(server)
      await server.api('POST', '/machines', { name: vm.name, macs: [vm.mac], profile: LAB_LINUX })
      return () => server.remove()
    },
  },
  { name: 'dnsmasq and nginx', start: startDnsmasq },
]

async function startDnsmasq(host: Host): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'rv-bench-boot-'))
  const linux = await buildLabLinux({ cacheDir: LINUX_CACHE, log: SILENT })
  copyFileSync(linux.kernelPath, join(directory, 'vmlinuz'))
  copyFileSync(linux.initrdPath, join(directory, 'initrd.zst'))
  for (const program of ['undionly.kpxe', 'snponly.efi'])
    copyFileSync(`/usr/lib/ipxe/${program}`, join(directory, program))
  const url = `http://${SERVER}:8080`
  const script = `#!ipxe\nkernel ${url}/vmlinuz initrd=initrd.zst ${linux.cmdline}\ninitrd ${url}/initrd.zst\nboot\n`
  writeFileSync(join(directory, 'boot.ipxe'), script)
  const nginx = join(directory, 'nginx.conf')
  writeFileSync(
    nginx,
    `daemon off; user root; pid ${directory}/nginx.pid; error_log ${directory}/error.log; events {}
     http { access_log off; sendfile on; server { listen 8080; root ${directory}; } }`,
  )
  const dnsmasq = [
    ...['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', '--quiet-dhcp', '--quiet-ra'],
    ...['--log-facility=/dev/null', '--pid-file', '--interface=br0', '--no-ping', '--dhcp-authoritative'],
    ...['--dhcp-range=10.77.0.100,10.77.0.150,255.255.255.0,1h', `--dhcp-leasefile=${directory}/leases`],
    ...['--enable-ra', '--dhcp-range=fd77::,ra-only,64,10m', '--ra-param=br0,0,0'],
    ...['--enable-tftp', `--tftp-root=${directory}`, '--tftp-no-fail'],
    ...['--dhcp-match=set:ipxe,175', '--dhcp-match=set:efi,option:client-arch,7'],
    ...['--dhcp-boot=tag:!ipxe,tag:!efi,undionly.kpxe', '--dhcp-boot=tag:!ipxe,tag:efi,snponly.efi'],
    `--dhcp-boot=tag:ipxe,${url}/boot.ipxe`,
  ]
  const children = [host.start('dnsmasq', dnsmasq), host.start('nginx', ['-c', nginx])]
  await until('nginx listens', 5_000, async () => {
    const [command, ...args] = [...host.within, 'curl', '-fsS', '-o', '/dev/null', `${url}/boot.ipxe`]
    const [code] = (await once(spawn(command!, args, { stdio: 'ignore' }), 'exit')) as [number]
    return code === 0 ? true : undefined
  })
  return async () => {
    for (const child of children) {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
    rmSync(directory, { recursive: true, force: true })
  }
}

async function seconds(contender: Contender, host: Host, bridge: Bridge, firmware: 'bios' | 'uefi'): Promise<number> {
  const vm = await Vm.make(bridge, { name: 'timed', firmware, rom: firmware === 'uefi' ? 'pxe' : 'ipxe' })
  const stop = await contender.start(host, vm)
  try {
    const started = performance.now()
    await vm.on()
    await vm.shows(ARRIVAL, 180_000, 10)
    return (performance.now() - started) / 1000
  } finally {
    await vm.remove()
    await stop()
  }
}

const host = await Host.make()
try {
  const bridge = await Bridge.make(host, 'br0', `${SERVER}/24`)
  // dnsmasq advertises only where it has an address of that prefix.
  await host.ip('addr', 'add', 'fd77::1/64', 'dev', 'br0', 'nodad')
  console.log('| firmware | server | power-on to userland, median s | each run |')
  console.log('|---|---|---|---|')
  for (const firmware of firmwares) {
    const runs = new Map(contenders.map(({ name }) => [name, [] as number[]]))
    for (let round = 0; round < Number(rounds); round++)
      for (const contender of round % 2 === 0 ? contenders : contenders.toReversed())
        runs.get(contender.name)?.push(await seconds(contender, host, bridge, firmware))
    for (const [name, times] of runs) {
      const each = times.map((time) => time.toFixed(1)).join(', ')
      console.log(`| ${firmware} | ${name} | ${median(times).toFixed(2)} | ${each} |`)
    }
  }
} finally {
  await host.remove()
}
