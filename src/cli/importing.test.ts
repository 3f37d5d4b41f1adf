import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli } from '../../test/fakes/cli.ts'
import { importDhcpd, importDnsmasq, importedText, importMatchbox } from '../api/client/site/importing.ts'
import { readManifestText } from './manifest.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-import-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('dnsmasq.conf', () => {
  test('gives machines and networks, and tells the rest with its line', () => {
    const { sections, networks, notes } = importDnsmasq(
      `# a comment
dhcp-range=set:rack,10.0.0.100,10.0.0.199,255.255.255.0,12h
dhcp-range=10.0.0.210,10.0.0.220,255.255.255.0
dhcp-range=192.168.1.0,static
dhcp-option=tag:rack,option:router,10.0.0.1
dhcp-option=6,10.0.0.2,10.0.0.3 # both
dhcp-option=option:ntp-server,0.0.0.0
domain=example.org
dhcp-host=52:54:00:00:00:01,web1,10.0.0.21,infinite
dhcp-host=52-54-00-00-00-02,52:54:00:00:00:12,set:gpu,Web_2,10.0.0.22
dhcp-host=52:54:00:00:00:03
dhcp-host=52:54:00:00:00:01,again
dhcp-host=52:54:00:00:00:04,ignore
dhcp-host=52:54:00:00:00:*,10.0.0.30
dhcp-host=id:01:02,laptop,10.0.0.31
dhcp-host=52:54:00:00:00:05,web1,10.0.0.21
enable-tftp
dhcp-boot=undionly.kpxe
address=/example.com/10.0.0.5
conf-dir=/etc/dnsmasq.d
`,
      'd.conf',
    )
    expect(sections.machines).toEqual([
      { name: 'web1', macs: ['52:54:00:00:00:01'], ip: '10.0.0.21', hostname: 'web1' },
      { name: 'web_2', macs: ['52:54:00:00:00:02', '52:54:00:00:00:12'], ip: '10.0.0.22' },
      { name: 'host-525400000003', macs: ['52:54:00:00:00:03'] },
      { name: 'web1-2', macs: ['52:54:00:00:00:05'], hostname: 'web1' },
    ])
    expect(networks).toEqual([
      {
        ...{ name: 'net1', subnet: '10.0.0.0/24', ranges: ['10.0.0.100-10.0.0.199', '10.0.0.210-10.0.0.220'] },
        ...{ router: '10.0.0.1', dns: ['10.0.0.2', '10.0.0.3'], domain: 'example.org', leaseSeconds: 43_200 },
      },
      { name: 'net2', subnet: 'FILL-IN', ranges: [], dns: ['10.0.0.2', '10.0.0.3'], domain: 'example.org' },
    ])
    expect(notes.map((note) => note.replace(/^d\.conf:(\d+): (.{0,40}).*/, '$1 $2'))).toEqual([
      '4 dhcp-range 192.168.1.0: without a netmas',
      '7 option ntp 0.0.0.0: 0.0.0.0 is no addres',
      '9 dhcp-host web1: infinite: lease times ar',
      '10 dhcp-host Web_2: set:gpu: not understood',
      '10 Web_2 is called web_2 now',
      '10 web_2: web_2 is no host name without a d',
      '12 52:54:00:00:00:01 is that of web1 alread',
      '13 dhcp-host=52:54:00:00:00:04,ignore: a ma',
      '14 dhcp-host=52:54:00:00:00:*,10.0.0.30: wi',
      '15 dhcp-host=id:01:02,laptop,10.0.0.31: wit',
      '16 web1 is called web1-2 now',
      "16 web1-2: 10.0.0.21 is web1's, and left ou",
      '17 enable-tftp: left out, for Reveille does',
      '18 dhcp-boot=undionly.kpxe: left out, for R',
      '19 address=/example.com/10.0.0.5: not under',
      '20 conf-dir=/etc/dnsmasq.d: other files are',
    ])
  })
})

