import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Machine } from '../../src/api/contract/machines.ts'
import { Bed } from './bed/bed.ts'
import { CONFIGURED, offerNode } from './bed/node.ts'
import { until } from './bed/until.ts'

/** What an operator writes: a node that knows its name and a secret, and tells when it is there. */
const BUTANE = `variant: fcos
version: 1.4.0
passwd:
  users:
    - name: core
storage:
  files:
    - path: /etc/hostname
      mode: 0644
      contents:
        inline: "{{ machine.hostname }}"
    - path: /etc/token
      mode: 0600
      contents:
        inline: "{{ token }}"
systemd:
  units:
    - name: home.service
      enabled: true
      contents: |
        [Service]
        ExecStart=/bin/wget -q -O /dev/null {{ boot.home }}
        [Install]
        WantedBy=multi-user.target
`

describe('systems that are configured as they boot', () => {
  let bed: Bed
  const config = (name: string, kind: string, content: string, more: Record<string, unknown> = {}) =>
    bed.server.api('POST', '/configs', { name, kind, parts: [{ name: 'main', content }], ...more })
  const profile = (name: string, cmdline: string) =>
    bed.server.api('POST', '/profiles', { name, kind: 'live', image: 'node', config: name, cmdline })

  beforeAll(async () => {
    bed = await Bed.make()
    await bed.serve({
      dhcp: { mode: 'server', interfaces: ['br0'] },
      networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0' }],
      machineNames: 'worker-%02d',
    })
    await offerNode(bed.server, 'node')
    await config('ignited', 'butane', BUTANE, { variables: [{ name: 'token', type: 'secret' }] })
    await profile('ignited', 'ignition.firstboot ignition.config.url={{config}}')
    await config(
      'scripted',
      'shell',
      'echo I am {{ machine.name }} of {{ machine.mac }}\nwget -q -O /dev/null {{ boot.home }}\n',
    )
    await profile('scripted', 'node.script={{config}}')
  })
  afterAll(() => bed?.remove())

  test('Ignition makes users, files and units of its config, which it gets once, and the node phones home', async () => {
    const vm = await bed.known({ name: 'web1' }, 'ignited')
    // Without its secret nothing is given, and the machine says why.
    await vm.on()
    await vm.shows(/token/, 90_000)
    await bed.server.api('PUT', '/config-values/machine:web1/token', { value: 'hunter2', secret: true })
    await vm.shows(new RegExp(CONFIGURED), 120_000)
    const lines = vm.printed
    expect(lines).toContain('user: core:x:1000')
    expect(lines).toContain('file etc/hostname: web1')
    expect(lines).toContain('file etc/token: hunter2')
    expect(lines).toContain('ran home.service')
    expect(lines).toMatch(/again: .*410 Gone/)
    expect(bed.server.output).not.toContain('hunter2')
    const trace = await until('its trace has its call home', 10_000, async () => {
      const found = await bed.trace(vm)
      return found?.events.some(({ kind }) => kind === 'http.home') ? found : undefined
    })
    expect(trace).toMatchObject({ state: 'launched', stage: 'system' })
    expect(trace.events.find(({ kind }) => kind === 'mark.launch')?.detail?.awaits).toBe('home')
    const files = trace.events.filter(({ kind }) => kind === 'http.file')
    expect(files.map(({ outcome, detail }) => [outcome, detail?.file, detail?.status])).toEqual([
      ['ok', 'ignition.json', 200],
      ['refused', 'ignition.json', 410],
    ])
    expect((await bed.machineOf(vm)).state).toBe('active')
    await vm.off()
  }, 240_000)

  test('a config that is broken is refused with its line, and nothing is kept', async () => {
    const content = 'variant: fcos\nversion: 1.4.0\nstorage:\n  files:\n    - path: /etc/x\n   mode: 0644\n'
    const body = { name: 'broken', kind: 'butane', parts: [{ name: 'main', content }] }
    const { status, text } = await bed.server.call('POST', '/api/v1/configs', body)
    expect(status).toBe(400)
    expect(text).toMatch(/main line [56]/)
    expect((await bed.server.call('GET', '/api/v1/configs/broken')).status).toBe(404)
  })

  test('unknown machines that are approved together have names in turn, and each boots its config', async () => {
    const vms = await Promise.all(['a', 'b', 'c'].map((name) => bed.machine({ name, memoryMiB: 384 })))
    await Promise.all(vms.map((vm) => vm.on()))
    await Promise.all(vms.map((vm) => vm.shows(/is not approved yet/, 120_000)))
    await Promise.all(vms.map((vm) => bed.server.api('POST', `/machines/${vm.mac}/approve`, { profile: 'scripted' })))
    await Promise.all(vms.map((vm) => vm.shows(new RegExp(CONFIGURED), 180_000)))
    const machines = await Promise.all(vms.map((vm) => bed.machineOf(vm)))
    expect(machines.map(({ name }: Machine) => name).sort()).toEqual(['worker-01', 'worker-02', 'worker-03'])
    for (const [index, vm] of vms.entries()) {
      expect(vm.printed).toContain(`I am ${machines[index]!.name} of ${vm.mac}`)
      expect(machines[index]!.state).toBe('active')
      expect((await bed.trace(vm))?.events.filter(({ kind }) => kind === 'http.home')).toHaveLength(1)
    }
    await Promise.all(vms.map((vm) => vm.off()))
  }, 400_000)
})
