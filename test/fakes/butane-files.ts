import type { GoodDocument } from './butane-document.ts'

const file = (rest: object) => ({ storage: { files: [{ path: '/a', ...rest }] } })
const disks = (...partitions: object[]) => ({ storage: { disks: [{ device: '/dev/sda', partitions }] } })
const filesystem = (rest: object) => ({ storage: { filesystems: [{ device: '/dev/sdb', ...rest }] } })
const inline = (source: string) => ({ contents: { source, compression: '' } })
const sha512 = `sha512-${'0'.repeat(128)}`
const sha256 = `sha256-${'a'.repeat(64)}`

/** Files, directories, links, trees, disks, arrays and filesystems. */
// biome-ignore format: a table, one document in a row
export const FILES: readonly GoodDocument[] = [
  ['flatcar 1.0.0', '', {}],
  ['flatcar 1.1.0', '', {}],
  ['fcos 1.0.0', 'storage: {}', {}],
  ['fcos 1.1.0', 'storage: {files: []}', {}],
  ['fcos 1.2.0', 'storage:', {}],
  ['fcos 1.3.0', 'passwd: {users: null}', {}],
  ['fcos 1.4.0', 'ignition: {}', {}],
  ['fcos 1.5.0', 'ignition: {timeouts: {}}', {}],
  ['fcos 1.6.0', 'systemd: {units: []}', {}],
  // Contents and their data URLs.
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {inline: node1}}]}', file(inline('data:,node1'))],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {inline: ""}}]}', file(inline('data:,'))],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {inline: "a b"}}]}', file(inline('data:,a%20b'))],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {inline: "[A]\\nb=c\\n"}}]}', file(inline('data:,%5BA%5D%0Ab%3Dc%0A'))],
  ['flatcar 1.0.0', `storage: {files: [{path: /a, contents: {inline: "-_.!~*'()"}}]}`, file(inline(`data:,-_.!~*'()`))],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {inline: "ü"}}]}', file(inline('data:,%C3%BC'))],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {inline: "€€€€€€€€€€"}}]}', file(inline('data:;base64,4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs'))],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {inline: 42}}]}', file(inline('data:,42'))],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {local: hello.txt}}]}', file(inline('data:,hello%0A'))],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {local: bytes.bin}}]}', file(inline('data:;base64,//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi'))],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {source: "https://example.com/x"}}]}', file({ contents: { source: 'https://example.com/x' } })],
  ['fcos 1.0.0', 'storage: {files: [{path: /a, contents: {source: "s3://b/x"}}]}', file({ contents: { source: 's3://b/x' } })],
  ['fcos 1.0.0', 'storage: {files: [{path: /a, contents: {source: "tftp://h/x"}}]}', file({ contents: { source: 'tftp://h/x' } })],
  ['fcos 1.2.0', 'storage: {files: [{path: /a, contents: {source: "gs://b/x"}}]}', file({ contents: { source: 'gs://b/x' } })],
  ['fcos 1.5.0', 'storage: {files: [{path: /a, contents: {source: "arn:aws:s3:::b/x"}}]}', file({ contents: { source: 'arn:aws:s3:::b/x' } })],
  ['fcos 1.0.0', 'storage: {files: [{path: /a, contents: {source: "data:,x"}}]}', file({ contents: { source: 'data:,x' } })],
  ['fcos 1.0.0', 'storage: {files: [{path: /a, contents: {source: "https://h/x", compression: gzip}}]}', file({ contents: { source: 'https://h/x', compression: 'gzip' } })],
  ['fcos 1.1.0', 'storage: {files: [{path: /a, contents: {inline: x, compression: gzip}}]}', file({ contents: { source: 'data:,x', compression: 'gzip' } })],
  ['fcos 1.0.0', `storage: {files: [{path: /a, contents: {source: "https://h/x", verification: {hash: ${sha512}}}}]}`, file({ contents: { source: 'https://h/x', verification: { hash: sha512 } } })],
  ['fcos 1.1.0', `storage: {files: [{path: /a, contents: {source: "https://h/x", verification: {hash: ${sha256}}}}]}`, file({ contents: { source: 'https://h/x', verification: { hash: sha256 } } })],
  ['fcos 1.1.0', 'storage: {files: [{path: /a, contents: {source: "http://h/x", http_headers: [{name: A, value: b}]}}]}', file({ contents: { source: 'http://h/x', httpHeaders: [{ name: 'A', value: 'b' }] } })],
  ['fcos 1.1.0', 'storage: {files: [{path: /a, contents: {source: "http://h/x", http_headers: [{name: A}]}}]}', file({ contents: { source: 'http://h/x', httpHeaders: [{ name: 'A' }] } })],
  ['fcos 1.0.0', 'storage: {files: [{path: /a, append: [{inline: x}, {source: "http://h/x"}]}]}', file({ append: [{ source: 'data:,x', compression: '' }, { source: 'http://h/x' }] })],
  // Files, directories, links.
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, mode: 0644}]}', file({ mode: 420 })],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, mode: 0o600}]}', file({ mode: 384 })],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, mode: 420}]}', file({ mode: 420 })],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, mode: 0}]}', file({ mode: 0 })],
  ['flatcar 1.1.0', 'storage: {files: [{path: /a, mode: 04755}]}', file({ mode: 0o4755 })],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, overwrite: true, contents: {inline: x}}]}', file({ overwrite: true, ...inline('data:,x') })],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, overwrite: no}]}', file({ overwrite: false })],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, user: {id: 500}, group: {name: core}}]}', file({ user: { id: 500 }, group: { name: 'core' } })],
  ['flatcar 1.0.0', 'storage: {files: [{path: /a, user: {}}]}', file({})],
  ['flatcar 1.0.0', 'storage: {directories: [{path: /d, mode: 0755, overwrite: true}]}', { storage: { directories: [{ path: '/d', mode: 493, overwrite: true }] } }],
  ['flatcar 1.0.0', 'storage: {directories: [{path: /}]}', { storage: { directories: [{ path: '/' }] } }],
  ['flatcar 1.0.0', 'storage: {directories: [{path: /d}], files: [{path: /d/f}]}', { storage: { directories: [{ path: '/d' }], files: [{ path: '/d/f' }] } }],
  ['flatcar 1.0.0', 'storage: {links: [{path: /l, target: ../x}]}', { storage: { links: [{ path: '/l', target: '../x' }] } }],
  ['flatcar 1.0.0', 'storage: {links: [{path: /l, target: /x, hard: true}]}', { storage: { links: [{ path: '/l', target: '/x', hard: true }] } }],
  ['flatcar 1.0.0', 'storage: {links: [{path: /l, target: /x, user: {name: core}}]}', { storage: { links: [{ path: '/l', target: '/x', user: { name: 'core' } }] } }],
  // Trees.
  [
    'fcos 1.1.0',
    'storage: {trees: [{local: tree}]}',
    {
      storage: {
        files: [
          { path: '/a', mode: 420, ...inline('data:,a') },
          { path: '/b/c', mode: 420, ...inline('data:,c') },
        ],
      },
    },
  ],
  ['fcos 1.1.0', 'storage: {trees: [{local: tree/b/, path: /etc/}]}', { storage: { files: [{ path: '/etc/c', mode: 420, ...inline('data:,c') }] } }],
  ['fcos 1.1.0', 'storage: {trees: [{local: tools, path: /opt/bin}]}', { storage: { files: [{ path: '/opt/bin/run', mode: 493, ...inline('data:,r') }] } }],
  ['flatcar 1.0.0', 'storage: {trees: [{local: tree/b}], files: [{path: /c, mode: 0600, user: {id: 7}}]}', { storage: { files: [{ path: '/c', mode: 384, user: { id: 7 }, ...inline('data:,c') }] } }],
  // Disks.
  ['flatcar 1.0.0', 'storage: {disks: [{device: /dev/sda, wipe_table: true}]}', { storage: { disks: [{ device: '/dev/sda', wipeTable: true }] } }],
  ['flatcar 1.0.0', 'storage: {disks: [{device: /dev/sda, partitions: [{label: a}]}]}', disks({ label: 'a' })],
  ['flatcar 1.0.0', 'storage: {disks: [{device: /dev/sda, partitions: [{number: 1, size_mib: 10, start_mib: 0}]}]}', disks({ number: 1, sizeMiB: 10, startMiB: 0 })],
  ['flatcar 1.0.0', 'storage: {disks: [{device: /dev/sda, partitions: [{number: 0, label: a}]}]}', disks({ label: 'a', number: 0 })],
  [
    'flatcar 1.0.0',
    'storage: {disks: [{device: /dev/sda, partitions: [{number: 1, type_guid: 21686148-6449-6E6F-744E-656564454649, guid: c12a7328-f81f-11d2-ba4b-00c04fc93ec9}]}]}',
    disks({
      number: 1,
      typeGuid: '21686148-6449-6E6F-744E-656564454649',
      guid: 'c12a7328-f81f-11d2-ba4b-00c04fc93ec9',
    }),
  ],
  ['flatcar 1.0.0', 'storage: {disks: [{device: /dev/sda, partitions: [{number: 3, should_exist: false, wipe_partition_entry: true}]}]}', disks({ number: 3, shouldExist: false, wipePartitionEntry: true })],
  ['fcos 1.2.0', 'storage: {disks: [{device: /dev/sda, partitions: [{number: 4, label: root, resize: true, size_mib: 16384}]}]}', disks({ number: 4, label: 'root', resize: true, sizeMiB: 16384 })],
  ['flatcar 1.0.0', 'storage: {disks: [{device: /dev/sda, partitions: [{number: 1, start_mib: 1, size_mib: 4}, {number: 2, start_mib: 5, size_mib: 4}]}]}', disks({ number: 1, startMiB: 1, sizeMiB: 4 }, { number: 2, startMiB: 5, sizeMiB: 4 })],
  [
    'flatcar 1.0.0',
    'storage: {raid: [{name: data, level: raid1, devices: [/dev/sda, /dev/sdb], spares: 1, options: [--bitmap=internal]}]}',
    {
      storage: {
        raid: [
          {
            name: 'data',
            level: 'raid1',
            devices: ['/dev/sda', '/dev/sdb'],
            spares: 1,
            options: ['--bitmap=internal'],
          },
        ],
      },
    },
  ],
  ...['linear', 'raid0', 'stripe', 'mirror', 'raid4', 'raid5', 'raid6', 'raid10'].map((level): GoodDocument => ['fcos 1.0.0', `storage: {raid: [{name: d, level: ${level}, devices: [/dev/a]}]}`, { storage: { raid: [{ name: 'd', level, devices: ['/dev/a'] }] } }]),
  ...['ext4', 'btrfs', 'xfs', 'vfat', 'swap'].map((format): GoodDocument => ['fcos 1.0.0', `storage: {filesystems: [{device: /dev/sdb, format: ${format}}]}`, filesystem({ format })]),
  ['flatcar 1.0.0', 'storage: {filesystems: [{device: /dev/sdb, format: none, wipe_filesystem: true}]}', filesystem({ format: 'none', wipeFilesystem: true })],
  [
    'flatcar 1.0.0',
    'storage: {filesystems: [{device: /dev/sdb, format: ext4, path: /var/x, label: x, uuid: 00000000-0000-0000-0000-000000000001, options: [-F], mount_options: [ro]}]}',
    filesystem({
      format: 'ext4',
      path: '/var/x',
      label: 'x',
      uuid: '00000000-0000-0000-0000-000000000001',
      options: ['-F'],
      mountOptions: ['ro'],
    }),
  ],
]