describe('dhcpd.conf', () => {
  test('gives what groups around hosts and subnets say, too', () => {
    const { sections, networks, notes } = importDhcpd(
      `option domain-name "example.org";
default-lease-time 600;
group {
  option domain-name-servers 10.0.0.2, 10.0.0.3;
  next-server 10.0.0.1;
  subnet 10.0.0.0 netmask 255.255.255.0 {
    range 10.0.0.100 10.0.0.149;
    option routers 10.0.0.1;
    pool { range 10.0.0.160 10.0.0.170; allow unknown-clients; }
    host inner { hardware ethernet 52:54:00:00:00:09; fixed-address 10.0.0.9; }
  }
  host web1 {
    hardware ethernet 52:54:00:00:00:01; # its only card
    fixed-address 10.0.0.21;
    option host-name "www";
    filename "x.efi";
  }
  host web2 { hardware ethernet 52:54:00:00:00:02; fixed-address web2.example.org; }
  host printer { fixed-address 10.0.0.50; }
}
class "pxe" { match if substring (option vendor-class-identifier, 0, 9) = "PXEClient"; }
subnet 10.9.0.0 netmask 255.0.255.0 { }
option foo code 150 = text;
host last { hardware ethernet 52:54:00:00:00:03; }
`,
      'd.conf',
    )
    expect(sections.machines).toEqual([
      { name: 'inner', macs: ['52:54:00:00:00:09'], ip: '10.0.0.9', hostname: 'inner' },
      { name: 'web1', macs: ['52:54:00:00:00:01'], ip: '10.0.0.21', hostname: 'www' },
      { name: 'web2', macs: ['52:54:00:00:00:02'], hostname: 'web2' },
      { name: 'last', macs: ['52:54:00:00:00:03'], hostname: 'last' },
    ])
    expect(networks).toEqual([
      {
        ...{ name: 'net1', subnet: '10.0.0.0/24', ranges: ['10.0.0.100-10.0.0.149', '10.0.0.160-10.0.0.170'] },
        ...{ router: '10.0.0.1', dns: ['10.0.0.2', '10.0.0.3'], domain: 'example.org', leaseSeconds: 600 },
      },
    ])
    expect(notes.map((note) => note.replace(/^d\.conf:(\d+): (.{0,40}).*/, '$1 $2'))).toEqual([
      '5 next-server 10.0.0.1: left out, for Reve',
      '9 pool: allow unknown-clients: not underst',
      '16 host web1: filename "x.efi": left out, f',
      '18 host web2: fixed-address web2.example.or',
      '19 host printer: without an Ethernet addres',
      '21 class "pxe": blocks of this kind are not',
      '22 subnet 10.9.0.0 netmask 255.0.255.0: not',
      '23 option foo code 150 = text: not understo',
    ])
  })

  test('that is broken is told where', () => {
    expect(importDhcpd('group {\n host a { hardware ethernet 52:54:00:00:00:01 }\n', 'd').notes).toEqual([
      'd:1: this { is never closed',
      'd:2: a ; is missing before this }',
    ])
    expect(importDhcpd('}\noption domain-name "x', 'd').notes).toHaveLength(3)
  })
})

const MATCHBOX = new Map([
  [
    'groups/node1.json',
    '{"id":"node1","name":"x","profile":"flatcar","selector":{"mac":"52:54:00:00:00:01"},"metadata":{"domain_name":"n1.example","ssh-keys":["a","b"],"request":{"q":1}}}',
  ],
  ['groups/default.json', '{"id":"default","profile":"flatcar"}'],
  ['groups/broken.json', '{'],
  [
    'profiles/flatcar.json',
    `{"id":"flatcar","name":"Flatcar","boot":{"kernel":"/assets/k","initrd":["/assets/i"],"args":["flatcar.first_boot=yes","ignition.config.url=http://m:8080/ignition?uuid=\${uuid}&mac=\${mac:hexhyp}","x=\${ip}"]},"ignition_id":"flatcar.yaml"}`,
  ],
  [
    'ignition/flatcar.yaml',
    'variant: flatcar\nversion: 1.0.0\nstorage:\n  files:\n    - path: /etc/hostname\n      contents:\n        inline: {{.domain_name}}\n{{ if index . "ssh_keys" }}\n{{ end }}\n',
  ],
])

