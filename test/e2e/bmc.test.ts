import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Bmc } from '../../src/api/contract/bmcs.ts'
import type { LabMachine } from '../../src/api/contract/lab.ts'
import { ARRIVED } from '../../src/lab/linux-init.ts'
import { LAB_LINUX } from '../../src/lab/offer.ts'
import { bringLinux } from './bed/linux.ts'
import { Server } from './bed/server.ts'
import { until } from './bed/until.ts'
import { Host } from './bed/wire.ts'

type Told = { bmc: Bmc; user: string; password: string }
type Why = { verdict: string; sentences: { text: string }[] }

const run = promisify(execFile)
const NAME = 'served'

describe('a lab machine that only its BMC is asked of', () => {
  let host: Host
  let server: Server
  let told: Told
  beforeAll(async () => {
    host = await Host.make()
    const start: typeof host.start = (...given) => host.start(...given)
    const gateway = { host: '127.0.0.1', redfish: { enabled: true, listen: '127.0.0.1:8443' } }
    server = await Server.make({ gateway, lab: { enabled: true } }, { start, before: bringLinux })
    await server.api('POST', '/lab/up')
    const wish = { name: NAME, disksGiB: [1], start: false }
    const { mac } = await server.api<LabMachine>('POST', '/lab/machines', wish)
    await server.api('POST', '/machines', { name: NAME, macs: [mac], profile: LAB_LINUX })
    told = await server.api<Told>('POST', '/bmcs', { machine: NAME })
  })
  afterAll(async () => {
    await server?.call('DELETE', '/api/v1/lab')
    await server?.remove()
    await host?.remove()
  })

  const here = async (...command: string[]) => {
    const [first, ...rest] = [...host.within, ...command]
    return (await run(first!, rest)).stdout
  }
  const ipmitool = async (...words: string[]) => {
    const { port } = told.bmc
    const login = [
      '-I',
      'lanplus',
      '-C',
      '17',
      '-H',
      '127.0.0.1',
      '-p',
      String(port),
      '-U',
      told.user,
      '-P',
      told.password,
    ]
    return here('ipmitool', ...login, ...words)
  }
  const redfish = async (path: string, method = 'GET', body?: unknown) => {
    const request = [
      '-X',
      method,
      '-H',
      'Content-Type: application/json',
      ...(body ? ['-d', JSON.stringify(body)] : []),
    ]
    const url = `https://127.0.0.1:8443${path}`
    const stdout = await here('curl', '-sS', '-k', '-u', `${told.user}:${told.password}`, ...request, url)
    return stdout === '' ? {} : JSON.parse(stdout)
  }
  const log = async () => (await server.call('GET', `/api/v1/machines/${NAME}/console/log`)).text
  const arrivals = async () => (await log()).split(ARRIVED).length - 1
  const arrives = (before = 0) =>
    until('userland', 120_000, async () => ((await arrivals()) > before ? true : undefined))
  const why = () => server.api<Why>('GET', `/machines/${NAME}/why`)
  const sees = (what: string, ms: number, check: (text: string) => boolean) =>
    until(what, ms, async () => {
      const { verdict, sentences } = await why()
      const text = [verdict, ...sentences.map((each) => each.text)].join('\n')
      return check(text) ? text : undefined
    }).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${JSON.stringify(await why(), null, 1)}\n${server.output.slice(-3000)}`)
    })

  test('boots from the network by Redfish, and its trace says on whose order', async () => {
    expect(told.bmc).toMatchObject({ listening: true, problem: '', host: '127.0.0.1', machineName: NAME })
    expect(told.password).toHaveLength(16)
    const { pathname } = new URL(told.bmc.redfish!)
    expect(await redfish(pathname)).toMatchObject({ PowerState: 'Off' })
    await redfish(pathname, 'PATCH', { Boot: { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' } })
    await redfish(`${pathname}/Actions/ComputerSystem.Reset`, 'POST', { ResetType: 'On' })
    const text = await sees('it asked for its script', 120_000, (all) => all.includes('to boot from the network once'))
    expect(text).toContain(`${LAB_LINUX} is the profile of ${NAME}; admin (Redfish from 127.0.0.1) told its BMC`)
    await arrives()
    expect((await redfish(pathname)).Boot).toMatchObject({ BootSourceOverrideEnabled: 'Disabled' })
  })

  test('boots its own disk by ipmitool, after kill -9 of the server too, and the network with bootdev pxe and power cycle', async () => {
    expect(await ipmitool('power', 'status')).toContain('is on')
    await ipmitool('chassis', 'bootdev', 'disk', 'options=persistent')
    await server.kill()
    await server.start()
    expect(await ipmitool('chassis', 'bootparam', 'get', '5')).toContain('Force Boot from default Hard-Drive')
    expect((await redfish(new URL(told.bmc.redfish!).pathname)).Boot).toMatchObject({
      BootSourceOverrideTarget: 'Hdd',
      BootSourceOverrideEnabled: 'Continuous',
    })
    const before = await arrivals()
    await ipmitool('power', 'cycle')
    await sees('it is told to boot its disk', 120_000, (all) => all.includes('to boot its own disk from now on'))

    await ipmitool('chassis', 'bootdev', 'pxe')
    expect(await ipmitool('chassis', 'bootparam', 'get', '5')).toContain('Force PXE')
    expect(await arrivals()).toBe(before)
    await ipmitool('power', 'cycle')
    const text = await sees('it asked anew', 120_000, (all) =>
      all.includes('(IPMI from 127.0.0.1) told its BMC that it is to boot from the network once'),
    )
    expect(text).toContain(`${LAB_LINUX} is the profile of ${NAME}`)
    await arrives(before)
    expect(await ipmitool('chassis', 'bootparam', 'get', '5')).toContain('No override')
  })

  test('boots a disc that Redfish inserted, once, though it has no profile', async () => {
    await server.api('PUT', `/machines/${NAME}/boot`, { profile: null })
    const { pathname } = new URL(told.bmc.redfish!)
    const media = `/redfish/v1/Managers/${pathname.split('/').at(-1)}/VirtualMedia`
    const { Members } = await redfish(media)
    const drive = Members[0]['@odata.id']
    await redfish(`${drive}/Actions/VirtualMedia.InsertMedia`, 'POST', { Image: LAB_LINUX })
    expect(await redfish(drive)).toMatchObject({ Image: LAB_LINUX, Inserted: true })
    const before = await arrivals()
    await redfish(`${pathname}/Actions/ComputerSystem.Reset`, 'POST', { ResetType: 'ForceRestart' })
    const text = await sees('it boots the disc', 120_000, (all) =>
      all.includes('to boot the disc that was inserted once'),
    )
    expect(text).toContain('admin (Redfish from 127.0.0.1) told its BMC')
    await arrives(before)
    const { bootOrder, media: inserted } = await server.api<Bmc>('GET', `/bmcs/${NAME}`)
    expect([bootOrder, inserted]).toEqual([null, LAB_LINUX])
    expect((await server.api<{ reason: string }>('GET', `/machines/${NAME}/script`)).reason).toContain('has no profile')
  })

  test('has its serial console by SOL, and what is typed is answered', async () => {
    const { port } = told.bmc
    const shown = await here(
      'bash',
      '-c',
      `(sleep 2; printf '\\recho $((6*7))-sol\\r'; sleep 3; printf '\\r~.') | script -qec "ipmitool -I lanplus -C 17 -H 127.0.0.1 -p ${port} -U ${told.user} -P ${told.password} sol activate" /dev/null`,
    )
    expect(shown).toContain('42-sol')
  })

  test('keeps what happened in its log and in the audit log, and explains where commands go', async () => {
    const sel = await server.api<{ items: { kind: string; text: string }[] }>('GET', `/bmcs/${NAME}/events`)
    const texts = sel.items.map(({ text }) => text)
    expect(texts).toContain('power cycle by admin (IPMI from 127.0.0.1)')
    expect(texts).toContain('boot from the network, once: ordered by admin (Redfish from 127.0.0.1)')
    expect((await ipmitool('sel', 'list')).split('\n').length).toBeGreaterThan(3)
    const audit = await server.api<{ items: object[] }>('GET', `/audit?subject=${NAME}`)
    expect(audit.items).toContainEqual(
      expect.objectContaining({
        who: 'admin',
        via: 'ipmi',
        address: '127.0.0.1',
        action: 'bmc.power',
        detail: 'power cycle',
      }),
    )
    expect(JSON.stringify([sel, audit, server.output])).not.toContain(told.password)
    const { steps } = await server.api<{ steps: string[] }>('GET', `/bmcs/${NAME}/explain?command=power%20cycle`)
    expect(steps.join('\n')).toContain('lab (lab) is asked')
  })

  test('is counted and listed, and a port that is taken is a problem of one BMC only', async () => {
    const metrics = (await server.call('GET', '/metrics')).text
    expect(metrics).toContain('reveille_bmcs 1\n')
    expect(metrics).toMatch(/reveille_bmc_commands_total\{class="power.hard",outcome="ok"\} [1-9]/)
    const hold = "require('node:dgram').createSocket('udp4').bind(6231, '127.0.0.1')"
    const holds = host.start(process.execPath, ['-e', hold])
    try {
      await until('the port is taken', 10_000, async () =>
        (await here('ss', '-uln')).includes('127.0.0.1:6231') ? true : undefined,
      )
      await server.api('POST', '/machines', { name: 'other', macs: ['52:54:00:00:00:99'] })
      const { bmc } = await server.api<Told>('POST', '/bmcs', { machine: 'other' })
      expect(bmc).toMatchObject({ port: 6231, listening: false })
      expect(bmc.problem).toContain('UDP 127.0.0.1:6231 is used by another program')
      expect(await ipmitool('power', 'status')).toContain('is on')
    } finally {
      holds.kill()
    }
    await until('it listens then', 20_000, async () =>
      (await server.api<Bmc>('GET', '/bmcs/other')).listening ? true : undefined,
    )
    const { listeners } = await server.api<{ listeners: { service: string; state: string }[] }>('GET', '/status')
    expect(listeners.filter(({ service }) => service === 'IPMI' || service === 'Redfish')).toMatchObject([
      { state: 'listening', reason: null },
      { state: 'listening', reason: null },
    ])
  })
})
