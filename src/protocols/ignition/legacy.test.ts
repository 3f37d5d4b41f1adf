import { describe, expect, test } from 'vitest'
import { readYaml } from '../../configs/drivers/yaml.ts'
import { transpileButane } from './butane.ts'

const transpile = (text: string) => transpileButane(readYaml(text).document!, { file: () => undefined })

describe('a Container Linux Config', () => {
  test('is read as flatcar 1.0.0 where Butane has the same, and each field that is called otherwise is told', () => {
    const { ignition, problems } = transpile(`
ignition: {version: 2.3.0, config: {append: [{source: "http://h/x"}]}}
storage:
  files:
    - filesystem: root
      path: /etc/x
      mode: 0644
      append: false
      contents:
        remote:
          url: https://h/x
          verification: {hash: {function: sha512, sum: ${'0'.repeat(128)}}}
  filesystems:
    - name: data
      mount: {device: /dev/sdb, format: ext4, wipe_filesystem: true}
  disks:
    - device: /dev/sda
      partitions: [{label: a, number: 1, size: 2GiB, start: 0}]
systemd:
  units: [{name: a.service, enable: true}]
passwd:
  users: [{name: core, home_directory: /h}]
`)
    expect(problems.map(({ severity, path }) => [severity, path])).toEqual([
      ['warning', '$'],
      ['warning', '$.ignition.version'],
      ['warning', '$.ignition.config.append'],
      ['warning', '$.storage.files.0.filesystem'],
      ['warning', '$.storage.files.0.append'],
      ['warning', '$.storage.files.0.contents.remote'],
      ['warning', '$.storage.files.0.contents.remote.verification.hash'],
      ['warning', '$.storage.filesystems.0.name'],
      ['warning', '$.storage.filesystems.0.mount'],
      ['warning', '$.storage.disks.0.partitions.0.size'],
      ['warning', '$.storage.disks.0.partitions.0.start'],
      ['warning', '$.systemd.units.0.enable'],
      ['warning', '$.passwd.users.0.home_directory'],
    ])
    expect(problems.find(({ path }) => path === '$.systemd.units.0.enable')!.at).toEqual({ line: 20, column: 29 })
    expect(ignition).toEqual({
      ignition: { version: '3.3.0', config: { merge: [{ source: 'http://h/x' }] } },
      storage: {
        files: [
          {
            path: '/etc/x',
            mode: 420,
            contents: { source: 'https://h/x', verification: { hash: `sha512-${'0'.repeat(128)}` } },
          },
        ],
        filesystems: [{ device: '/dev/sdb', format: 'ext4', wipeFilesystem: true }],
        disks: [{ device: '/dev/sda', partitions: [{ label: 'a', number: 1, sizeMiB: 2048, startMiB: 0 }] }],
      },
      systemd: { units: [{ name: 'a.service', enabled: true }] },
      passwd: { users: [{ name: 'core', homeDir: '/h' }] },
    })
  })

  test.each([
    ['etcd: {name: x}', '$.etcd', 'etcd-member.service'],
    ['flannel: {}', '$.flannel', 'flanneld.service'],
    ['docker: {flags: []}', '$.docker', 'daemon.json'],
    ['locksmith: {reboot_strategy: off}', '$.locksmith', 'update.conf'],
    ['update: {group: beta}', '$.update', 'update.conf'],
    ['networkd: {units: []}', '$.networkd', '/etc/systemd/network'],
    ['storage: {files: [{filesystem: data, path: /x}]}', '$.storage.files.0.filesystem', 'the whole path'],
    ['storage: {files: [{filesystem: root, path: /x, append: true}]}', '$.storage.files.0.append', 'append: [{inline'],
    ['update: {}\nstorage: {filesystems: [{path: /x}]}', '$.storage.filesystems.0.path', 'device, format'],
    [
      'update: {}\nstorage: {filesystems: [{mount: {device: /dev/a, format: xfs, create: {}}}]}',
      '$.storage.filesystems.0.mount.create',
      'wipe_filesystem',
    ],
    [
      'update: {}\nstorage: {disks: [{device: /dev/a, partitions: [{number: 1, size: 10}]}]}',
      '$.storage.disks.0.partitions.0.size',
      'size_mib',
    ],
    ['update: {}\npasswd: {users: [{name: a, create: {}}]}', '$.passwd.users.0.create', 'beside name'],
  ])('has what Butane has not, and is told what to write: %s', (text, path, hint) => {
    const { ignition, problems } = transpile(text)
    expect(ignition).toBeNull()
    const errors = problems.filter(({ severity }) => severity === 'error')
    expect(errors.find((each) => each.path === path)?.hint).toContain(hint)
  })

  test('is not what has a variant', () => {
    expect(transpile('variant: flatcar\nversion: 1.0.0\nupdate: {}').problems).toMatchObject([
      { severity: 'error', path: '$.update' },
    ])
  })
})