describe('matchbox', () => {
  test('gives machines with their values, profiles and configs', async () => {
    const imported = importMatchbox(MATCHBOX, 'm')
    const { manifest, problems } = await readManifestText(importedText(imported, 'm'), 'm')
    expect(problems).toEqual([])
    expect(manifest).toMatchObject({
      machines: [{ name: 'node1', macs: ['52:54:00:00:00:01'], profile: 'flatcar' }],
      profiles: [
        {
          name: 'flatcar',
          kind: 'live',
          image: 'flatcar',
          config: 'flatcar',
          cmdline: 'flatcar.first_boot=yes ignition.config.url={{config}}',
        },
      ],
      configs: [{ name: 'flatcar', kind: 'butane', variables: [{ name: 'domain_name' }] }],
      values: [
        { scope: 'machine:node1', name: 'domain_name', value: 'n1.example' },
        { scope: 'machine:node1', name: 'ssh_keys', value: ['a', 'b'] },
      ],
    })
    expect(manifest.configs[0]!.parts[0]!.content).toContain('inline: {{ domain_name }}')
    expect(imported.notes.map((note) => note.slice(0, 62))).toEqual([
      expect.stringMatching(/^m\/groups\/broken\.json: this is not JSON/),
      expect.stringMatching(/^m\/groups\/default\.json: group default: it names no machine/),
      expect.stringMatching(/^m\/groups\/node1\.json: metadata ssh-keys is called ssh_keys now/),
      expect.stringMatching(/^m\/groups\/node1\.json: metadata request: not a plain value/),
      expect.stringMatching(/^m\/ignition\/flatcar\.yaml:8: \{\{ if index/),
      expect.stringMatching(/^m\/ignition\/flatcar\.yaml:9: \{\{ end \}\}/),
      expect.stringMatching(/^m\/profiles\/flatcar\.json: boot args x=/),
      expect.stringMatching(/^m\/profiles\/flatcar\.json: kernel \/assets\/k/),
    ])
  })
})

describe('the command', () => {
  test('writes a manifest, or applies it at once', async () => {
    const file = join(folder, 'dnsmasq.conf')
    await writeFile(
      file,
      'dhcp-host=52:54:00:00:00:01,web1,10.0.0.21\nport=0\ndhcp-range=10.0.0.100,10.0.0.199,255.255.255.0\n',
    )
    const printed = await cli(['import', 'dnsmasq', file], {})
    expect(printed.err).toBe(`${file}:2: port=0: not understood, and left out\n`)
    expect(printed.out).toContain('# networks:\n#   - name: net1\n#     subnet: 10.0.0.0/24\n')
    expect(printed.out).toContain('machines:\n  - name: web1\n')
    const out = join(folder, 'out.yaml')
    expect((await cli(['import', 'dnsmasq', file, '--out', out], {})).out).toContain('out.yaml has 1 machine; what')
    expect(await readFile(out, 'utf8')).toBe(printed.out)
    await writeFile(out, 'written by hand')
    const again = await cli(['import', 'dnsmasq', file, '--out', out], {})
    expect(again).toMatchObject({ status: 1, err: expect.stringContaining('is there already; name another file') })
    expect(await readFile(out, 'utf8')).toBe('written by hand')
    await cli(['import', 'dnsmasq', file, '--out', out, '--force'], {})
    expect(await readFile(out, 'utf8')).toBe(printed.out)
    const applied = {
      dryRun: true,
      changes: [{ thing: 'machine web1', change: 'create' as const, fields: [], differences: [] }],
      ...{ kept: [], warnings: [] },
    }
    const { last } = await cli(['import', 'dnsmasq', file, '--apply', '--dry-run'], { apply: () => applied })
    expect(last).toMatchObject({ body: { machines: [{ name: 'web1' }] } })
    expect((await cli(['import', 'dnsmasq', file, '--dry-run'], {})).status).toBe(2)
  })

  test('reads the directory of matchbox, but not its assets', async () => {
    const place = join(folder, 'matchbox')
    for (const [path, text] of [...MATCHBOX, ['assets/vmlinuz', 'x']] as const) {
      await mkdir(join(place, path, '..'), { recursive: true })
      await writeFile(join(place, path), text)
    }
    // As in a volume of Kubernetes: links, and what they lead to hidden.
    await mkdir(join(place, '..data'))
    await writeFile(join(place, '..data/node2.json'), '{"id":"node2","selector":{"mac":"52:54:00:00:00:02"}}')
    await symlink('../..data/node2.json', join(place, 'groups/node2.json'))
    await symlink('../..data/gone.json', join(place, 'groups/gone.json'))
    await writeFile(join(place, 'ignition/logo.ign'), Buffer.from([0xff, 0xd8]))
    await mkdir(join(place, 'groups/etcd'))
    await writeFile(join(place, 'groups/etcd/a.json'), '{}')
    const { out, err, status } = await cli(['import', 'matchbox', `${place}/`], {})
    expect(status).toBe(0)
    expect(out).not.toContain('vmlinuz')
    expect(out).toContain('name: node1')
    expect(out).toContain('name: node2')
    expect(err.split('\n').slice(0, 3)).toEqual([
      `${place}/groups/etcd/a.json: matchbox reads no folders within folders; left out`,
      expect.stringMatching(/groups\/gone\.json: cannot be read, and is left out: ENOENT/),
      expect.stringMatching(/ignition\/logo\.ign: cannot be read, and is left out: it is no text \(UTF-8\)/),
    ])
    const other = await cli(['import', 'matchbox', join(place, 'groups')], {})
    expect(other).toMatchObject({ status: 1, err: expect.stringContaining('is no directory of matchbox') })
    const none = await cli(['import', 'matchbox', join(place, 'groups/node1.json')], {})
    expect(none).toMatchObject({ status: 1, err: expect.stringContaining('is no directory') })
  })
})
